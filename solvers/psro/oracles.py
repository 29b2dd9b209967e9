"""Oracles that answer exactly, on the compiled tree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.extensive.evaluation import best_response_to_plans
from games.extensive.sequence_form import Plan, SequenceForm


@dataclass(frozen=True, slots=True)
class ExactBestResponse:
    """A pure best response by dynamic programming over the player's information sets.

    Linear in the entries of the form. Ties go to the first action.
    """

    @property
    def name(self) -> str:
        """Registered name."""
        return "exact"

    def respond(
        self, form: SequenceForm, plans: NDArray[np.float64], player: int, *, rng: np.random.Generator
    ) -> Plan:
        """See ``Oracle.respond``; draws nothing from ``rng``."""
        return best_response_to_plans(form, plans, player).plan
