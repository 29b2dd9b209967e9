"""Learning with networks: learners, what they play in, and the policies they leave."""

import lazy_loader

# What differentiates loads torch when it is first touched; what plays does not need it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
