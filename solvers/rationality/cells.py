"""Cells: one play each, named by all that its outcome depends on.

Luck is common: what happens in a scenario by chance depends on the scenario, the replicate and the seed of
the run, and on neither the player nor the variant, so that differences between players are not differences
of luck.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from marl.players.prompting import prompts_fingerprint
from solvers.rationality.fingerprints import Fingerprints
from solvers.rationality.scenarios import Scenario
from solvers.rationality.variants import Variant

_VERSION = 1
"""Raised whenever equal cells may come to other results than before."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One play of a scenario.

    Attributes:
        suite: its name.
        scenario: its name within the suite.
        variant: how questions are put.
        replicate: which repetition, from 0.
        seating: names of the players, by seat.
        seed: of the run.
        content: fingerprint of the scenario, since its name may not tell all.
    """

    suite: str
    scenario: str
    variant: Variant
    replicate: int
    seating: tuple[str, ...]
    seed: int
    content: str = ""

    @property
    def key(self) -> str:
        """SHA-256 of all of it but the name of the variant, as 64 hexadecimal digits.

        The words in which questions are put count too: players that read them answer other ones otherwise.
        """
        return _digest(
            "cell",
            self.suite,
            self.scenario,
            self.content,
            prompts_fingerprint(),
            self.variant.traits(),
            self.replicate,
            list(self.seating),
            self.seed,
        )

    def generator(self) -> np.random.Generator:
        """All chance of the scenario, the same for every player and variant."""
        return np.random.default_rng(
            int(_digest("chance", self.suite, self.scenario, self.replicate, self.seed), 16)
        )

    def question_seed(self, seat: int, count: int) -> int:
        """The seed of question number ``count`` to a seat, below 2^63, the same for every player."""
        digest = _digest(
            "question",
            self.suite,
            self.scenario,
            self.variant.traits(),
            self.replicate,
            self.seed,
            seat,
            count,
        )
        return int(digest[:16], 16) >> 1


def _digest(*parts: object) -> str:
    content = json.dumps([_VERSION, *parts], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(content.encode()).hexdigest()


def seatings(players: Sequence[str], seats: int) -> list[tuple[str, ...]]:
    """Who plays whom.

    With one seat each player plays alone. With more, every ordered choice of distinct players sits down, so
    seats rotate; with fewer players than seats, they also play copies of themselves.
    """
    if seats == 1:
        return [(player,) for player in players]
    if len(players) >= seats:
        return list(permutations(players, seats))
    return list(product(players, repeat=seats))


def cells_of(
    suite: str,
    scenarios: Sequence[Scenario],
    players: Sequence[str],
    *,
    variants: Sequence[Variant],
    replicates: int,
    seed: int,
) -> list[Cell]:
    """All cells of a run, replicate by replicate, so that a run broken off has seen every scenario."""
    fingerprints = Fingerprints()
    contents = {scenario.name: fingerprints.of(scenario) for scenario in scenarios}
    return [
        Cell(suite, scenario.name, variant, replicate, seating, seed, contents[scenario.name])
        for replicate in range(replicates)
        for scenario in scenarios
        for variant in variants
        for seating in seatings(players, scenario.seats)
    ]
