"""Players: whoever answers a question about a game, by a rule, a policy, or a language model."""

import lazy_loader

# What talks to language models is loaded when it is first touched; players that compute do not need it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
