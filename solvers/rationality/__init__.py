"""How rational a player is: games with known answers, what it did in them, and what that says of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
