"""Names of solvers, and of the parts of a PSRO, for the command line and specs.

A solver's first tag says what it takes: ``matrix`` (a ``NormalFormGame``) or ``tree`` (a ``SequenceForm``).
Adding a solver is one file and one line here; the listing, ``counterplay solve`` and the conformance sweep
find it by the line.
"""

from games.registry import Registry

SOLVERS = Registry("solver")
ORACLES = Registry("oracle")
META_SOLVERS = Registry("meta-solver")
EXPANDERS = Registry("expander")

# One entry per line.
# fmt: off
SOLVERS.add("zero_sum", "solvers.equilibrium.zero_sum:solve_zero_sum", "Nash equilibrium: pivots for small games, regret matching and pivots for large ones", "matrix", "2-player", "constant-sum")
SOLVERS.add("zero_sum_lp", "solvers.equilibrium.zero_sum:solve_zero_sum_lp", "Nash equilibrium by linear programming, exact", "matrix", "2-player", "constant-sum")
SOLVERS.add("zero_sum_pivoting", "solvers.equilibrium.zero_sum:solve_zero_sum_pivoting", "Nash equilibrium by pivots on a dense tableau, exact", "matrix", "2-player", "constant-sum")
SOLVERS.add("zero_sum_prm", "solvers.equilibrium.zero_sum:solve_zero_sum_prm", "Nash equilibrium by predictive regret matching+ and a polish", "matrix", "2-player", "constant-sum")
SOLVERS.add("risk_averse", "solvers.equilibrium.risk_averse:solve_risk_averse", "Risk-averse equilibrium; gamma 0 is a Nash equilibrium", "matrix", "n-player", "general-sum")
SOLVERS.add("double_oracle", "solvers.psro.double_oracle:solve_double_oracle", "PSRO with exact answers and the Nash meta-solver", "tree", "2-player", "constant-sum")

ORACLES.add("exact", "solvers.psro.oracles:ExactBestResponse", "Pure best response by dynamic programming", "tree", "n-player")
ORACLES.add("risk_averse", "solvers.psro.oracles:RiskAverseBestResponse", "Best plan of mean minus priced variance, exact; mostly mixed", "tree", "n-player", "risk")

META_SOLVERS.add("nash", "solvers.psro.meta_solvers:NashMetaSolver", "Nash equilibrium of the empirical game", "2-player", "constant-sum")
META_SOLVERS.add("risk_averse", "solvers.psro.meta_solvers:RiskAverseMetaSolver", "Risk-averse equilibrium of the empirical game; gamma 0 for Nash", "n-player", "general-sum")
META_SOLVERS.add("uniform", "solvers.psro.meta_solvers:UniformMetaSolver", "Equal weight on every policy", "n-player", "general-sum")

EXPANDERS.add("new", "solvers.psro.expanders:AddNewAnswers", "Add the answers the populations do not hold", "n-player")
EXPANDERS.add("all", "solvers.psro.expanders:AddAllAnswers", "Add every answer; with uniform weights, fictitious play", "n-player")
# fmt: on
