"""Photos and matrices in: folders, lists and labelled arrays become a `PhotoSet`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
