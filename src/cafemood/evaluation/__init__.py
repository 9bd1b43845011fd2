"""How far a grouping can be trusted: scores, nulls, stability, selection, verdict."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
