from .allocation import (
    AdaptiveAllocation as AdaptiveAllocation,
    Allocation as Allocation,
    UniformAllocation as UniformAllocation,
)
from .correlated_meta_solvers import (
    CorrelatedMarginals as CorrelatedMarginals,
    max_gini_cce as max_gini_cce,
    max_gini_ce as max_gini_ce,
    max_welfare_cce as max_welfare_cce,
    max_welfare_ce as max_welfare_ce,
)
from .dynamics_meta_solvers import (
    AlphaRankMetaSolver as AlphaRankMetaSolver,
    LastPoliciesMetaSolver as LastPoliciesMetaSolver,
    ProjectedReplicatorMetaSolver as ProjectedReplicatorMetaSolver,
    QuantalResponseMetaSolver as QuantalResponseMetaSolver,
    RectifiedNashMetaSolver as RectifiedNashMetaSolver,
)
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
from .sampled import SampledPSROSolution as SampledPSROSolution, run_sampled_psro as run_sampled_psro
from .sampled_state import SampledTrace as SampledTrace
from .state import PSROState as PSROState, Trace as Trace
from .tasks import SampledOracle as SampledOracle
