"""Coupled restless bandits: arms, the sets that their actions are chosen from, and simulators."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
