"""Play the best allowed action under the values of the Lagrangian relaxation.

With prices mu (`solvers.sequoia.baselines.multipliers`) each factor has values V_f(t, s), rewards still to
come less prices still to pay. What a pattern u is worth at a step is

    q_f(t, s, u) = r_f(s, u) + E V_f(t + 1, s'),

without the price of the step itself, since the allowed actions are in the program that chooses: the policy
[1]_ plays the allowed action of greatest sum_f q_f.

.. [1] Hawkins (2003), A Lagrangian decomposition approach to weakly coupled dynamic optimization problems,
thesis,
   MIT.
"""

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.factors import Factor
from games.bandits.problem import EVALUATION_START, BernoulliStart, CoupledBandit
from games.bandits.return_bound import priced_values, starting_at_random
from solvers.sequoia.baselines.multipliers import Effort, Multipliers, best_multipliers
from solvers.sequoia.baselines.policy import RememberedPolicy, score_policy


def pattern_values(factor: Factor, prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """q_f, of shape (horizon, n, P); see the module.

    Args:
        factor: one factor.
        prices: its prices, of shape (horizon, P).
    """
    return factor.action_values(priced_values(factor, prices))


class LagrangePolicy:
    """See the module.

    Args:
        bandit: the problem.
        multipliers: its prices.
        workers: threads.

    Attributes:
        multipliers: as given; its bound holds for every policy.
        scores: q_f of each factor, of shape (horizon, n, P).
    """

    def __init__(self, bandit: CoupledBandit, multipliers: Multipliers, *, workers: int = 1) -> None:
        self.name = "Lagrange"
        self.multipliers = multipliers
        self.scores = tuple(
            pattern_values(factor, prices)
            for factor, prices in zip(multipliers.factors, multipliers.prices, strict=True)
        )
        self._policy: RememberedPolicy = score_policy(
            self.name, bandit, multipliers.factors, self.scores, workers=workers
        )

    def __call__(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """See `NamedPolicy`."""
        return self._policy(states, step)


def lagrange(
    bandit: CoupledBandit,
    *,
    start: BernoulliStart = EVALUATION_START,
    superset: ActionSet | None = None,
    effort: Effort | None = None,
    workers: int = 1,
) -> LagrangePolicy:
    """Find prices for random starts, and the policy that goes with them.

    Args:
        bandit: the problem.
        start: how episodes begin.
        superset: a set that holds those of all states, where they depend on the state.
        effort: how hard the prices are looked for.
        workers: threads.

    Raises:
        ValueError: as for `best_multipliers`.
    """
    chances = starting_at_random(bandit, start)
    multipliers = best_multipliers(bandit, chances, superset=superset, effort=effort, workers=workers)
    return LagrangePolicy(bandit, multipliers, workers=workers)
