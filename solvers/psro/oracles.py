"""Oracles that answer exactly, on the compiled tree."""

from dataclasses import dataclass

import numpy as np

from games.extensive.evaluation import best_response_to_plans
from games.extensive.risk import risk_best_plan
from games.extensive.sequence_form import Plan
from games.normal_form.risk import RiskAversion
from solvers.psro.population import MetaPlay


@dataclass(frozen=True, slots=True)
class ExactBestResponse:
    """A pure best response by dynamic programming over the player's information sets.

    Linear in the entries of the form. Ties go to the first action.
    """

    @property
    def name(self) -> str:
        """Registered name."""
        return "exact"

    def respond(self, play: MetaPlay, player: int, *, rng: np.random.Generator) -> Plan:
        """See ``Oracle.respond``; draws nothing from ``rng``."""
        return best_response_to_plans(play.form, play.plans, player).plan


@dataclass(frozen=True, slots=True)
class RiskAverseBestResponse:
    """A best plan of mean minus priced variance, exactly (see ``games.extensive.risk``).

    With the variance over the opponents' draws of their policies the best plan is generally mixed and joins
    the population as one policy; with the total variance it is pure.

    Attributes:
        risk: price of variance, trembles over the opponents' populations, and whose randomness counts.
    """

    risk: RiskAversion

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"risk_averse({self.risk})"

    def respond(self, play: MetaPlay, player: int, *, rng: np.random.Generator) -> Plan:
        """See ``Oracle.respond``; draws nothing from ``rng``."""
        return risk_best_plan(play.form, play.populations, play.profile, player, self.risk).plan
