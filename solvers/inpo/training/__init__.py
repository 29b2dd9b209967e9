"""INPO and its family for language models, on ``transformers``; needs ``pip install counterplay[lm]``."""

import lazy_loader

from games.errors import MissingDependencyError

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
_EXTRA = ("transformers", "accelerate", "peft", "datasets", "safetensors", "tokenizers")


def __getattr__(name: str) -> object:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise MissingDependencyError(
            f"{__name__}.{name} needs {error.name}: pip install counterplay[lm]"
        ) from error
