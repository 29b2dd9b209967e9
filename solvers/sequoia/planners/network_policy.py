"""A planner who plays what the oracle proves to be the best action of a Q-network."""

import numpy as np
from numpy.typing import NDArray

from games.bandits.planners import PlannersGame, PlannersState
from games.bandits.problem import CoupledBandit
from games.protocols import EnvGame
from solvers.sequoia.learning import ModelNetwork, OraclePolicy
from solvers.sequoia.learning.policy import feasible_of
from solvers.sequoia.learning.value_base import ValueBase
from solvers.sequoia.oracle import ArgmaxOracle
from solvers.sequoia.result import Tolerance


class NetworkPlanner:
    """A policy of `PlannersGame` that maximises Q(s, a, t) over the planner's set.

    The others' play is in the biases that the state gives the network; its program has the planner's own bits
    only.

    Args:
        network: Q.
        own: the planner's own bandit, from `mean_field_bandit`.
        player: the planner.
        base: the additive values that Q builds on.
        unit: scale of what was learned.
        tolerance: gap at which an action counts as the best.

    Attributes:
        network: as given.
        own: as given.
        player: as given.
        base: as given.
        unit: as given.
    """

    def __init__(
        self,
        network: ModelNetwork,
        own: CoupledBandit,
        player: int,
        *,
        base: ValueBase,
        unit: float,
        tolerance: Tolerance,
    ) -> None:
        self.network, self.own, self.player = network, own, player
        self.base, self.unit = base, unit
        self._policy = OraclePolicy(ArgmaxOracle(network, feasible_of(own)), tolerance=tolerance)

    def bits(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """Actions, of shape (m, N), in states of shape (m, J)."""
        return self._policy(states, step)

    def probabilities(
        self, game: EnvGame[PlannersState], state: PlannersState, player: int
    ) -> NDArray[np.float64]:
        """See `marl.policies.Policy`.

        Raises:
            TypeError: the game is no `PlannersGame`.
        """
        if not isinstance(game, PlannersGame):
            raise TypeError(f"game must be a PlannersGame, got {type(game).__name__}")
        action = self.bits(np.array([state.arms], dtype=np.int64), state.step)[0]
        return np.asarray((game.choices[player] == action).all(axis=1), dtype=np.float64)
