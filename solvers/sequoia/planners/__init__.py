"""Several planners, or a planner and nature, as games that are solved by oracles."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
