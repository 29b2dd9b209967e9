"""Compiled best-first branch and bound on the core of a network, over bits and over signs of neurons.

A tree branches on one of the two kinds; which one is the caller's choice.

- Bit: the free one of greatest coefficient among those set at the maximiser of the node's linear bound.
  Fixing it narrows the set, so all neurons are bounded anew.
- Neuron: the unstable one whose line is farthest from its activation, weighed by its factor.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.bounds_kernels import Floats, Signs, bound_neurons, copy, interval
from solvers.sequoia.branching_pool import Pool, Questions, pop, push
from solvers.sequoia.cutoff_kernels import LOOKS, narrow
from solvers.sequoia.dual_kernels import Work, minimise_bound, value_of
from solvers.sequoia.kinds import Kinds
from solvers.sequoia.kinds_kernels import greatest_by_kinds
from solvers.sequoia.stack import Stack

DONE, FULL, ASK = range(3)

OPEN, UNUSED, NODES, ASKED = range(4)
VALUE, SETTLED = range(2)

STEPS, ROOT_STEPS = 6, 30
_NEGLIGIBLE = 1e-3


@njit(nogil=True, cache=True, _nrt=False)
def settle_bits(fixed: Signs, most: int, exactly: bool) -> tuple[int, int]:
    """Fix all bits if their number leaves no choice.

    Returns:
        How many free bits may be set, -1 if no action is left, and how many bits are free.
    """
    left, free = most, 0
    for i in range(fixed.size):
        if fixed[i] == 1:
            left -= 1
        elif fixed[i] < 0:
            free += 1
    if left < 0 or (exactly and left > free):
        return -1, free
    if free > 0 and (left == 0 or (exactly and left == free)):
        bit = 0 if left == 0 else 1
        for i in range(fixed.size):
            if fixed[i] < 0:
                fixed[i] = bit
        return 0, 0
    return left, free


@njit(nogil=True, cache=True, _nrt=False)
def choose(pool: Pool, work: Work, slope: Floats, k: int, gap: float) -> None:
    """Where node ``k``, whose bound exceeds the goal by ``gap``, would be branched on by either kind."""
    far = -np.inf
    pool.bit[k] = -1
    for inside in (True, False):
        for i in range(work.coef.size):
            if pool.fixed[k, i] < 0 and work.action[i] == inside and work.coef[i] > far:
                far = work.coef[i]
                pool.bit[k] = i
        if pool.bit[k] >= 0:
            break
    most = _NEGLIGIBLE * gap
    pool.neuron[k] = -1
    for v in range(slope.size):
        if pool.lower[k, v] < 0.0 < pool.upper[k, v]:
            x = work.before[v]
            off = abs(work.factor[v] * (work.after[v] - max(x, slope[v] * x)))
            if off > most:
                most = off
                pool.neuron[k] = v


@njit(nogil=True, cache=True, _nrt=False)
def bound_node(
    stack: Stack,
    whole: Stack,
    pool: Pool,
    work: Work,
    score: Floats,
    k: int,
    most: int,
    exactly: bool,
    kinds: Kinds,
    attained: bool,
    tighten: bool,
    steps: int,
    tol: float,
) -> float:
    """Bound node ``k``, fix bits and choose where it would be branched on.

    Returns:
        Q of ``work.point``, the best action met.
    """
    fixed, lower, upper = pool.fixed[k], pool.lower[k], pool.upper[k]
    bound, met = pool.bound[k], -np.inf
    left, free = settle_bits(fixed, most, exactly)
    if tighten and free > 0 and left >= 0:
        if bound_neurons(
            stack, fixed, left, exactly, kinds, lower, upper, work.factor, work.coef, work.spare
        ):
            m = stack.slope.size
            plain = interval(1.0, m, stack, fixed, left, exactly, kinds, lower, upper, work.coef, work.spare)
            bound = min(bound, plain + stack.margin[m])
        else:
            left = -1
    if free > 0 and left >= 0:
        bound, met, excluded = minimise_bound(
            stack,
            whole,
            fixed,
            left,
            exactly,
            kinds,
            pool.split[k],
            lower,
            upper,
            pool.alpha[k],
            pool.beta[k],
            bound,
            score[VALUE],
            tol,
            attained,
            steps,
            work,
        )
        score[SETTLED] = max(score[SETTLED], excluded)
        left, free = settle_bits(fixed, most, exactly)
    if free == 0 and kinds.order.size > 0 and greatest_by_kinds(work.coef, fixed, kinds) == -np.inf:
        left = -1
    if left < 0 or bound == -np.inf:
        pool.bound[k] = -np.inf
        return met
    if free == 0:  # a single action: its value says more than any bound
        for i in range(fixed.size):
            work.action[i] = fixed[i] == 1
        q = value_of(whole, work)
        if q > met or not attained:  # without a test of its own, the action could be lost with the node
            met = q
            copy(work.action, work.point)
        bound = min(bound, q + whole.margin[whole.slope.size])
    pool.bound[k] = bound
    choose(pool, work, stack.slope, k, bound - score[VALUE] - tol)
    return met


@njit(nogil=True, cache=True, _nrt=False)
def narrowing_cost(lower: Floats, upper: Floats) -> int:
    """Nodes that could be bounded in the time that narrowing takes at most."""
    unstable = 0
    for v in range(lower.size):
        unstable += lower[v] < 0.0 < upper[v]
    return 1 + 2 * unstable * LOOKS // STEPS


@njit(nogil=True, cache=True, _nrt=False)
def narrow_root(
    stack: Stack,
    whole: Stack,
    pool: Pool,
    work: Work,
    score: Floats,
    most: int,
    exactly: bool,
    kinds: Kinds,
    attained: bool,
    tol: float,
) -> float:
    """Narrow the neurons of the root, in row 0, to what the value to beat leaves, and bound it again.

    Returns:
        Q of ``work.point``, the best action met.
    """
    goal = score[VALUE] + 0.5 * tol  # half, so that rounding does not keep the gap open
    score[SETTLED] = max(score[SETTLED], goal)
    fixed = pool.fixed[0]
    left, _ = settle_bits(fixed, most, exactly)
    if left < 0 or not narrow(
        stack,
        fixed,
        left,
        exactly,
        kinds,
        pool.split[0],
        pool.lower[0],
        pool.upper[0],
        pool.alpha[0],
        pool.beta[0],
        goal,
        pool.bound[0] - goal,
        work,
    ):
        pool.bound[0] = -np.inf
        return -np.inf
    return float(
        bound_node(stack, whole, pool, work, score, 0, most, exactly, kinds, attained, False, ROOT_STEPS, tol)
    )


@njit(nogil=True, cache=True, _nrt=False)
def ask(
    pool: Pool, questions: Questions, tally: NDArray[np.int64], action: NDArray[np.bool_], row: int
) -> None:
    """Put a question; there is room for it."""
    q = tally[ASKED]
    copy(action, questions.action[q])
    questions.row[q] = row
    questions.number[q] = pool.number[row] if row >= 0 else -1
    tally[ASKED] += 1


@njit(nogil=True, cache=True, _nrt=False)
def record(
    pool: Pool,
    work: Work,
    questions: Questions,
    tally: NDArray[np.int64],
    score: Floats,
    k: int,
    met: float,
    attained: bool,
    tol: float,
) -> bool:
    """Take in a node just bounded; returns whether it is open."""
    tally[NODES] += 1
    asked = False
    if met > score[VALUE]:
        if attained:
            score[VALUE] = met
            copy(work.point, work.best)
        else:
            ask(pool, questions, tally, work.point, -1)
            asked = True
    if pool.bound[k] <= score[VALUE] + tol:
        score[SETTLED] = max(score[SETTLED], pool.bound[k])
        return False
    if pool.bit[k] < 0:  # a single action
        if not asked:
            score[SETTLED] = max(score[SETTLED], pool.bound[k])
        return False
    push(pool.bound, pool.heap, tally[OPEN], k)
    tally[OPEN] += 1
    return True


@njit(nogil=True, cache=True, _nrt=False)
def plant(
    stack: Stack,
    whole: Stack,
    pool: Pool,
    work: Work,
    questions: Questions,
    tally: NDArray[np.int64],
    score: Floats,
    most: int,
    exactly: bool,
    kinds: Kinds,
    attained: bool,
    tol: float,
) -> None:
    """Bound the root, in row 0, and bound it again if that fixed bits."""
    rows = pool.bound.size
    for k in range(1, rows):
        pool.unused[rows - 1 - k] = k
    tally[UNUSED] = rows - 1
    met = bound_node(
        stack, whole, pool, work, score, 0, most, exactly, kinds, attained, False, ROOT_STEPS, tol
    )
    if pool.bound[0] > score[VALUE] + tol:
        free = 0
        for i in range(pool.fixed.shape[1]):
            free += pool.fixed[0, i] < 0
        if free < pool.fixed.shape[1] and met <= score[VALUE]:
            met = bound_node(
                stack, whole, pool, work, score, 0, most, exactly, kinds, attained, True, ROOT_STEPS, tol
            )
    record(pool, work, questions, tally, score, 0, met, attained, tol)


@njit(nogil=True, cache=True, _nrt=False)
def grow(
    stack: Stack,
    whole: Stack,
    pool: Pool,
    work: Work,
    questions: Questions,
    tally: NDArray[np.int64],
    score: Floats,
    most: int,
    exactly: bool,
    kinds: Kinds,
    attained: bool,
    downward: bool,
    bits: bool,
    pause: int,
    tol: float,
) -> int:
    """Branch until the tree is closed or something is wanted from the caller.

    Args:
        stack: the core; it need equal the network only on actions that beat the value.
        whole: the network itself.
        pool: nodes.
        work: buffers.
        questions: filled, ``tally[ASKED]`` of them, unless ``attained``.
        tally: int64, counts at ``OPEN``, ``UNUSED``, ``NODES`` and ``ASKED``.
        score: ``VALUE`` to beat, and the greatest bound ``SETTLED``.
        most: greatest number of bits set.
        exactly: whether so many must be.
        kinds: if there are any, they tell more than the number of bits.
        attained: every action of the relaxation is allowed.
        downward: an action is allowed only if all those with fewer bits are.
        bits: whether to branch on bits alone; else on neurons while there are any.
        pause: number of nodes at which to stop for now.
        tol: by which the value has to be beaten.

    Returns:
        ``DONE``: closed, or at the limit; ``FULL``: two more rows are needed; ``ASK``: there are questions.
    """
    bound, heap, unused = pool.bound, pool.heap, pool.unused
    while tally[OPEN] > 0 and bound[heap[0]] > score[VALUE] + tol and tally[NODES] + 2 <= pause:
        if tally[ASKED] + 4 > questions.row.size:
            return ASK
        if tally[UNUSED] < 2:
            return FULL
        k = pop(bound, heap, tally[OPEN])
        tally[OPEN] -= 1
        if pool.dead[k]:
            unused[tally[UNUSED]] = k
            tally[UNUSED] += 1
            continue
        by_bit = bits or pool.neuron[k] < 0
        for side in range(2):
            tally[UNUSED] -= 1
            c = unused[tally[UNUSED]]
            copy(pool.fixed[k], pool.fixed[c])
            copy(pool.split[k], pool.split[c])
            copy(pool.lower[k], pool.lower[c])
            copy(pool.upper[k], pool.upper[c])
            copy(pool.alpha[k], pool.alpha[c])
            copy(pool.beta[k], pool.beta[c])
            bound[c] = bound[k]
            pool.number[c] = tally[NODES]
            pool.dead[c] = False
            if by_bit:
                pool.fixed[c, pool.bit[k]] = 1 - side
            elif side == 0:
                pool.split[c, pool.neuron[k]] = 1
                pool.lower[c, pool.neuron[k]] = 0.0
            else:
                pool.split[c, pool.neuron[k]] = -1
                pool.upper[c, pool.neuron[k]] = 0.0
            met = bound_node(
                stack, whole, pool, work, score, c, most, exactly, kinds, attained, by_bit, STEPS, tol
            )
            is_open = record(pool, work, questions, tally, score, c, met, attained, tol)
            if not is_open:
                unused[tally[UNUSED]] = c
                tally[UNUSED] += 1
            elif downward and by_bit and side == 0:
                for i in range(work.point.size):
                    work.point[i] = pool.fixed[c, i] == 1
                ask(pool, questions, tally, work.point, c)
        unused[tally[UNUSED]] = k
        tally[UNUSED] += 1
    return ASK if tally[ASKED] > 0 else DONE
