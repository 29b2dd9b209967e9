"""The suite after Fan, Chen, Jin and He (2024): a clear desire, a refined belief, a fitting action.

Source: Can large language models serve as rational players in game theory? A systematic analysis, AAAI 38,
arXiv 2312.05488. Its three games and its protocol are followed; its tables could not be checked, and
nothing here repeats its numbers. Which items follow the paper, a re-implementation or neither is said in the
module of each part. Every key is computed from the game.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solvers.rationality.scenarios import Measure, Play, Scenario
from solvers.rationality.suites.fan2024_action import ActionPart, action_part
from solvers.rationality.suites.fan2024_belief import BeliefPart, belief_part
from solvers.rationality.suites.fan2024_desire import DesirePart, desire_part


@dataclass(frozen=True, slots=True, eq=False)
class Fan2024:
    """Dictator, cyclic games against patterns, and rings.

    Attributes:
        desire: the dictator game.
        belief: rock-paper-scissors and the like.
        action: ring games.
        name: as the command line calls it.
        baselines: specs of scripted players for comparison.
    """

    desire: DesirePart
    belief: BeliefPart
    action: ActionPart
    name: str = "fan2024"
    baselines: tuple[str, ...] = (
        "scripted:uniform",
        "scripted:level1",
        "scripted:level2",
        "scripted:rational",
    )

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """What is played, part by part."""
        return *self.desire.scenarios, *self.belief.scenarios, *self.action.scenarios

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """Figures of all parts that were played; see the parts' own ``score``."""
        parts: tuple[DesirePart | BeliefPart | ActionPart, ...] = (self.desire, self.belief, self.action)
        measures = []
        for part, child in zip(parts, rng.spawn(3), strict=True):
            names = {scenario.name for scenario in part.scenarios}
            own = [play for play in plays if play.scenario in names]
            if own:
                measures += part.score(own, rng=child)
        return measures


def fan2024(
    *,
    menus: int = 4,
    sizes: Sequence[int] = (2, 4),
    rounds: int = 10,
    actions: Sequence[str] = ("rock", "paper", "scissors"),
    rings: int = 8,
    ring_pairs: int = 2,
    seed: int = 2024,
) -> Fan2024:
    """The suite; with the defaults a play of everything is 550 questions.

    Args:
        menus: random dictator menus per desire and size.
        sizes: numbers of options of these menus.
        rounds: against each pattern.
        actions: labels of the cyclic game, rock-paper-scissors for the paper's.
        rings: two-player rings.
        ring_pairs: pairs of four-player rings.
        seed: of everything that is drawn; equal arguments give equal suites.

    Raises:
        ValueError: an argument out of range.
    """
    streams = np.random.default_rng(seed).spawn(3)
    return Fan2024(
        desire_part(rng=streams[0], menus=menus, sizes=sizes),
        belief_part(rng=streams[1], rounds=rounds, actions=actions),
        action_part(rng=streams[2], rings=rings, pairs=ring_pairs),
    )
