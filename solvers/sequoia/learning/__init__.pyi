from .checkpoint import resume_training as resume_training, save_training as save_training
from .exploration import (
    NeighbourExploration as NeighbourExploration,
    random_allowed as random_allowed,
    random_neighbour as random_neighbour,
)
from .families import (
    AdditiveFamily as AdditiveFamily,
    ConcaveFamily as ConcaveFamily,
    DenseFamily as DenseFamily,
    QFamily as QFamily,
    ResidualFamily as ResidualFamily,
    SharedFamily as SharedFamily,
    SharedResidualFamily as SharedResidualFamily,
)
from .features import OneHot as OneHot, RawIntegers as RawIntegers, StateFeatures as StateFeatures
from .improvement import Improvement as Improvement
from .model import ActionValueModel as ActionValueModel, ModelNetwork as ModelNetwork
from .penalties import Penalty as Penalty, ReluStability as ReluStability, WeightPenalty as WeightPenalty
from .policy import OraclePolicy as OraclePolicy
from .records import (
    LearningCurve as LearningCurve,
    RoundRecords as RoundRecords,
    ValidationRecords as ValidationRecords,
)
from .schedules import (
    CosineRate as CosineRate,
    HardTarget as HardTarget,
    SoftTarget as SoftTarget,
    TargetRule as TargetRule,
)
from .settings import (
    SequoiaSettings as SequoiaSettings,
    Validation as Validation,
    WarmStart as WarmStart,
)
from .train import SequoiaPolicy as SequoiaPolicy, train_sequoia as train_sequoia
from .trainer import SequoiaTrainer as SequoiaTrainer
from .value_base import (
    BaseRule as BaseRule,
    LagrangianBase as LagrangianBase,
    MultiplierBase as MultiplierBase,
    NoBase as NoBase,
    ValueBase as ValueBase,
    value_base as value_base,
)
