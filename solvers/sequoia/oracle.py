"""The action of greatest Q, with a proof, in stages of which each is used only if the last left a gap.

1. Backward linear bounds of the network over the set's greatest number of bits; local search for an action.
2. If the root bound already meets the action's value, that is the proof.
   Where all actions fit into a table, that takes the place of everything else: the actions whose linear bound
   exceeds the best value are few.
3. A branch and bound over action bits and signs of neurons, as long as it pays.
4. The mixed-integer program, which needs to look only for actions better than the one at hand.

Numerical libraries should be told to use one thread (``OMP_NUM_THREADS=1``): the matrices are small, and a
batch is spread over threads here.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.action_set import ActionSet
from games.bandits.exclusion import excluding
from solvers.sequoia.branch_and_bound import node_limit
from solvers.sequoia.decisions import Begun, NodeLimit, Question, Stages
from solvers.sequoia.exact_stages import ExactStage, MixedIntegerProgram
from solvers.sequoia.memo import Memo
from solvers.sequoia.network import StateNetworks
from solvers.sequoia.opening import shared_matrices
from solvers.sequoia.prepared_set import EmptySetError, Preparation, PreparedSet, prepare
from solvers.sequoia.result import ArgmaxResult, ArgmaxStatus, Tolerance
from solvers.sequoia.spread import spread

FeasibleActions: TypeAlias = ActionSet | Callable[[NDArray[np.float64]], ActionSet]
"""One set for all states, or a function from a state, as the network reads it, to its set."""

_SETS = 1024
"""Prepared sets kept."""
_TOGETHER = 64
"""Greatest number of decisions begun in one go: their bounds are kept until the last of them is."""


class ArgmaxOracle:
    """Answers max Q(s, a) over the allowed actions of a state.

    An answer does not depend on the number of threads. Where it was remembered it may be an action of equal
    value within the tolerance, as after a question with another tolerance or threshold.

    Args:
        network: Q.
        feasible: the allowed actions.
        exact: the stage that closes what the others leave open.
        nodes: how long to branch before it.
        tolerance: gap at which an action counts as the best.
        time_limit: seconds for one state, or None. Branching and ``exact`` keep to it; what comes before
            takes milliseconds.
        remembered: optimal answers kept for the current network.
        effort: what may be spent on a set once. None: `Preparation` for one set for all states, and without
            membership tests for sets that depend on the state, as they may be met only once.

    Raises:
        ValueError: ``network`` and ``feasible`` have different numbers of bits, or ``time_limit`` is not
            positive.
    """

    def __init__(
        self,
        network: StateNetworks,
        feasible: FeasibleActions,
        *,
        exact: ExactStage | None = None,
        nodes: NodeLimit = node_limit,
        tolerance: Tolerance | None = None,
        time_limit: float | None = None,
        remembered: int = 10_000,
        effort: Preparation | None = None,
    ) -> None:
        if time_limit is not None and not time_limit > 0:
            raise ValueError(f"time_limit must be positive, got {time_limit}")
        if isinstance(feasible, ActionSet):
            _check_size(network, feasible)
        self._network = network
        self._feasible = feasible
        self._tolerance = Tolerance() if tolerance is None else tolerance
        self._memo: Memo[tuple[ArgmaxResult, float]] = Memo(remembered)
        one = isinstance(feasible, ActionSet)
        self._effort = effort or (Preparation() if one else Preparation(tests=0))
        self._stages = Stages(
            MixedIntegerProgram() if exact is None else exact,
            nodes,
            math.inf if time_limit is None else time_limit,
        )
        self._sets: Memo[PreparedSet] = Memo(_SETS)

    @property
    def network(self) -> StateNetworks:
        """Q as the oracle knows it."""
        return self._network

    @property
    def feasible(self) -> FeasibleActions:
        """The allowed actions, as given."""
        return self._feasible

    @property
    def tolerance(self) -> Tolerance:
        """Gap at which an action counts as the best, unless a question says otherwise."""
        return self._tolerance

    def update(self, network: StateNetworks) -> None:
        """Take another Q. What was remembered is forgotten, unless the version is the same.

        Raises:
            ValueError: it has another number of bits.
        """
        if network.size != self._network.size:
            raise ValueError(f"network must have {self._network.size} action bits, got {network.size}")
        if network.version != self._network.version:
            self._memo.clear()
        self._network = network

    def solve(
        self, state: ArrayLike, *, tolerance: Tolerance | None = None, enough: float = -math.inf
    ) -> ArgmaxResult:
        """The best action of one state.

        Args:
            state: as the network's encoder reads it.
            tolerance: instead of the oracle's own.
            enough: stop once it is known that no action exceeds this value, in units of Q.

        Returns:
            The action with what is proven of it.

        Raises:
            EmptySetError: no action is allowed.
            SolveError: the set's rows contradict its membership test, or are so hard that no action was found
                within the time limit.
        """
        states = np.asarray(state, dtype=np.float64)[None]
        return self.solve_batch(states, tolerance=tolerance, enough=[enough])[0]

    def solve_batch(
        self,
        states: ArrayLike,
        *,
        workers: int = 1,
        tolerance: Tolerance | None = None,
        enough: ArrayLike | None = None,
    ) -> tuple[ArgmaxResult, ...]:
        """The best actions of several states; equal states are solved once.

        Args:
            states: of shape (batch, ...).
            workers: threads.
            tolerance: instead of the oracle's own.
            enough: for each state, of shape (batch,): stop once it is known that no action exceeds this
                value, in units of Q. A learner whose loss ignores targets below its prediction needs no more
                (the dual filter of CAQL). Of equal states the lowest counts.

        Returns:
            One answer for each state, in order.

        Raises:
            SolveError: as :meth:`solve`.
            ValueError: ``workers`` is below 1, or ``enough`` has another shape or holds NaN.
        """
        given = np.asarray(states, dtype=np.float64)
        if workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers}")
        thresholds = (
            np.full(len(given), -math.inf) if enough is None else np.asarray(enough, dtype=np.float64)
        )
        if thresholds.shape != (len(given),) or np.isnan(thresholds).any():
            raise ValueError(f"enough must hold {len(given)} numbers, one for each state, got {enough!r}")
        wanted = self._tolerance if tolerance is None else tolerance
        keys = [row.tobytes() for row in given]
        first: dict[bytes, int] = {}
        lowest: dict[bytes, float] = {}
        for place, key in enumerate(keys):
            first.setdefault(key, place)
            lowest[key] = min(lowest.get(key, math.inf), float(thresholds[place]))
        network = self._network
        answers: dict[bytes, ArgmaxResult] = {}
        widths: dict[bytes, float] = {}
        for key in first:
            known = self._memo.get((network.version, key))
            if known is not None and known[0].gap <= wanted.allowed(known[1]):
                answers[key] = known[0]
        open_keys = [key for key in first if key not in answers]
        places = [first[key] for key in open_keys]
        networks = network.batch(given[places]) if places else ()
        questions = [
            Question(own, self._prepared(given[place]), lowest[key])
            for own, place, key in zip(networks, places, open_keys, strict=True)
        ]

        def finish(order: int, begun: Begun) -> None:
            key = open_keys[order]
            answers[key], widths[key] = self._stages.finish(begun)

        left = []
        for alike in _alike(questions):
            begun = self._stages.begin([questions[order] for order in alike], wanted, workers)
            for order, each in zip(alike, begun, strict=True):
                if each.excess > 0.0:
                    left.append((order, each))
                else:
                    finish(order, each)
        left.sort(key=lambda each: -each[1].excess)  # the hardest first, so that none of them begins last
        spread(lambda each: finish(*each), left, workers)
        for key in open_keys:  # in this order whatever the threads did: the memo forgets the oldest
            if answers[key].status is ArgmaxStatus.OPTIMAL:
                self._memo.put((network.version, key), (answers[key], widths[key]))
        return tuple(answers[key] for key in keys)

    def topk(
        self, state: ArrayLike, k: int, *, tolerance: Tolerance | None = None
    ) -> tuple[ArgmaxResult, ...]:
        """The k best actions of one state, best first, each the best of those not before it.

        Each answer's bound is for the set without the earlier ones. Fewer than k come back where the set has
        fewer.

        Args:
            state: as the network's encoder reads it.
            k: how many, at least 1.
            tolerance: instead of the oracle's own.

        Raises:
            SolveError: as :meth:`solve`.
            ValueError: ``k`` is below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        answers = [self.solve(state, tolerance=tolerance)]
        given = np.asarray(state, dtype=np.float64)
        network = self._network.at(given)
        whole = self._prepared(given)
        wanted = self._tolerance if tolerance is None else tolerance
        while len(answers) < k:
            actions = [answer.action for answer in answers]
            # The next best is mostly a neighbour of one of the best.
            hints = np.concatenate([_neighbours(action) for action in actions])
            try:
                left = _without(whole, actions)
                question = Question(network, left, -math.inf, hints)
                answers.append(self._stages.finish(*self._stages.begin([question], wanted))[0])
            except EmptySetError:
                break
        return tuple(answers)

    def _prepared(self, state: NDArray[np.float64]) -> PreparedSet:
        action_set = self._feasible if isinstance(self._feasible, ActionSet) else self._feasible(state)
        found = self._sets.get(id(action_set))
        if found is None:
            _check_size(self._network, action_set)
            found = prepare(action_set, self._effort)
            self._sets.put(id(action_set), found)  # which keeps the set alive, so its id stays its own
        return found


