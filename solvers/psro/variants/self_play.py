r"""Self-Play PSRO [1]_: a mixed policy joins each iteration beside the best response.

While a player's opponent keeps best-responding to the player's mixture, the player learns two things from
the same responses: how to mix their policies, and a new strategy :math:`\nu` that is one more of them. Its
average :math:`\bar\nu` over the rounds joins the population with the usual best response. A pure policy
would hardly help against an opponent who exploits it; the average of many answers to such an opponent does.

Here the mixture learns by regret matching+ and the new strategy by regret matching+ at every information
set (CFR+) against exact best responses, in place of the published learners; averages weigh round t by t.

.. [1] S. McAleer, J. Lanier, K. A. Wang, P. Baldi, T. Sandholm, R. Fox, "Toward optimal policy population
   growth in two-player zero-sum games" (SP-PSRO), ICLR 2024.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from games.extensive import kernels
from games.extensive.evaluation import best_response_to_plans
from games.extensive.sequence_form import Plan, SequenceForm
from solvers.psro.bilinear.game import require_two_player_constant_sum
from solvers.psro.bilinear.regret import observe
from solvers.psro.population import EmpiricalPayoffs, MetaPlay
from solvers.psro.protocols import JointOracle
from solvers.psro.variants.anytime import FreshBestResponse


@dataclass(frozen=True, slots=True)
class SelfPlayOracle:
    """Answers of another oracle and, for each player, a strategy learned in self-play.

    Attributes:
        rounds: best responses of the opponent that the new strategy learns from.
        responses: who gives the other answers.
    """

    rounds: int = 100
    responses: JointOracle = field(default_factory=FreshBestResponse)

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {self.rounds!r}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"self_play(rounds={self.rounds},responses={self.responses.name})"

    def propose(
        self, payoffs: EmpiricalPayoffs, play: MetaPlay, *, rng: np.random.Generator
    ) -> list[list[Plan]]:
        """See ``JointOracle.propose``.

        Raises:
            UnsupportedGameError: the game is not two-player constant-sum.
        """
        form = payoffs.form
        require_two_player_constant_sum(form, "self_play")
        answers = self.responses.propose(payoffs, play, rng=rng)
        for player, population in enumerate(payoffs.populations):
            learned = learn_in_self_play(
                form, population.plans, play.profile[player], player, rounds=self.rounds
            )
            payoffs.tally.responses += 2 * self.rounds
            answers[player].append(learned)
        return answers


def learn_in_self_play(
    form: SequenceForm,
    population: NDArray[np.float64],
    mixture: NDArray[np.float64],
    player: int,
    *,
    rounds: int,
) -> Plan:
    """The average of a strategy learned against best responses to the mixture that it is a part of.

    Args:
        form: a two-player game.
        population: realization plans of ``player``, shape (policies, S_player).
        mixture: how they are mixed in the first round, shape (policies,).
        player: who learns.
        rounds: best responses of the opponent.
    """
    flat, count = form.flat, len(population)
    size, other = int(flat.sequence_offset[-1]), 1 - player
    own = slice(int(flat.sequence_offset[player]), int(flat.sequence_offset[player + 1]))
    theirs = slice(int(flat.sequence_offset[other]), int(flat.sequence_offset[other + 1]))
    regrets, strategy, plans = np.zeros(size), np.empty(size), np.empty(size)
    kernels.behaviors_from_plans(flat, regrets, strategy)  # uniform
    weights, weight_regrets = np.append(mixture, 0.0), np.zeros(count + 1)
    arms = np.vstack([population, np.zeros(population.shape[1])])
    average = np.zeros(population.shape[1])
    for t in range(1, rounds + 1):
        kernels.plans_from_behaviors(flat, strategy, plans)
        arms[count] = plans[own]
        average += 2.0 / (t + 1.0) * (arms[count] - average)  # the sum of u <= t is t (t + 1) / 2
        plans[own] = weights @ arms
        plans[theirs] = best_response_to_plans(form, plans, other).plan
        gradient = np.zeros(population.shape[1])
        kernels.add_gradient(player, form.sequences, form.payoff[player], flat, plans, gradient)
        worth = arms @ gradient
        weight_regrets = np.maximum(weight_regrets + worth - weights @ worth, 0.0)
        total = weight_regrets.sum()
        weights = weight_regrets / total if total > 0.0 else np.full(count + 1, 1.0 / (count + 1))
        observe(player, flat, gradient, regrets, strategy, False)
    return average
