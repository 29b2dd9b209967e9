"""Equilibria of matrix games: a zero-sum game, a game of one's own, and aversion to risk.

python examples/matrix_games.py
"""

import numpy as np

from games.normal_form import NormalFormGame, expected_payoffs
from games.normal_form.registry import load_named
from games.normal_form.risk import RiskAversion
from solvers.equilibrium import solve_risk_averse, solve_zero_sum


def main() -> None:
    """Solve three games and print what was found."""
    result = solve_zero_sum(load_named("weighted-rock-paper-scissors"))
    x, _ = result.require(1e-9).unwrap()
    print(f"weighted rock-paper-scissors: play {np.round(x, 4)}, NashConv {result.certificate.bound:.1e}")

    merge = NormalFormGame.bimatrix(
        [[3.0, 2.0], [5.0, -20.0]],
        [[3.0, 5.0], [2.0, -20.0]],
        actions=[["yield", "push"], ["yield", "push"]],
        name="merging cars",
    )
    for gamma in (0.0, 0.02, 0.2):
        result = solve_risk_averse(merge, RiskAversion(gamma, tremble=0.05), start=[[0.5, 0.5]] * 2)
        profile = result.require(1e-6).unwrap()
        print(
            f"{merge.name}, gamma {gamma:g}: P(push) {profile[0][1]:.4f} and {profile[1][1]:.4f}, "
            f"payoffs {np.round(expected_payoffs(merge, profile), 3)}"
        )


if __name__ == "__main__":
    main()
