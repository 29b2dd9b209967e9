"""Solvers: equilibria of matrix games, population learning on trees, reports."""

import lazy_loader

# Subpackages load when they are first touched.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
