"""Playing a Q-network: the action that the oracle proves best, or nearly so."""

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.problem import CoupledBandit
from solvers.sequoia.explanation import Explanation, explain
from solvers.sequoia.oracle import ArgmaxOracle, FeasibleActions
from solvers.sequoia.result import ArgmaxResult, ArgmaxStatus, Tolerance


class OraclePolicy:
    """Answers a batch of states by the oracle; usable by `games.bandits.simulator.rollout`.

    Args:
        oracle: over rows of the arms' states and the step; see `feasible_of`.
        workers: threads.
        tolerance: gap at which an action counts as the best; None: the oracle's own.

    Attributes:
        name: for tables.
        oracle: as given.
        tolerance: as given.
        last: what the oracle answered last.
    """

    def __init__(
        self,
        oracle: ArgmaxOracle,
        *,
        workers: int = 1,
        tolerance: Tolerance | None = None,
        name: str = "SEQUOIA",
    ) -> None:
        self.name = name
        self.oracle = oracle
        self.last: tuple[ArgmaxResult, ...] = ()
        self._workers = workers
        self.tolerance = tolerance
        self._decided = self._proven = 0

    @property
    def certified_share(self) -> float:
        """Share of the decisions since it was made that were proven best to the tolerance; 0 of none."""
        return self._proven / self._decided if self._decided else 0.0

    def __call__(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """Actions of shape (m, N) in states of shape (m, J)."""
        self.last = self.oracle.solve_batch(
            rows_of(states, step), workers=self._workers, tolerance=self.tolerance
        )
        self._decided += len(self.last)
        self._proven += sum(result.status is ArgmaxStatus.OPTIMAL for result in self.last)
        return np.array([result.action for result in self.last])

    def explain(self, states: NDArray[np.int64], step: int, *, others: int = 3) -> Explanation:
        """What the decision in states of shape (J,) at a step hangs on; see `explain`."""
        return explain(self.oracle, rows_of(states[None], step)[0], others=others, tolerance=self.tolerance)


def rows_of(states: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Rows of states of shape (m, J) at one step, of shape (m, J + 1)."""
    return np.concatenate([states, np.full((len(states), 1), step)], axis=1)


def feasible_of(bandit: CoupledBandit) -> FeasibleActions:
    """The bandit's allowed actions as an oracle asks for them, by row."""
    if isinstance(bandit.feasible, ActionSet):
        return bandit.feasible

    def at(row: NDArray[np.float64]) -> ActionSet:
        return bandit.actions_at(row[:-1].astype(np.int64), int(row[-1]))

    return at
