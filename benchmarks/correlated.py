"""Correlated equilibria of greatest welfare: ours against the linear programs of OpenSpiel's JPSRO.

Both solve the same random games in turn, so a busy machine slows both alike; the times are medians and the
ratio is the median of the ratios within one round. Gaps are in units of the payoff range, recomputed by
``games`` for both; ``welfare`` is the least by which ours pays more, in the same units (JPSRO may pay more by
breaking constraints within its tolerance). Needs cvxpy and ecos, which JPSRO calls by name.

    OMP_NUM_THREADS=1 python benchmarks/correlated.py
"""

import argparse
import statistics
import time
import warnings

import numpy as np
from open_spiel.python.algorithms import jpsro

from games.normal_form import NormalFormGame, cce_gap, ce_gap
from solvers.equilibrium import solve_cce, solve_ce

CONCEPTS = {"ce": (solve_ce, jpsro._mwce, ce_gap), "cce": (solve_cce, jpsro._mwcce, cce_gap)}


def main() -> None:
    """Print one line per size and concept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["10x10", "5x5x5", "10x10x10"])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # cvxpy on ECOS
    print(f"{'size':>8} {'concept':>7} {'ours ms':>8} {'JPSRO ms':>9} {'ratio':>6} ", end="")
    print(f"{'our gap':>8} {'their gap':>9} {'welfare':>8}")
    for text in arguments.sizes:
        sizes = tuple(int(n) for n in text.split("x"))
        for concept, (solve, peer, gap) in CONCEPTS.items():
            ours, theirs, our_gaps, their_gaps, welfare = [], [], [], [], []
            for seed in range(-1, arguments.rounds):  # the first round warms caches
                rng = np.random.default_rng(seed + 1)
                game = NormalFormGame(rng.normal(size=(len(sizes), *sizes)))
                start = time.perf_counter()
                joint = solve(game).unwrap()
                middle = time.perf_counter()
                other, _ = peer(game.payoffs.copy(), [np.ones(n) for n in sizes])
                end = time.perf_counter()
                if seed >= 0:
                    other = np.maximum(other, 0.0) / np.maximum(other, 0.0).sum()
                    ours.append(middle - start)
                    theirs.append(end - middle)
                    our_gaps.append(gap(game, joint) / game.payoff_range)
                    their_gaps.append(gap(game, other) / game.payoff_range)
                    more = (game.payoffs.sum(axis=0) * (joint - other)).sum()
                    welfare.append(float(more) / game.payoff_range)
            ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
            print(
                f"{text:>8} {concept:>7} {1e3 * statistics.median(ours):8.1f} "
                f"{1e3 * statistics.median(theirs):9.1f} {ratio:6.0f} {max(our_gaps):8.1e} "
                f"{max(their_gaps):9.1e} {min(welfare):8.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
