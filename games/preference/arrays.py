"""Arrays of numpy or torch, for algebra that is written once for both.

Both libraries have the functions used with it under the same names, and torch takes numpy's ``axis`` and
``keepdims``; so the module to which an array belongs serves as the namespace.
"""

from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# The two kinds have no type in common that knows arithmetic.
Array: TypeAlias = Any
"""A numpy array or a torch tensor of doubles, where a function takes either and returns the same kind."""


def array_module(array: Array) -> ModuleType:
    """``numpy`` or ``torch``, whichever ``array`` belongs to."""
    if isinstance(array, (np.ndarray, np.generic)):
        return np
    import torch

    return torch


def greatest(array: Array, *, keepdims: bool = False) -> Array:
    """Maximum over the last axis, which torch knows by another name."""
    if isinstance(array, np.ndarray):
        return array.max(axis=-1, keepdims=keepdims)
    return array.amax(axis=-1, keepdims=keepdims)


def at_least(array: Array, low: float) -> Array:
    """``array``, and ``low`` where it is lower; numpy's ``clip`` is slow on small arrays."""
    return np.maximum(array, low) if isinstance(array, (np.ndarray, np.generic)) else array.clamp(min=low)


def to_numpy(array: Array) -> NDArray[Any]:
    """``array`` in the memory of the host; a numpy array is returned as it is."""
    return array if isinstance(array, np.ndarray) else np.asarray(array.cpu())
