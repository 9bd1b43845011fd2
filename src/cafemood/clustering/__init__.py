"""Rows (n, d) to groups: k-means, DEC, IDEC, N2D, TEMI, UMAP's, and the spaces they work in. Knows no photos."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