def _alike(questions: Sequence[Question]) -> list[list[int]]:
    """Questions that can be begun together."""
    alike: dict[object, list[int]] = {}
    for order, question in enumerate(questions):
        key = (id(question.prepared), *shared_matrices(question.network))
        alike.setdefault(key, []).append(order)
    return [
        group[begin : begin + _TOGETHER]
        for group in alike.values()
        for begin in range(0, len(group), _TOGETHER)
    ]


def _without(prepared: PreparedSet, actions: list[NDArray[np.bool_]]) -> PreparedSet:
    """The set without some actions; a table it has is kept.

    Raises:
        EmptySetError: nothing is left.
    """
    left = prepare(excluding(prepared.action_set, actions), Preparation(tests=0))
    if prepared.table is None or prepared.profiles is None:
        return left
    table = prepared.table.without(actions, prepared.profiles.kind)
    if not table.allowed.any():
        raise EmptySetError(f"{left.action_set.name} allows no action at all")
    return replace(left, table=table)


def _neighbours(action: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All actions at one flip from an action."""
    flips: NDArray[np.bool_] = action ^ np.eye(action.size, dtype=np.bool_)
    return flips


def _check_size(network: StateNetworks, action_set: ActionSet) -> None:
    if network.size != action_set.size:
        raise ValueError(
            f"feasible must have the network's {network.size} action bits, "
            f"but {action_set.name} has {action_set.size}"
        )
