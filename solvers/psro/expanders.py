"""Expanders: which answers join the populations."""

from collections.abc import Sequence
from dataclasses import dataclass

from games.extensive.sequence_form import Plan
from solvers.psro.population import Population


@dataclass(frozen=True, slots=True)
class AddNewAnswers:
    """Add each player's answer unless the population holds it already."""

    @property
    def name(self) -> str:
        """Registered name."""
        return "new"

    def select(self, populations: Sequence[Population], answers: Sequence[Plan]) -> list[list[Plan]]:
        """See ``Expander.select``."""
        return [
            [] if answer in population else [answer]
            for population, answer in zip(populations, answers, strict=True)
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

    def select(self, populations: Sequence[Population], answers: Sequence[Plan]) -> list[list[Plan]]:
        """See ``Expander.select``."""
        return [[answer] for answer in answers]
