"""Policies that a table of scores a factor and step decides: what is improved before learning.

Over most sets they decide in microseconds, thousands of states at once, where a network needs a program: so
what follows an action is found by playing on in great numbers (`solvers.sequoia.learning.rollout_pairs`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from games.bandits.effects import OneBitAnArm
from games.bandits.factors import Factor
from games.bandits.problem import CoupledBandit
from solvers.sequoia.baselines.policy import Maximisers
from solvers.sequoia.baselines.whittle_indices import whittle_scores
from solvers.sequoia.learning.terms import Scores
from solvers.sequoia.learning.value_base import ValueBase


class ScorePolicy:
    """Plays the allowed action of greatest sum of scores; usable by `games.bandits.simulator.rollout`.

    Args:
        bandit: the problem.
        factors: of the bandit.
        scores: of the factors.
    """

    def __init__(self, bandit: CoupledBandit, factors: Sequence[Factor], scores: Scores) -> None:
        self._factors = factors
        self._scores = scores
        self._maximisers = Maximisers(bandit, [factor.bits for factor in factors], workers=1)
        gains = [(own - own[..., :1])[..., 1:].ravel() for own in scores]
        together = np.concatenate(gains)
        self._unit = float(together.std()) if together.size else 0.0

    @property
    def quick(self) -> bool:
        """Whether decisions take microseconds, and no mixed-integer programs."""
        return not self._maximisers.needs_programs

    def __call__(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """Actions of shape (m, N) in states of shape (m, J)."""
        return self._maximisers.best(states, step, self._tables(states, step))

    def near(
        self, states: NDArray[np.int64], step: int, spread: float, *, rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Actions that are best after chance changed every score, so that they are nearly as good.

        Args:
            states: of shape (m, J).
            step: of all of them.
            spread: standard deviation of the changes, in units of that of the scores themselves.
            rng: draws the changes.
        """
        tables = self._tables(states, step)
        for table in tables:
            table[:, 1:] += spread * self._unit * rng.standard_normal((len(table), table.shape[1] - 1))
        return self._maximisers.best(states, step, tables)

    def _tables(self, states: NDArray[np.int64], step: int) -> list[NDArray[np.float64]]:
        return [
            own[step, factor.state_numbers(states)]
            for own, factor in zip(self._scores, self._factors, strict=True)
        ]


def start_scores(bandit: CoupledBandit, base: ValueBase) -> tuple[Scores, ...]:
    """Scores of the policies that learning may start from: the base's, then Whittle's where arms have a bit.

    Args:
        bandit: the problem.
        base: additive values.
    """
    if isinstance(bandit.effect, OneBitAnArm):
        return base.scores, whittle_scores(bandit)
    return (base.scores,)


def total_scores(
    factors: Sequence[Factor], scores: Scores, rows: NDArray[np.int64], actions: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Sums of scores, of shape (m,), of actions of shape (m, N) in rows of shape (m, J + 1)."""
    states, steps = rows[:, :-1], rows[:, -1]
    total = np.zeros(len(rows))
    for factor, own in zip(factors, scores, strict=True):
        total += own[steps, factor.state_numbers(states), factor.pattern_numbers(actions)]
    return total
