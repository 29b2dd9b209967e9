"""Expanders: which answers join the populations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from games.extensive.sequence_form import Plan
from solvers.psro.population import Population


@dataclass(frozen=True, slots=True)
class AddNewAnswers:
    """Add each player's answers unless the population holds them already."""

    @property
    def name(self) -> str:
        """Registered name."""
        return "new"

    def select(
        self, populations: Sequence[Population], answers: Sequence[Sequence[Plan]]
    ) -> list[list[Plan]]:
        """See ``Expander.select``."""
        return [
            [
                plan
                for k, plan in enumerate(found)
                if plan not in population and not any(np.array_equal(plan, other) for other in found[:k])
            ]
            for population, found in zip(populations, answers, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class AddAllAnswers:
    """Add every answer, also one the population holds: how often a policy is in it then counts.

    With the uniform meta-solver this is fictitious play. The run does not end by itself.
    """

    @property
    def name(self) -> str:
        """Registered name."""
        return "all"

    def select(
        self, populations: Sequence[Population], answers: Sequence[Sequence[Plan]]
    ) -> list[list[Plan]]:
        """See ``Expander.select``."""
        return [list(found) for found in answers]
