"""The best action of a table: only actions whose linear bound exceeds the best value are put through Q."""

import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.action_table import ActionTable
from solvers.sequoia.bounds import LayerBounds, set_core
from solvers.sequoia.counting import Counting
from solvers.sequoia.exact_stages import Incumbent
from solvers.sequoia.local_search_kernels import Lanes
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.table_kernels import linear_values, network_values

_LANES = 64
_FIRST = 64
_CHUNK = 1024


def best_in_table(
    network: ActionNetwork,
    table: ActionTable,
    count: Counting,
    bounds: LayerBounds,
    enough: float,
    allowed: float,
) -> Incumbent:
    """The best allowed action of a table with its proof.

    Actions are tried in the order of their linear bounds, after the best of some parts of the table. The
    values compared are those of the network's core; between actions that rounding leaves tied there, the
    network itself decides.

    Args:
        network: Q of one state.
        table: at least one action in it is allowed.
        count: what counting says of the set.
        bounds: of the network over the set.
        enough: actions that do not exceed this value need not be told apart.
        allowed: gap at which to stop, in units of Q.

    Returns:
        The action; its bound is within ``allowed`` of its value or of ``enough``.
    """
    stack, *_ = set_core(network, count, bounds)
    columns = np.ascontiguousarray(stack.outer.T)
    shape = (stack.neurons + 1, _LANES)
    lanes, row = Lanes(np.empty(shape), np.empty(shape), np.empty(0, dtype=np.int64)), np.empty(shape[0])
    linear = np.empty(table.bit.size)
    first = np.empty(min(_FIRST, linear.size), dtype=np.int64)
    linear_values(
        table.before,
        table.bit,
        table.allowed,
        bounds.output_coefficients,
        bounds.output_constant,
        linear,
        first,
    )

    def evaluate(places: NDArray[np.int64]) -> NDArray[np.float64]:
        values = np.empty(places.size)
        network_values(stack, columns, table.before, table.bit, places, row, lanes, values)
        return values

    tried, found = [first[first >= 0]], [evaluate(first[first >= 0])]
    linear[tried[0]] = -np.inf
    best = float(found[0].max())
    # No action skipped may tie with the best through rounding.
    margin = 2.0 * float(stack.margin[-1])
    reach = max(allowed, 0.0) - margin
    left = np.flatnonzero(linear > max(best, enough) + reach)
    left = left[np.argsort(-linear[left], kind="stable")]
    ahead = linear[left]
    done = 0
    while done < left.size and ahead[done] > max(best, enough) + reach:
        chunk = left[done : done + _CHUNK]
        tried.append(chunk)
        found.append(evaluate(chunk))
        best = max(best, float(found[-1].max()))
        done += chunk.size
    linear[left[:done]] = -np.inf
    places, values = np.concatenate(tried), np.concatenate(found)
    tied = np.sort(places[values >= best - margin])
    actions = table.actions(tied)
    action = actions[int(network.values(actions).argmax())]
    value = float(network.values(action[None])[0])
    skipped = float(linear.max())
    return Incumbent(action, value, max(value, skipped))
