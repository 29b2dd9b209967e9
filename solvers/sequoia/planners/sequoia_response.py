"""SEQUOIA as the best-response oracle of sampled PSRO between planners on shared arms."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.bandits.arms import RestlessArms
from games.bandits.factors import factors_of
from games.bandits.planners import PlannersGame
from games.bandits.problem import CoupledBandit
from games.protocols import EnvGame
from marl.oracles import Opponent, OracleAnswer
from marl.rollouts import estimate_returns
from solvers.sequoia.learning import SequoiaSettings, ValueBase
from solvers.sequoia.learning.terms import TermLayout
from solvers.sequoia.planners.network_policy import NetworkPlanner
from solvers.sequoia.planners.response_learner import ResponseLearner

_MOST_PATTERNS = 64
_OWN = ("passive", "active", "coefficients", "constants", "player", "unit")


@dataclass(frozen=True, slots=True)
class SequoiaResponse:
    """Learns a Q-network against the others' mixtures, maximised exactly; a `solvers.psro.SampledOracle`.

    Attributes:
        game: the game that is played, by which policies are read back from checkpoints.
        settings: of the learning; see `ResponseLearner` for those that count.
        evaluation: episodes by which a response is valued, at least 2.
    """

    game: PlannersGame
    settings: SequoiaSettings = field(default_factory=SequoiaSettings)
    evaluation: int = 200

    def __post_init__(self) -> None:
        if self.evaluation < 2:
            raise ValueError(f"evaluation must be at least 2 episodes, got {self.evaluation}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"sequoia({self.settings}, {self.evaluation})"

    def respond(
        self, game: EnvGame[Any], opponents: Sequence[Opponent], player: int, *, rng: np.random.Generator
    ) -> OracleAnswer[Any]:
        """See `SampledOracle`.

        Raises:
            ValueError: the game is not the oracle's.
        """
        if not isinstance(game, PlannersGame) or game.name != self.game.name:
            raise ValueError(f"game must be {self.game.name}, got {game.name}")
        for_learning, for_evaluation = rng.spawn(2)
        learner = ResponseLearner(game, opponents, player, self.settings, rng=for_learning)
        policy = learner.run()
        seated = [policy if i == player else opponent for i, opponent in enumerate(opponents)]
        estimate = estimate_returns(game, seated, self.evaluation, rng=for_evaluation)
        return OracleAnswer(policy, estimate, learner.episodes, False)

    def pack(self, policy: NetworkPlanner) -> dict[str, NDArray[Any]]:
        """See `SampledOracle`."""
        arrays: dict[str, NDArray[Any]] = {
            "passive": policy.own.arms.passive,
            "active": policy.own.arms.active,
            "coefficients": policy.base.coefficients,
            "constants": policy.base.constants,
            "player": np.array([policy.player]),
            "unit": np.array([policy.unit]),
        }
        return arrays | {f"model_{name}": array for name, array in policy.network.arrays().items()}

    def unpack(self, arrays: dict[str, NDArray[Any]]) -> NetworkPlanner:
        """See `SampledOracle`."""
        missing = [name for name in _OWN if name not in arrays]
        if missing:
            raise ValueError(f"arrays of a planner's network lack {missing}")
        bandit, player = self.game.bandit, int(arrays["player"][0])
        own = CoupledBandit(
            RestlessArms(arrays["passive"], arrays["active"], bandit.rewards[player]),
            bandit.effect,
            bandit.sets[player],
            horizon=bandit.horizon,
            discount=1.0,
            name=f"planner {player} of {bandit.name}",
        )
        layout = TermLayout(factors_of(own, most_patterns=_MOST_PATTERNS), own.horizon)
        # Values of states are of use while learning only.
        base = ValueBase(layout, arrays["coefficients"], (), arrays["constants"], 1.0)
        unit = float(arrays["unit"][0])
        model = self.settings.family.build(own, base, unit, rng=np.random.default_rng(0))
        model.restore({k.removeprefix("model_"): a for k, a in arrays.items() if k.startswith("model_")})
        return NetworkPlanner(
            model.snapshot(), own, player, base=base, unit=unit, tolerance=self.settings.acting
        )
