from .expanders import AddAllAnswers as AddAllAnswers, AddNewAnswers as AddNewAnswers
from .loop import PSRO as PSRO, PSROSolution as PSROSolution, run_psro as run_psro
from .measures import NashConv as NashConv, RiskNashConv as RiskNashConv
from .meta_solvers import (
    NashMetaSolver as NashMetaSolver,
    RiskAverseMetaSolver as RiskAverseMetaSolver,
    UniformMetaSolver as UniformMetaSolver,
)
from .oracles import ExactBestResponse as ExactBestResponse, RiskAverseBestResponse as RiskAverseBestResponse
from .population import EmpiricalPayoffs as EmpiricalPayoffs, Population as Population
from .protocols import Expander as Expander, MetaSolver as MetaSolver, Oracle as Oracle
from .state import PSROState as PSROState, Trace as Trace
