"""Selection by what an expansion leads to: of several answers, the one after which the population is best.

As in Global PSRO: best responses to several meta-strategies of the opponent, the current one and others drawn
from a Dirichlet distribution over their policies, are tried out. The one that joins is that whose expanded
population has the least *population exploitability*: what the mixture of it that is hardest to exploit
concedes to an opponent who may do anything, here an exact linear program
(``solvers.psro.variants.anytime``). The published method trains one conditional network for all candidates;
here each of them is exact.
"""

from dataclasses import dataclass

import numpy as np

from games.extensive.evaluation import best_response_to_plans
from games.extensive.sequence_form import Plan
from solvers.psro.bilinear.game import require_two_player_constant_sum
from solvers.psro.population import EmpiricalPayoffs, MetaPlay
from solvers.psro.variants.anytime import FreshBestResponse, hardest_mixture

_TIE = 1e-12


@dataclass(frozen=True, slots=True)
class CandidateSelection:
    """The answer that leaves the expanded population least exploitable.

    Ties go to the usual best response, so an answer is new whenever that is.

    Attributes:
        candidates: answers to choose from, the usual one included; at least 1, which is no choice.
        concentration: parameter of the Dirichlet distribution; small values favour single policies.
    """

    candidates: int = 5
    concentration: float = 1.0

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"candidates must be at least 1, got {self.candidates!r}")
        if not self.concentration > 0.0:
            raise ValueError(f"concentration must be positive, got {self.concentration!r}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"candidates(count={self.candidates},concentration={self.concentration:g})"

    def propose(
        self, payoffs: EmpiricalPayoffs, play: MetaPlay, *, rng: np.random.Generator
    ) -> list[list[Plan]]:
        """See ``JointOracle.propose``; one answer per player.

        Raises:
            UnsupportedGameError: the game is not two-player constant-sum.
        """
        form = payoffs.form
        require_two_player_constant_sum(form, "candidates")
        tie = _TIE * form.payoff_range
        answers = []
        for player, (usual,) in enumerate(FreshBestResponse().propose(payoffs, play, rng=rng)):
            population = payoffs.populations[player]
            best, least = usual, np.inf
            for plan in [usual, *self._sampled(payoffs, player, rng)]:
                expanded = np.vstack([population.plans, plan])
                exploitability = hardest_mixture(form, expanded, player).conceded
                payoffs.tally.responses += 1
                if exploitability < least - tie:
                    best, least = plan, exploitability
            answers.append([best])
        return answers

    def _sampled(self, payoffs: EmpiricalPayoffs, player: int, rng: np.random.Generator) -> list[Plan]:
        """New best responses to drawn mixtures of the opponent's policies, without repetition."""
        form, other = payoffs.form, 1 - player
        opponents = payoffs.populations[other]
        begin, end = form.flat.sequence_offset[other], form.flat.sequence_offset[other + 1]
        plans = np.zeros(int(form.flat.sequence_offset[-1]))
        found: list[Plan] = []
        for _ in range(self.candidates - 1):
            plans[begin:end] = opponents.mixture(rng.dirichlet(np.full(len(opponents), self.concentration)))
            plan = best_response_to_plans(form, plans, player).plan
            payoffs.tally.responses += 1
            if plan not in payoffs.populations[player] and not any(np.array_equal(plan, p) for p in found):
                found.append(plan)
        return found
