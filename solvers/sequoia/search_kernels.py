"""The course of a branch and bound, compiled: how long a tree grows, when it begins anew, and by which kind.

After a few nodes, and again each time that they are many times as many, the search begins anew: the neurons
of the root are bounded over the actions that beat the best one known (``solvers.sequoia.cutoff_kernels``),
those whose sign is settled leave the core, and two trees race for some nodes, one that branches on bits and
one on neurons. The one with the lower bound goes on: which kind is better differs from network to network, by
as much as a factor of a hundred.

Whatever is known of a search is in its arrays, so it can be left at any time and taken up again.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.bounds_kernels import Floats, Signs, copy
from solvers.sequoia.branch_and_bound_kernels import (
    DONE,
    NODES,
    OPEN,
    SETTLED,
    UNUSED,
    VALUE,
    grow,
    narrow_root,
    narrowing_cost,
    plant,
)
from solvers.sequoia.branching_pool import Pool, Questions, narrower, pool_rows, questions_room
from solvers.sequoia.dual_kernels import Work, work_room
from solvers.sequoia.kinds import Kinds
from solvers.sequoia.stack import CoreRoom, Stack, core_in_place, core_room, core_view

# What `advance` returns, beside the reasons of `grow`.
LOOK = 3

NEVER = 1 << 62
"""More nodes than there ever are."""

# In tally, after the four counts of `grow`.
PHASE, PAUSE, STOP, FIRST_WIDTH, WIDTH, CORE, POOL, BITS, LENGTH, OPEN_BEFORE, UNUSED_BEFORE = range(4, 15)
# In score, after the two of `grow`.
KNOWN, ROOT, LEAST = range(2, 5)

_GROW, _RESTART, _RACE_BITS, _RACE_NEURONS = range(4)

_ROUNDS = 6
"""Passes over the neurons at one restart."""
_WORTHWHILE = 0.8
"""A pass that leaves more of the gap than this is the last."""
_RACE = 64
"""Nodes at least for each kind of branching before one is chosen; else a quarter of those before."""
_ROWS = 256


class Root(NamedTuple):
    """What is known of the root's bits and of the neurons of the core, of which there are m' <= m.

    Attributes:
        fixed: as in `Pool`, of shape (N,).
        lower: of the neurons, the first m' of shape (m,).
        upper: likewise.
        alpha: likewise.
    """

    fixed: Signs
    lower: Floats
    upper: Floats
    alpha: Floats


class Search(NamedTuple):
    """A search in progress.

    Attributes:
        first: the network's core over the set.
        second: the core of later trees, and of every other restart.
        third: of the restarts between.
        pool: nodes of a tree.
        other: of the second tree in a race.
        root: of the tree, as it was planted.
        work: buffers, the best action among them.
        questions: actions whose membership only the caller can test.
        tally: int64 (15,).
        score: of shape (5,).
    """

    first: CoreRoom
    second: CoreRoom
    third: CoreRoom
    pool: Pool
    other: Pool
    root: Root
    work: Work
    questions: Questions
    tally: NDArray[np.int64]
    score: Floats


class Terms(NamedTuple):
    """What a search goes by.

    Attributes:
        fixed: bits of the set, 0 or 1 where fixed, -1 where free; int8 (N,).
        most: greatest number of bits set.
        exactly: whether so many must be.
        kinds: if there are any, they tell more than the number of bits; with room to work.
        attained: every action of the relaxation is allowed.
        downward: an action is allowed only if all those with fewer bits are.
        restarts: nodes after which the search begins again, fewest first; int64.
    """

    fixed: Signs
    most: int
    exactly: bool
    kinds: Kinds
    attained: bool
    downward: bool
    restarts: NDArray[np.int64]


def search_room(m: int, n: int, questions: int) -> Search:
    """Room for a search over a network of m neurons and n bits."""
    return Search(
        first=core_room(m, n),
        second=core_room(m, n),
        third=core_room(m, n),
        pool=pool_rows(_ROWS, m, n),
        other=pool_rows(_ROWS, m, n),
        root=Root(np.empty(n, dtype=np.int8), np.empty(m), np.empty(m), np.empty(m)),
        work=work_room(m, n),
        questions=questions_room(questions, n),
        tally=np.zeros(15, dtype=np.int64),
        score=np.zeros(5),
    )


@njit(nogil=True, cache=True, _nrt=False)
def current_pool(search: Search) -> Pool:
    """Nodes of the tree at hand, as rows for the neurons of its core."""
    pool: Pool = narrower(search.pool if search.tally[POOL] == 0 else search.other, search.tally[WIDTH])
    return pool


@njit(nogil=True, cache=True, _nrt=False)
def current_core(search: Search) -> Stack:
    """The core of the tree at hand."""
    room = search.first
    if search.tally[CORE] == 1:
        room = search.second
    elif search.tally[CORE] == 2:
        room = search.third
    core: Stack = core_view(room, search.tally[WIDTH], search.root.fixed.size)
    return core


@njit(nogil=True, cache=True, _nrt=False)
def open_bound(search: Search) -> float:
    """The greatest bound of an open node, -inf if there is none."""
    pool = search.pool if search.tally[POOL] == 0 else search.other
    return float(pool.bound[pool.heap[0]]) if search.tally[OPEN] > 0 else -np.inf


@njit(nogil=True, cache=True, _nrt=False)
def is_open(search: Search, tol: float) -> bool:
    """Whether some node may hold an action that beats the best by more than ``tol``."""
    return bool(open_bound(search) > search.score[VALUE] + tol)


@njit(nogil=True, cache=True, _nrt=False)
def upper_bound(search: Search) -> float:
    """No allowed action has a greater Q than this or the best one known."""
    return float(min(search.score[KNOWN], max(open_bound(search), search.score[SETTLED])))


@njit(nogil=True, cache=True, _nrt=False)
def put_root(search: Search, pool: Pool) -> None:
    """Copy the root into row 0 of a pool."""
    root = search.root
    copy(root.fixed, pool.fixed[0])
    for v in range(pool.lower.shape[1]):
        pool.lower[0, v], pool.upper[0, v] = root.lower[v], root.upper[v]
        pool.alpha[0, v] = root.alpha[v]
        pool.split[0, v], pool.beta[0, v] = 0, 0.0
    pool.bound[0], pool.number[0], pool.dead[0] = search.score[ROOT], 0, False


@njit(nogil=True, cache=True, _nrt=False)
def take_root(search: Search, pool: Pool) -> None:
    """Keep row 0 of a pool as the root."""
    root = search.root
    copy(pool.fixed[0], root.fixed)
    copy(pool.lower[0], root.lower)
    copy(pool.upper[0], root.upper)
    copy(pool.alpha[0], root.alpha)
    search.score[ROOT] = pool.bound[0]


@njit(nogil=True, cache=True, _nrt=False)
def plant_tree(search: Search, terms: Terms, tol: float) -> None:
    """Bound the root as the only node of the tree at hand."""
    search.tally[OPEN] = 0
    pool = current_pool(search)
    put_root(search, pool)
    plant(
        current_core(search),
        core_view(search.first, search.tally[FIRST_WIDTH], search.root.fixed.size),
        pool,
        search.work,
        search.questions,
        search.tally,
        search.score,
        terms.most,
        terms.exactly,
        terms.kinds,
        terms.attained,
        tol,
    )


@njit(nogil=True, cache=True, _nrt=False)
def next_pause(search: Search, terms: Terms, max_nodes: int) -> None:
    """Let the tree grow to the next pause."""
    tally = search.tally
    following = max_nodes
    for nodes in terms.restarts:
        if nodes > tally[PAUSE]:
            following = nodes
            break
    tally[PAUSE] = following
    tally[PHASE], tally[STOP] = _GROW, min(following, max_nodes)


@njit(nogil=True, cache=True, _nrt=False)
def begin(
    search: Search,
    terms: Terms,
    width: int,
    lower: Floats,
    upper: Floats,
    output: float,
    action: NDArray[np.bool_],
    value: float,
    max_nodes: int,
    tol: float,
) -> None:
    """Plant the first tree.

    Args:
        search: room.
        terms: what the search goes by.
        width: neurons of the network's core over the set, which is in ``search.first``.
        lower: bounds of the network's neurons over the set, of shape (m,).
        upper: likewise.
        output: upper bound of Q.
        action: an allowed one.
        value: its Q.
        max_nodes: greatest number of nodes to bound.
        tol: by which the value has to be beaten.
    """
    tally, score, root = search.tally, search.score, search.root
    tally[:] = 0
    tally[FIRST_WIDTH], tally[WIDTH], tally[BITS] = width, width, 1
    next_pause(search, terms, max_nodes)
    score[VALUE], score[SETTLED], score[KNOWN] = value, -np.inf, np.inf
    copy(action, search.work.best)
    copy(terms.fixed, root.fixed)
    v = 0
    for u in range(lower.size):
        if lower[u] < 0.0 < upper[u]:
            root.lower[v], root.upper[v] = lower[u], upper[u]
            root.alpha[v] = 1.0 if upper[u] > -lower[u] else search.first.slope[v]
            v += 1
    score[ROOT] = output
    plant_tree(search, terms, tol)
    take_root(search, current_pool(search))


@njit(nogil=True, cache=True, _nrt=False)
def restart(search: Search, terms: Terms, max_nodes: int, tol: float) -> bool:
    """Begin anew with the neurons of the root narrowed; returns whether that could be afforded."""
    tally, score, work = search.tally, search.score, search.work
    core = current_core(search)
    whole = core_view(search.first, tally[FIRST_WIDTH], search.root.fixed.size)
    spare = narrower(search.other if tally[POOL] == 0 else search.pool, tally[WIDTH])
    put_root(search, spare)
    cost = narrowing_cost(spare.lower[0], spare.upper[0])
    if tally[NODES] + cost >= max_nodes:  # one more is planted
        return False
    score[KNOWN] = upper_bound(search)
    how = (terms.most, terms.exactly, terms.kinds, terms.attained, tol)
    for _ in range(_ROUNDS):
        before = spare.bound[0] - score[VALUE]
        met = narrow_root(core, whole, spare, work, score, *how)
        tally[NODES] += cost
        if terms.attained and met > score[VALUE]:
            score[VALUE] = met
            copy(work.point, work.best)
        after = spare.bound[0] - score[VALUE]
        cost = narrowing_cost(spare.lower[0], spare.upper[0])
        if after <= tol or after > _WORTHWHILE * before or tally[NODES] + cost >= max_nodes:
            break
    tally[OPEN] = 0
    if spare.bound[0] == -np.inf:  # nothing beats the value
        return True
    lower, upper = spare.lower[0], spare.upper[0]
    tally[CORE] = 2 if tally[CORE] == 1 else 1
    if tally[CORE] == 1:
        tally[WIDTH] = core_in_place(core, lower, upper, search.second).slope.size
    else:
        tally[WIDTH] = core_in_place(core, lower, upper, search.third).slope.size
    root = search.root
    copy(spare.fixed[0], root.fixed)
    score[ROOT] = spare.bound[0]
    w = 0
    for v in range(lower.size):
        if lower[v] < 0.0 < upper[v]:
            root.lower[w], root.upper[w], root.alpha[w] = lower[v], upper[v], spare.alpha[0, v]
            w += 1
    tally[LENGTH] = max(_RACE, tally[NODES] // 4)
    tally[POOL], tally[BITS], tally[PHASE] = 0, 1, _RACE_BITS
    plant_tree(search, terms, tol)
    tally[STOP] = min(tally[NODES] + tally[LENGTH], max_nodes)
    return True


@njit(nogil=True, cache=True, _nrt=False)
def advance(search: Search, terms: Terms, max_nodes: int, tol: float, stride: int, until: int) -> int:
    """Go on with a search.

    Args:
        search: begun.
        terms: what it goes by.
        max_nodes: greatest number of nodes to bound.
        tol: by which the value has to be beaten.
        stride: nodes after which to return for a look at the clock.
        until: return for a look when the search would begin anew after so many nodes.

    Returns:
        ``DONE``: closed, or at the limit; ``FULL``: the pool at hand needs two more rows; ``ASK``: there are
        questions; ``LOOK``: nothing is wanted.
    """
    tally, score = search.tally, search.score
    while True:
        if tally[PHASE] == _RESTART:
            if not restart(search, terms, max_nodes, tol):
                next_pause(search, terms, max_nodes)
            elif tally[PHASE] == _RESTART:
                return DONE
        stop = min(tally[STOP], tally[NODES] + stride)
        reason = grow(
            current_core(search),
            core_view(search.first, tally[FIRST_WIDTH], search.root.fixed.size),
            current_pool(search),
            search.work,
            search.questions,
            tally,
            score,
            terms.most,
            terms.exactly,
            terms.kinds,
            terms.attained,
            terms.downward,
            tally[BITS] == 1,
            stop,
            tol,
        )
        if reason != DONE:
            return int(reason)
        if not is_open(search, tol):
            return DONE
        if stop < tally[STOP]:
            return LOOK
        if tally[PHASE] == _GROW:
            if tally[PAUSE] >= max_nodes:
                return DONE
            tally[PHASE] = _RESTART
            if stride <= max_nodes or tally[PAUSE] >= until:
                return LOOK
        elif tally[PHASE] == _RACE_BITS:
            if tally[NODES] >= max_nodes:
                return DONE
            score[LEAST] = open_bound(search)
            tally[OPEN_BEFORE], tally[UNUSED_BEFORE] = tally[OPEN], tally[UNUSED]
            tally[POOL], tally[BITS], tally[PHASE] = 1, 0, _RACE_NEURONS
            plant_tree(search, terms, tol)
            take_root(search, current_pool(search))
            tally[STOP] = min(tally[NODES] + tally[LENGTH], max_nodes)
        else:
            if score[LEAST] <= open_bound(search):
                tally[POOL], tally[BITS] = 0, 1
                tally[OPEN], tally[UNUSED] = tally[OPEN_BEFORE], tally[UNUSED_BEFORE]
            next_pause(search, terms, max_nodes)
