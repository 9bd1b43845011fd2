"""Cafés and moods: looks, names, profiles, similar cafés, new photos."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
