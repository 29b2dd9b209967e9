"""Risk-averse equilibria of random two-player games: accuracy and seconds of every method.

Payoffs are standard normal. The residual is ``risk_nash_conv`` divided by the payoff range, recomputed by
``games``. Fictitious play and extragradient run unpolished for a fixed number of steps; the default method
runs as users get it.

    python benchmarks/risk_averse.py --sizes 5 20 50 100 --seeds 5
"""

import argparse
import statistics
from functools import partial

import numpy as np

from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion
from solvers.equilibrium.risk_averse import (
    solve_risk_averse,
    solve_risk_averse_extragradient,
    solve_risk_averse_fp,
)

TOL = 1e-8
METHODS = {
    "fictitious play": partial(solve_risk_averse_fp, tol=TOL, max_steps=1000),
    "extragradient": partial(solve_risk_averse_extragradient, tol=TOL, max_steps=4000),
}


def draw(size: int, zero_sum: bool, seed: int) -> NormalFormGame:
    """A random game of standard normal payoffs."""
    rng = np.random.default_rng([size, seed])
    rows = rng.normal(size=(size, size))
    if zero_sum:
        return NormalFormGame.zero_sum(rows)
    return NormalFormGame.bimatrix(rows, rng.normal(size=(size, size)))


def main() -> None:
    """Print one line per size, kind, gamma and method, then the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5, 20, 50, 100])
    parser.add_argument("--gammas", type=float, nargs="+", default=[0.1, 0.5, 2.0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--starts", type=int, default=12, help="starts of the default method before it gives up"
    )
    arguments = parser.parse_args()
    methods = METHODS | {"default": partial(solve_risk_averse, tol=TOL, starts=arguments.starts)}
    for method in methods.values():  # compile before the clock runs
        method(draw(3, False, 0), RiskAversion(0.5), max_steps=10)
    solved: dict[str, list[bool]] = {name: [] for name in methods}
    print(
        f"{'size':>4} {'kind':>11} {'gamma':>5} {'method':>16} {'solved':>7} {'median res':>10} "
        f"{'worst res':>10} {'median s':>9} {'worst s':>8}"
    )
    for size in arguments.sizes:
        for zero_sum in (True, False):
            games = [draw(size, zero_sum, seed) for seed in range(arguments.seeds)]
            for gamma in arguments.gammas:
                for name, method in methods.items():
                    results = [method(game, RiskAversion(gamma)) for game in games]
                    residuals = [
                        result.certificate.bound / game.payoff_range
                        for game, result in zip(games, results, strict=True)
                    ]
                    seconds = [result.seconds for result in results]
                    hits = [residual <= TOL for residual in residuals]
                    solved[name] += hits
                    kind = "zero-sum" if zero_sum else "general-sum"
                    print(
                        f"{size:>4} {kind:>11} {gamma:>5g} {name:>16} {sum(hits):>3}/{len(hits):<3} "
                        f"{statistics.median(residuals):>10.1e} {max(residuals):>10.1e} "
                        f"{statistics.median(seconds):>9.3f} {max(seconds):>8.3f}",
                        flush=True,
                    )
    for name, hits in solved.items():
        print(f"{name}: {sum(hits)} of {len(hits)} solved to {TOL:g} of the payoff range")


if __name__ == "__main__":
    main()
