"""Policy-space response oracles: population learning by solving ever larger empirical games."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
