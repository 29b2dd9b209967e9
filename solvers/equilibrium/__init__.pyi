from .frontier import (
    EfficientFrontier as EfficientFrontier,
    RiskFrontier as RiskFrontier,
    efficient_frontier as efficient_frontier,
    risk_frontier as risk_frontier,
)
from .matrix_lp import MatrixLP as MatrixLP
from .matrix_solution import MatrixSolution as MatrixSolution
from .pivoting import MatrixSimplex as MatrixSimplex
from .regret_matching import RegretMatching as RegretMatching
from .risk_averse import (
    solve_risk_averse as solve_risk_averse,
    solve_risk_averse_extragradient as solve_risk_averse_extragradient,
    solve_risk_averse_fp as solve_risk_averse_fp,
)
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
