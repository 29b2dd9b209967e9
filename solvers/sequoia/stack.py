"""A network as one triangular system, whose layers are all bounded, reduced and searched by the same code.

Hidden neurons are numbered through all layers, and x are their values before activation:

    x_u = sum_{v < first_u} M_uv f_v(x_v) + V_u a + c_u,        f_v(x) = max(x, slope_v x),

with the output as one more row. A neuron whose sign is known over all actions in question is linear there
and can be put into the rows of the others. What is left after that is the *core*: often a fifth of the
network, and equal to it on those actions.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.network import ActionNetwork

_EPSILON = float(np.finfo(np.float64).eps)
_GREATEST = 1e150  # products of two are still finite


class Stack(NamedTuple):
    """Rows of the m hidden neurons and, last, of the output.

    Attributes:
        inner: M, of shape (m + 1, m).
        outer: V, of shape (m + 1, N).
        constant: c, of shape (m + 1,).
        slope: of each neuron, of shape (m,).
        begin: first neuron that a row may use, int64 of shape (m + 1,).
        first: end of the neurons that a row may use, likewise: the first neuron of its own layer.
        margin: more than rounding can change in a row's value or bound, of shape (m + 1,): 4 (m + N) units in
            the last place of the greatest sum of magnitudes that can meet in it.
    """

    inner: NDArray[np.float64]
    outer: NDArray[np.float64]
    constant: NDArray[np.float64]
    slope: NDArray[np.float64]
    begin: NDArray[np.int64]
    first: NDArray[np.int64]
    margin: NDArray[np.float64]

    @property
    def neurons(self) -> int:
        """Number m of neurons."""
        return int(self.slope.size)

    @property
    def bits(self) -> int:
        """N, the number of action bits."""
        return int(self.outer.shape[1])


def layer_starts(network: ActionNetwork) -> NDArray[np.int64]:
    """Where the neurons of each hidden layer begin, and the end of the last; int64 of shape (layers + 1,)."""
    return np.cumsum([0, *(bias.size for bias in network.biases[:-1])])


def stacked(network: ActionNetwork) -> Stack:
    """All neurons of a network as they are.

    Raises:
        ValueError: a weight or bias is not finite, or sums of their magnitudes are 1e150 or more.
    """
    starts = layer_starts(network)
    total = int(starts[-1])
    inner = np.zeros((total + 1, total))
    outer = np.zeros((total + 1, network.size))
    begin = np.zeros(total + 1, dtype=np.int64)
    first = np.zeros(total + 1, dtype=np.int64)
    outer[: network.biases[0].size] = network.weights[0]
    for k, weight in enumerate(network.weights[1:]):
        lo, hi = starts[k], starts[k + 1]
        own = slice(hi, hi + len(weight))
        inner[own, lo:hi] = weight
        begin[own], first[own] = lo, hi
    stack = Stack(
        inner=inner,
        outer=outer,
        constant=np.concatenate(network.biases),
        slope=np.repeat(network.slopes, np.diff(starts)),
        begin=begin,
        first=first,
        margin=np.empty(total + 1),
    )
    row = fill_margins(stack)
    if row >= 0:
        k = int(np.searchsorted(starts, row, side="right")) - 1
        raise ValueError(
            f"network must have finite weights and biases, whose sums stay below {_GREATEST:g}; those of "
            f"weights[{k}] and biases[{k}] do not"
        )
    return stack


@njit(nogil=True, cache=True, _nrt=False)
def fill_margins(stack: Stack) -> int:
    """Work out the margins of a network as it is, in place.

    Returns:
        The first row whose magnitudes are not finite or too great for floating-point numbers, -1 for none.
    """
    inner, outer, constant, slope, begin, first, margin = stack
    unit = rounding(slope.size, outer.shape[1])
    for u in range(margin.size):
        magnitude = abs(constant[u])
        for i in range(outer.shape[1]):
            magnitude += abs(outer[u, i])
        margin[u] = unit * magnitude
        for v in range(begin[u], first[u]):
            margin[u] += abs(inner[u, v]) * margin[v]
        # No comparison with NaN is true, and what is compared with it would pass for proven.
        if not margin[u] < unit * _GREATEST:
            return u
    return -1


@njit(nogil=True, cache=True, _nrt=False)
def rounding(neurons: int, bits: int) -> float:
    """The margin of a row in which magnitudes of 1 can meet."""
    return float(4.0 * (neurons + bits) * _EPSILON)


@njit(nogil=True, cache=True, _nrt=False)
def stack_width(stack: Stack, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> float:
    """How far apart two values of Q can lie, by the bounds of the last hidden layer.

    At least 1e-5 of the greatest sum of magnitudes that the network can put into Q: a millionth of less than
    that might be rounding.

    Args:
        stack: a network as it is.
        lower: bounds of its neurons, of shape (m,).
        upper: likewise.
    """
    inner, outer, _, slope, begin, first, margin = stack
    m = slope.size
    width = 0.0
    for i in range(outer.shape[1]):
        width += abs(outer[m, i])
    for v in range(begin[m], first[m]):
        high, low = max(upper[v], slope[v] * upper[v]), max(lower[v], slope[v] * lower[v])
        width += abs(inner[m, v]) * (high - low)
    return float(max(width, 1e-5 * margin[m] / rounding(m, outer.shape[1])))


def core(stack: Stack, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> Stack:
    """The same function of the action without the neurons that the bounds settle.

    Args:
        stack: the network.
        lower: valid bounds of its neurons over the actions in question, of shape (m,).
        upper: likewise.

    Returns:
        The neurons with lower < 0 < upper, each with the margin that it had, and the output.
    """
    room = core_room(stack.neurons, stack.bits)
    width, n = fill_core(stack, lower, upper, room), stack.bits
    return Stack(
        room.inner[: (width + 1) * width].reshape(width + 1, width).copy(),
        room.outer[: (width + 1) * n].reshape(width + 1, n).copy(),
        room.constant[: width + 1].copy(),
        room.slope[:width].copy(),
        room.begin[: width + 1],
        room.first[: width + 1].copy(),
        room.margin[: width + 1].copy(),
    )


class CoreRoom(NamedTuple):
    """Room for any core of a network with m neurons and N bits.

    Attributes:
        inner: of shape ((m + 1) m,).
        outer: of shape ((m + 1) N,).
        constant: of shape (m + 1,).
        slope: of shape (m,).
        begin: zeros, int64 of shape (m + 1,).
        first: int64 of shape (m + 1,).
        margin: of shape (m + 1,).
        ahead: int64 of shape (m + 1,), kept neurons before each.
        rows: of shape (m + 1, m + N + 1), each row by kept neurons, action and 1.
    """

    inner: NDArray[np.float64]
    outer: NDArray[np.float64]
    constant: NDArray[np.float64]
    slope: NDArray[np.float64]
    begin: NDArray[np.int64]
    first: NDArray[np.int64]
    margin: NDArray[np.float64]
    ahead: NDArray[np.int64]
    rows: NDArray[np.float64]


def core_room(m: int, n: int) -> CoreRoom:
    """Room for cores of a network with m neurons and n bits."""
    return CoreRoom(
        inner=np.empty((m + 1) * m),
        outer=np.empty((m + 1) * n),
        constant=np.empty(m + 1),
        slope=np.empty(m),
        begin=np.zeros(m + 1, dtype=np.int64),
        first=np.empty(m + 1, dtype=np.int64),
        margin=np.empty(m + 1),
        ahead=np.empty(m + 1, dtype=np.int64),
        rows=np.empty((m + 1, m + n + 1)),
    )


@njit(nogil=True, cache=True, _nrt=False)
def fill_core(stack: Stack, lower: NDArray[np.float64], upper: NDArray[np.float64], room: CoreRoom) -> int:
    """Put a core into the beginnings of the arrays of its room, as in ``core``; returns its neurons."""
    m, n = stack.slope.size, stack.outer.shape[1]
    ahead, rows = room.ahead, room.rows
    ahead[0] = 0
    for v in range(m):
        ahead[v + 1] = ahead[v] + (lower[v] < 0.0 < upper[v])
    width = ahead[m]
    for u in range(m + 1):
        for w in range(width):
            rows[u, w] = 0.0
        for i in range(n):
            rows[u, width + i] = stack.outer[u, i]
        rows[u, width + n] = stack.constant[u]
        for v in range(stack.begin[u], stack.first[u]):
            t = stack.inner[u, v]
            if ahead[v + 1] > ahead[v]:
                rows[u, ahead[v]] += t
                continue
            if not lower[v] >= 0.0:
                t *= stack.slope[v]
            if t == 0.0:
                continue
            for w in range(ahead[stack.first[v]]):
                rows[u, w] += t * rows[v, w]
            for i in range(width, width + n + 1):
                rows[u, i] += t * rows[v, i]
    k = 0
    for u in range(m + 1):
        if u < m and ahead[u + 1] == ahead[u]:
            continue
        for w in range(width):
            room.inner[k * width + w] = rows[u, w]
        for i in range(n):
            room.outer[k * n + i] = rows[u, width + i]
        room.constant[k] = rows[u, width + n]
        room.first[k], room.margin[k] = ahead[stack.first[u]], stack.margin[u]
        if u < m:
            room.slope[k] = stack.slope[u]
        k += 1
    return int(width)


@njit(nogil=True, cache=True, _nrt=False)
def core_in_place(
    stack: Stack, lower: NDArray[np.float64], upper: NDArray[np.float64], room: CoreRoom
) -> Stack:
    """As ``core``, a view of its room: for kernels alone; Python would get the whole room."""
    small: Stack = core_view(room, fill_core(stack, lower, upper, room), stack.outer.shape[1])
    return small


@njit(nogil=True, cache=True, _nrt=False)
def core_view(room: CoreRoom, width: int, n: int) -> Stack:
    """The core of ``width`` neurons and n bits that a room was filled with."""
    return Stack(
        room.inner[: (width + 1) * width].reshape(width + 1, width),
        room.outer[: (width + 1) * n].reshape(width + 1, n),
        room.constant[: width + 1],
        room.slope[:width],
        room.begin[: width + 1],
        room.first[: width + 1],
        room.margin[: width + 1],
    )
