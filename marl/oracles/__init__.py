"""Oracles: best responses learned by playing."""

from marl.oracles.answers import Opponent as Opponent, OracleAnswer as OracleAnswer
from marl.oracles.certainty_equivalent import CertaintyEquivalent as CertaintyEquivalent
from marl.oracles.schedules import (
    ConstantStep as ConstantStep,
    InverseVisits as InverseVisits,
    LinearDecay as LinearDecay,
    StepSize as StepSize,
)
from marl.oracles.tabular_q import EarlyStop as EarlyStop, TabularQ as TabularQ
