"""Self-play on preference games: exact equilibria and the family of log-space updates around INPO."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
