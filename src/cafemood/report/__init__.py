"""What people look at: report, comparison, atlas, export, terminal, W&B."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
