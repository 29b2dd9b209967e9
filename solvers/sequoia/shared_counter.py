"""A number that threads in compiled code count up together."""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray


@intrinsic
def _add(typing: Any, target: Any, amount: Any) -> Any:  # noqa: ANN401
    """Add to the first entry of an int64 array, and return what it was, in one step no thread can divide."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, arguments[1], "monotonic")

    return types.int64(target, types.int64), generate


@njit(nogil=True, cache=True, _nrt=False)
def take_next(counter: NDArray[np.int64]) -> int:
    """The number in ``counter``, of shape (1,), which goes up by one; no two threads get the same."""
    return int(_add(counter, np.int64(1)))
