"""Oracles: best responses learned by playing."""

import lazy_loader

# Oracles with networks load torch, or stable-baselines3, when they are first touched.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
