"""Equilibria under every risk measure on random two-player games: residual and seconds.

Payoffs are standard normal. The residual is ``risk_profile_nash_conv`` divided by the payoff range,
recomputed by ``games``; "solved" counts residuals of at most 1e-8, and "stages" which methods found the
profiles. Measures marked "strong" weigh risk far more than payoffs vary, and are the hard ones.

    python benchmarks/risk_layer.py --sizes 5 20 --seeds 6
    python benchmarks/risk_layer.py --sizes 100 --seeds 3 --measures "CVaR 0.3" "lower moment 1"
"""

import argparse
import statistics
from collections import Counter

import numpy as np

from games.normal_form import NormalFormGame
from games.normal_form.risk_measures import (
    Entropic,
    LowerPartialMoment,
    MeanVariance,
    MonotoneMeanVariance,
    Neutral,
    RiskMeasure,
)
from games.normal_form.risk_profiles import RiskProfile
from games.normal_form.risk_regularisers import Entropy, LogBarrier, Regulariser
from games.normal_form.risk_tails import CVaR, WorstCase
from solvers.equilibrium.risk_layer import solve_risk_profile

TOL = 1e-8
MEASURES: dict[str, tuple[RiskMeasure, Regulariser | None, float]] = {
    "neutral + entropy": (Neutral(), Entropy(0.1), 0.0),
    "mean-variance": (MeanVariance(0.5), None, 0.0),
    "monotone mean-variance": (MonotoneMeanVariance(0.5), None, 0.0),
    "entropic": (Entropic(1.0), None, 0.0),
    "entropic + entropy": (Entropic(1.0), Entropy(0.1), 0.0),
    "entropic + barrier": (Entropic(1.0), LogBarrier(0.01), 0.0),
    "lower moment 2": (LowerPartialMoment(0.5, 2), None, 0.0),
    "lower moment 3": (LowerPartialMoment(0.5, 3), None, 0.0),
    "lower moment 1": (LowerPartialMoment(0.5, 1), None, 0.0),
    "lower moment 1, fixed": (LowerPartialMoment(0.5, 1, 0.3), None, 0.0),
    "CVaR 0.3": (CVaR(0.3), None, 0.0),
    "CVaR 0.05": (CVaR(0.05), None, 0.0),
    "CVaR 0.3 + entropy": (CVaR(0.3), Entropy(0.1), 0.0),
    "worst case, tremble": (WorstCase(), None, 0.1),
    "monotone mv, strong": (MonotoneMeanVariance(3.0), None, 0.0),
    "entropic, strong": (Entropic(5.0), None, 0.0),
    "lower m. 3, strong": (LowerPartialMoment(5.0, 3), None, 0.0),
}
MIXED = "CVaR against lower m. 1"  # each player with a measure of their own


def draw(size: int, zero_sum: bool, seed: int) -> NormalFormGame:
    """A random game of standard normal payoffs."""
    rng = np.random.default_rng([size, seed])
    rows = rng.normal(size=(size, size))
    if zero_sum:
        return NormalFormGame.zero_sum(rows)
    return NormalFormGame.bimatrix(rows, rng.normal(size=(size, size)))


def main() -> None:
    """Print one line per size, kind and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--measures", nargs="+", choices=[*MEASURES, MIXED], default=[*MEASURES, MIXED])
    arguments = parser.parse_args()
    risks = {
        name: RiskProfile((measure,) * 2, (own,) * 2, tremble)
        for name, (measure, own, tremble) in MEASURES.items()
    }
    risks[MIXED] = RiskProfile((CVaR(0.3), LowerPartialMoment(0.5, 1)))
    for risk in (risks[name] for name in arguments.measures):  # compile before the clock runs
        solve_risk_profile(draw(3, False, 0), risk, max_steps=50)
    print(
        f"{'size':>4} {'kind':>11} {'measure':>23} {'solved':>7} {'median res':>10} {'worst res':>10} "
        f"{'median s':>9} {'worst s':>8}  stages"
    )
    for size in arguments.sizes:
        for zero_sum in (True, False):
            for name in arguments.measures:
                risk = risks[name]
                residuals, seconds, stages = [], [], Counter[str]()
                for seed in range(arguments.seeds):
                    game = draw(size, zero_sum, seed)
                    result = solve_risk_profile(game, risk, tol=TOL, time_limit=arguments.time_limit)
                    bound = np.inf if result.certificate is None else result.certificate.bound
                    residuals.append(float(bound / game.payoff_range))
                    seconds.append(result.seconds)
                    stages[str(result.info["stage"])] += 1
                solved = sum(r <= TOL for r in residuals)
                print(
                    f"{size:>4} {'zero-sum' if zero_sum else 'general-sum':>11} {name:>23} "
                    f"{solved:>3}/{len(residuals):<3} {statistics.median(residuals):>10.1e} "
                    f"{max(residuals):>10.1e} {statistics.median(seconds):>9.3f} {max(seconds):>8.3f}  "
                    + ", ".join(f"{stage} {count}" for stage, count in stages.most_common()),
                    flush=True,
                )


if __name__ == "__main__":
    main()
