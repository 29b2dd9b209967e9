"""PSRO towards risk-averse equilibria of trees: risk-adjusted NashConv by iterations and seconds.

No peer computes it; the rows say what a price of variance costs in iterations and time, and what the
certificate reached.
"""

import argparse

from games.adapters.open_spiel_tree import compile_open_spiel
from games.normal_form.risk import RiskAversion
from solvers.psro import PSRO, RiskAverseBestResponse, RiskAverseMetaSolver, RiskNashConv, run_psro


def main() -> None:
    """Print one row per game and gamma."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=200, help="most iterations on Leduc")
    args = parser.parse_args()
    print(f"{'game':<22}{'gamma':>7}{'iterations':>12}{'seconds':>9}{'risk NashConv':>15}{'NashConv':>11}")
    for name, iterations in [
        ("kuhn_poker", 50),
        ("kuhn_poker(players=3)", 50),
        ("leduc_poker", args.iterations),
    ]:
        form = compile_open_spiel(name)
        for gamma in (0.01, 0.1, 1.0):
            risk = RiskAversion(gamma)
            method = PSRO(
                RiskAverseBestResponse(risk), RiskAverseMetaSolver(risk), measure=RiskNashConv(risk)
            )
            result = run_psro(form, method, iterations=iterations, tol=1e-7)
            print(
                f"{name:<22}{gamma:>7g}{result.steps:>12}{result.seconds:>9.2f}"
                f"{result.certificate.bound:>15.2e}{result.info['nash_conv']:>11.2e}"
            )


if __name__ == "__main__":
    main()
