"""Judges: who says how probable it is that one response is preferred to another."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
