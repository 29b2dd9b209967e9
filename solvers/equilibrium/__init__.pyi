from .alpha_rank import (
    AlphaRanking as AlphaRanking,
    AlphaSweep as AlphaSweep,
    solve_alpha_rank as solve_alpha_rank,
    solve_alpha_rank_single as solve_alpha_rank_single,
    sweep_alpha as sweep_alpha,
)
from .correlated import (
    Choice as Choice,
    Linear as Linear,
    MaxGini as MaxGini,
    MinEpsilon as MinEpsilon,
    Objective as Objective,
    solve_cce as solve_cce,
    solve_ce as solve_ce,
)
from .frontier import (
    EfficientFrontier as EfficientFrontier,
    RiskFrontier as RiskFrontier,
    efficient_frontier as efficient_frontier,
    risk_frontier as risk_frontier,
)
from .matrix_lp import MatrixLP as MatrixLP
from .matrix_solution import MatrixSolution as MatrixSolution
from .pivoting import MatrixSimplex as MatrixSimplex
from .projected_replicator import solve_projected_replicator as solve_projected_replicator
from .quantal_response import (
    QuantalResponse as QuantalResponse,
    solve_quantal_response as solve_quantal_response,
)
from .regret_matching import RegretMatching as RegretMatching
from .risk_averse import (
    solve_risk_averse as solve_risk_averse,
    solve_risk_averse_extragradient as solve_risk_averse_extragradient,
    solve_risk_averse_fp as solve_risk_averse_fp,
)
from .risk_layer import solve_risk_profile as solve_risk_profile
from .zero_sum import (
    Automatic as Automatic,
    LinearProgram as LinearProgram,
    MatrixMethod as MatrixMethod,
    Pivoting as Pivoting,
    PredictiveRegretMatching as PredictiveRegretMatching,
    solve_zero_sum as solve_zero_sum,
    solve_zero_sum_lp as solve_zero_sum_lp,
    solve_zero_sum_pivoting as solve_zero_sum_pivoting,
    solve_zero_sum_prm as solve_zero_sum_prm,
)
