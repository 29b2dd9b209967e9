from .bilinear.solvers import (
    BilinearSolver as BilinearSolver,
    LinearProgram as LinearProgram,
    RegretMatching as RegretMatching,
)
from .expanders import AddAllAnswers as AddAllAnswers, AddNewAnswers as AddNewAnswers
from .joint.concepts import (
    CCE as CCE,
    CE as CE,
    JointConcept as JointConcept,
    JointMetaSolver as JointMetaSolver,
    PreferredEquilibrium as PreferredEquilibrium,
    RandomWelfare as RandomWelfare,
    max_gini as max_gini,
    max_welfare as max_welfare,
    min_epsilon as min_epsilon,
)
from .joint.loop import JPSRO as JPSRO, JPSROSolution as JPSROSolution, run_jpsro as run_jpsro
from .joint.state import JointState as JointState, JointTrace as JointTrace
from .loop import PSROSolution as PSROSolution, run_psro as run_psro
from .measures import NashConv as NashConv, RiskNashConv as RiskNashConv
from .meta_solvers.basic import (
    NashMetaSolver as NashMetaSolver,
    RiskAverseMetaSolver as RiskAverseMetaSolver,
    UniformMetaSolver as UniformMetaSolver,
)
from .meta_solvers.callables import CallableMetaSolver as CallableMetaSolver
from .meta_solvers.correlated import (
    CorrelatedMarginals as CorrelatedMarginals,
    max_gini_cce as max_gini_cce,
    max_gini_ce as max_gini_ce,
    max_welfare_cce as max_welfare_cce,
    max_welfare_ce as max_welfare_ce,
)
from .meta_solvers.dynamics import (
    AlphaRankMetaSolver as AlphaRankMetaSolver,
    LastPoliciesMetaSolver as LastPoliciesMetaSolver,
    ProjectedReplicatorMetaSolver as ProjectedReplicatorMetaSolver,
    QuantalResponseMetaSolver as QuantalResponseMetaSolver,
    RectifiedNashMetaSolver as RectifiedNashMetaSolver,
)
from .meta_solvers.learning import (
    FictitiousPlayMetaSolver as FictitiousPlayMetaSolver,
    RegretMatchingMetaSolver as RegretMatchingMetaSolver,
)
from .method import (
    PSRO as PSRO,
    Method as Method,
    pure_opening as pure_opening,
    uniform_opening as uniform_opening,
)
from .oracles import ExactBestResponse as ExactBestResponse, RiskAverseBestResponse as RiskAverseBestResponse
from .population import EmpiricalPayoffs as EmpiricalPayoffs, Population as Population
from .protocols import (
    Expander as Expander,
    JointOracle as JointOracle,
    Measure as Measure,
    MetaSolver as MetaSolver,
    Oracle as Oracle,
    PopulationSolver as PopulationSolver,
)
from .sampled.allocation import (
    AdaptiveAllocation as AdaptiveAllocation,
    Allocation as Allocation,
    UniformAllocation as UniformAllocation,
)
from .sampled.loop import SampledPSROSolution as SampledPSROSolution, run_sampled_psro as run_sampled_psro
from .sampled.risk_averse import solve_empirical_risk as solve_empirical_risk
from .sampled.risk_meta_solver import (
    EmpiricalMetaSolver as EmpiricalMetaSolver,
    EmpiricalRiskMetaSolver as EmpiricalRiskMetaSolver,
)
from .sampled.rules import EpisodeBudget as EpisodeBudget, NoGain as NoGain
from .sampled.simulators import OneByOne as OneByOne, SideBySide as SideBySide, Simulator as Simulator
from .sampled.state import SampledTrace as SampledTrace
from .sampled.tasks import SampledOracle as SampledOracle
from .state import PSROState as PSROState, Trace as Trace
from .variants.anytime import (
    AnytimeMetaSolver as AnytimeMetaSolver,
    FreshBestResponse as FreshBestResponse,
    HardestMixture as HardestMixture,
    hardest_mixture as hardest_mixture,
)
from .variants.candidates import CandidateSelection as CandidateSelection
from .variants.diversity import DiverseBestResponse as DiverseBestResponse, hull_distance as hull_distance
from .variants.extensive_double_oracle import RestrictedTreeSolver as RestrictedTreeSolver
from .variants.pipeline import PipelinePSRO as PipelinePSRO
from .variants.self_play import SelfPlayOracle as SelfPlayOracle
from .variants.symmetric import (
    OneSeatOracle as OneSeatOracle,
    SymmetricMetaSolver as SymmetricMetaSolver,
    SymmetricPayoffs as SymmetricPayoffs,
    SymmetricPSRO as SymmetricPSRO,
)
