"""Players in populations: language models as strategies beside others, weighed and exploited."""

import lazy_loader

# Whoever only plays does not need the solvers.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
