"""What baselines have in common: a name, and an action for each of many states at once.

They answer as functions of (state, step) alone, however often and on however many threads they are asked. So
equal states are decided once, and answers are remembered.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.factors import Factor
from games.bandits.problem import CoupledBandit
from solvers.sequoia.baselines.separable import SeparableMaximiser
from solvers.sequoia.memo import Memo

_REMEMBERED = 200_000
_SETS = 256


class NamedPolicy(Protocol):
    """A policy of `games.bandits.simulator` with a name for reports."""

    @property
    def name(self) -> str:
        """For tables."""

    def __call__(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """Actions, of shape (batch, N), in states of shape (batch, J)."""


DecideAll: TypeAlias = Callable[[NDArray[np.int64], int], NDArray[np.bool_]]
"""Actions of different states, of shape (batch, J), at a step."""
DecideOne: TypeAlias = Callable[[NDArray[np.int64], int], NDArray[np.bool_]]
"""The action, of shape (N,), in one state of shape (J,), at a step."""


class RememberedPolicy:
    """Decides every state once at each step.

    Args:
        name: for tables.
        bits: N.
        decide: gets states that all differ.
        stationary: the step does not matter, so that answers serve all steps.
        remembered: answers kept.
    """

    def __init__(
        self,
        name: str,
        bits: int,
        decide: DecideAll,
        *,
        stationary: bool = False,
        remembered: int = _REMEMBERED,
    ) -> None:
        self.name = name
        self._bits = bits
        self._decide = decide
        self._stationary = stationary
        self._memo: Memo[NDArray[np.bool_]] = Memo(remembered)

    def __call__(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """See `NamedPolicy`."""
        when = 0 if self._stationary else step
        keys = [(row.tobytes(), when) for row in np.ascontiguousarray(states, dtype=np.int64)]
        answers = {key: self._memo.get(key) for key in keys}
        first: dict[tuple[bytes, int], int] = {}
        for place, key in enumerate(keys):
            if answers[key] is None:
                first.setdefault(key, place)
        if first:
            found = self._decide(np.ascontiguousarray(states[[*first.values()]]), step)
            for key, action in zip(first, found, strict=True):
                answers[key] = action
                self._memo.put(key, action)
        return np.array([answers[key] for key in keys], dtype=np.bool_).reshape(len(keys), self._bits)


def each_state(decide: DecideOne, workers: int) -> DecideAll:
    """Decide states one by one on threads.

    Raises:
        ValueError: ``workers`` is below 1.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")

    def decide_all(states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        if workers == 1 or len(states) < 2:
            return np.array([decide(state, step) for state in states], dtype=np.bool_)
        with ThreadPoolExecutor(min(workers, len(states))) as pool:
            return np.array([*pool.map(decide, states, [step] * len(states))], dtype=np.bool_)

    return decide_all


class Maximisers:
    """A `SeparableMaximiser` for the set of each state, made when first needed.

    Args:
        bandit: whose sets.
        scopes: bits of each table.
        workers: threads.
    """

    def __init__(self, bandit: CoupledBandit, scopes: Sequence[tuple[int, ...]], workers: int) -> None:
        self._bandit = bandit
        self._scopes = scopes
        self._workers = workers
        self._known: Memo[tuple[ActionSet, SeparableMaximiser]] = Memo(_SETS)

    def best(
        self, states: NDArray[np.int64], step: int, tables: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.bool_]:
        """Best allowed actions, of shape (batch, N).

        Args:
            states: of shape (batch, J).
            step: of all of them.
            tables: one for each scope, of shape (batch, patterns).
        """
        feasible = self._bandit.feasible
        if isinstance(feasible, ActionSet):
            return self.of(feasible).best(tables)
        actions = np.zeros((len(states), self._bandit.bits), dtype=np.bool_)
        for place, state in enumerate(states):
            maximiser = self.of(feasible.at(state, step))
            actions[place] = maximiser.best([table[place : place + 1] for table in tables])[0]
        return actions

    @property
    def needs_programs(self) -> bool:
        """Whether decisions may take a mixed-integer program each."""
        feasible = self._bandit.feasible
        return not isinstance(feasible, ActionSet) or self.of(feasible).needs_programs

    def of(self, action_set: ActionSet) -> SeparableMaximiser:
        """The maximiser of a set."""
        found = self._known.get(id(action_set))
        if found is None:
            # Kept beside its maximiser, the set keeps its id.
            if isinstance(self._bandit.feasible, ActionSet):
                maximiser = SeparableMaximiser(action_set, self._scopes, workers=self._workers)
            else:
                maximiser = SeparableMaximiser(action_set, self._scopes, workers=self._workers, tests=0)
            found = (action_set, maximiser)
            self._known.put(id(action_set), found)
        return found[1]


def score_policy(
    name: str,
    bandit: CoupledBandit,
    factors: Sequence[Factor],
    scores: Sequence[NDArray[np.float64]],
    *,
    workers: int = 1,
) -> RememberedPolicy:
    """Play the allowed action of greatest score, a sum over factors of what their state and pattern score.

    Args:
        name: for tables.
        bandit: the problem.
        factors: of the bandit.
        scores: for each factor, of shape (horizon, n, P), or (1, n, P) where the step does not matter.
        workers: threads.

    Raises:
        ValueError: a table of scores has another shape, or holds numbers that are not finite.
    """
    steps = {own.shape[0] for own in scores}
    if len(scores) != len(factors) or steps - {1} - {bandit.horizon} or len(steps) > 1:
        raise ValueError(f"scores must cover 1 or {bandit.horizon} steps of {len(factors)} factors")
    for place, (factor, own) in enumerate(zip(factors, scores, strict=True)):
        if own.shape[1:] != factor.rewards.shape or not np.isfinite(own).all():
            raise ValueError(
                f"scores[{place}] must be finite, of shape (steps, *{factor.rewards.shape}), got {own.shape}"
            )
    stationary = steps == {1}
    maximisers = Maximisers(bandit, [factor.bits for factor in factors], workers)

    def decide(states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        when = 0 if stationary else step
        tables = [own[when, f.state_numbers(states)] for f, own in zip(factors, scores, strict=True)]
        return maximisers.best(states, step, tables)

    # A set of the user's may still depend on the step.
    same = stationary and isinstance(bandit.feasible, ActionSet)
    return RememberedPolicy(name, bandit.bits, decide, stationary=same)
