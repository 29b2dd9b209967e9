from .bounds import LayerBounds as LayerBounds, layer_bounds as layer_bounds
from .branch_and_bound import BranchResult as BranchResult, node_limit as node_limit, search as search
from .decisions import NodeLimit as NodeLimit
from .evaluation import (
    CountsCertified as CountsCertified,
    Evaluation as Evaluation,
    Interval as Interval,
    PolicyScore as PolicyScore,
    evaluate as evaluate,
)
from .exact_stages import (
    Enumeration as Enumeration,
    ExactStage as ExactStage,
    Incumbent as Incumbent,
    MixedIntegerProgram as MixedIntegerProgram,
)
from .explanation import BitChoice as BitChoice, Explanation as Explanation, explain as explain
from .gurobi_solver import GurobiSolver as GurobiSolver
from .highs_solver import HighsSolver as HighsSolver
from .learning import (
    SequoiaPolicy as SequoiaPolicy,
    SequoiaSettings as SequoiaSettings,
    SequoiaTrainer as SequoiaTrainer,
    train_sequoia as train_sequoia,
)
from .local_search import improve as improve
from .network import (
    ActionNetwork as ActionNetwork,
    FunctionEncoder as FunctionEncoder,
    LinearEncoder as LinearEncoder,
    QNetwork as QNetwork,
    StateEncoder as StateEncoder,
    StateNetworks as StateNetworks,
    q_network as q_network,
)
from .oracle import ArgmaxOracle as ArgmaxOracle, FeasibleActions as FeasibleActions
from .prepared_set import EmptySetError as EmptySetError, Preparation as Preparation
from .program_solver import (
    ProgramAnswer as ProgramAnswer,
    ProgramRequest as ProgramRequest,
    ProgramSolver as ProgramSolver,
)
from .result import (
    ArgmaxResult as ArgmaxResult,
    ArgmaxStatus as ArgmaxStatus,
    ShrinkingTolerance as ShrinkingTolerance,
    Stage as Stage,
    Tolerance as Tolerance,
)
from .scip_solver import ScipSolver as ScipSolver
from .storage import load_policy as load_policy, save_policy as save_policy
from .torch_network import (
    ActionFirst as ActionFirst,
    InputOrder as InputOrder,
    Predicts as Predicts,
    StateFirst as StateFirst,
    compile_encoded as compile_encoded,
    compile_module as compile_module,
)
