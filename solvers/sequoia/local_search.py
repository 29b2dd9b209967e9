"""Local search for an action of great value: the best single bit, or where none helps the best swap.

What it ends in is a local optimum of all three moves: adding, dropping and swapping. Values come from the
core of the network over the set, and only moves that would help are tested for membership, the best first.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.action_set import ActionSet
from solvers.sequoia.bounds import LayerBounds, set_core
from solvers.sequoia.counting import Counting, counting
from solvers.sequoia.local_search_kernels import Lanes, climb, neighbours
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.profile_kernels import climb_profiles, move_room
from solvers.sequoia.profiles import Profiles
from solvers.sequoia.stack import Stack

_TESTED_AT_ONCE = 32


def improve(
    network: ActionNetwork,
    starts: ArrayLike,
    action_set: ActionSet,
    limit: int = 1000,
    *,
    bounds: LayerBounds | None = None,
    count: Counting | None = None,
    profiles: Profiles | None = None,
) -> tuple[NDArray[np.bool_], float]:
    """The best of the local optima reached from several allowed actions; of equal ones the first.

    Args:
        network: Q of one state.
        starts: allowed actions, of shape (starts, N), at least one.
        action_set: allowed actions.
        limit: greatest number of moves from each start.
        bounds: of the network over the set, if they are known already.
        count: the relaxation of the set that the bounds are for; None: by the number of its bits.
        profiles: of the set, if they are known: then moves need no test.

    Returns:
        An allowed action, bool of shape (N,), and its Q by ``network``.

    Raises:
        ValueError: ``starts`` has another shape or holds an action that is not allowed.
    """
    actions = np.array(starts, dtype=np.bool_, ndmin=1)
    if actions.ndim != 2 or actions.shape[0] == 0 or actions.shape[1] != network.size:
        raise ValueError(f"starts must have shape (1 or more, {network.size}), got {np.shape(starts)}")
    allowed = action_set.contains(actions)
    if not allowed.all():
        raise ValueError(
            f"starts must be actions of {action_set.name}; rows {np.flatnonzero(~allowed)} are not"
        )
    count = counting(action_set) if count is None else count
    stack, *_ = set_core(network, count, bounds)
    shape = (stack.neurons + 1, stack.bits + 1)
    lanes = Lanes(np.empty(shape), np.empty(shape), np.empty(stack.bits, dtype=np.int64))
    for action in actions:
        if profiles is not None:
            moves = profiles.moves
            room = move_room(moves, stack.bits)
            climb_profiles(stack, action, count.fixed, moves, limit, lanes, room)
        elif count.complete:
            climb(stack, action, count.fixed, count.left, count.exactly, limit, lanes)
        else:
            _climb_tested(stack, action, action_set, count, limit, lanes)
    values = network.values(actions)
    best = actions[int(values.argmax())]
    return best, float(network.values(best[None])[0])


def _climb_tested(
    stack: Stack, action: NDArray[np.bool_], action_set: ActionSet, count: Counting, limit: int, lanes: Lanes
) -> None:
    """As ``climb`` for a set that only its test of membership knows."""
    n = action.size
    values = np.empty((n + 1, n + 1))
    for _ in range(limit):
        for swaps in (False, True):
            now = neighbours(stack, action, count.fixed, swaps, lanes, values)
            better = np.flatnonzero(values > now + 2.0 * stack.margin[-1])
            better = better[np.argsort(-values.ravel()[better], kind="stable")]
            move = _first_allowed(action, better, action_set)
            if move is not None:
                action[:] = move
                break
        else:
            return


def _first_allowed(
    action: NDArray[np.bool_], better: NDArray[np.int64], action_set: ActionSet
) -> NDArray[np.bool_] | None:
    """The first of some moves, numbered as in ``neighbours``, that leads to an allowed action."""
    n = action.size
    for begin in range(0, better.size, _TESTED_AT_ONCE):
        drop, add = np.divmod(better[begin : begin + _TESTED_AT_ONCE], n + 1)
        moves = np.zeros((drop.size, n + 1), dtype=np.bool_)
        moves[:, :n] = action
        lane = np.arange(drop.size)
        moves[lane, drop] = False
        moves[lane, add] = True
        moves = moves[:, :n]
        allowed = (add == n) if action_set.downward else np.zeros(drop.size, dtype=np.bool_)
        allowed[~allowed] = action_set.contains(moves[~allowed])
        if allowed.any():
            found: NDArray[np.bool_] = moves[int(allowed.argmax())]
            return found
    return None
