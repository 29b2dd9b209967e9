"""What a problem is, and how a claimed answer is checked.

Nothing here imports a solver, so every certificate is an independent witness.
"""

import lazy_loader

# Subpackages load when they are first touched.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
