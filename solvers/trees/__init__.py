"""Solvers of trees on the sequence form: counterfactual regret minimisation, the linear program."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
