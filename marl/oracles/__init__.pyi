from .answers import Opponent as Opponent, OracleAnswer as OracleAnswer
from .candidates import CandidateResponse as CandidateResponse, ChosenPolicy as ChosenPolicy
from .certainty_equivalent import CertaintyEquivalent as CertaintyEquivalent
from .deep import DeepOracle as DeepOracle
from .mean_variance import MeanVarianceResponse as MeanVarianceResponse
from .schedules import (
    ConstantStep as ConstantStep,
    InverseVisits as InverseVisits,
    LinearDecay as LinearDecay,
    StepSize as StepSize,
)
from .stable_baselines import StableBaselines as StableBaselines
from .tabular_q import EarlyStop as EarlyStop, TabularQ as TabularQ, WarmStart as WarmStart
