"""Empirical games: sampled payoffs between policies, their risk, and what the sample proves."""

import lazy_loader

# Risk loads numba when it is first touched; processes that only simulate never touch it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
