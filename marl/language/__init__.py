"""Text models: what they are asked and answer, servers and models in process, and wrappers around them.

Wrappers go around a server in this order, so that each attempt waits its turn and is paid, and what is kept
is not asked at all: ``Cached(Retrying(Limited(Budgeted(OpenAIEndpoint(...)))))``.
"""

import lazy_loader

# The model in process loads torch when it is first touched; what talks to servers does not need it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
