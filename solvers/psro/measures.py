"""What a run seeks: distances whose smallness ends it and certifies its answer."""

from dataclasses import dataclass

from games.extensive.evaluation import values_and_regrets
from games.extensive.risk import mixture_risk_nash_conv
from games.normal_form.risk import RiskAversion
from solvers.psro.population import MetaPlay


@dataclass(frozen=True, slots=True)
class NashConv:
    """Sum of what the players could gain by best responses in the full game."""

    @property
    def name(self) -> str:
        """What the certificate calls it."""
        return "nash_conv"

    def __call__(self, play: MetaPlay) -> float:
        """See ``Measure``."""
        return float(values_and_regrets(play.form, play.plans)[1].sum())


@dataclass(frozen=True, slots=True)
class RiskNashConv:
    """The same with mean minus priced variance in the place of payoffs (``games.extensive.risk``).

    Attributes:
        risk: price of variance, trembles, and whose randomness counts.
    """

    risk: RiskAversion

    @property
    def name(self) -> str:
        """What the certificate calls it."""
        return "risk_nash_conv"

    def __call__(self, play: MetaPlay) -> float:
        """See ``Measure``."""
        return mixture_risk_nash_conv(play.form, play.populations, play.profile, self.risk)
