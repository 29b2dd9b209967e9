"""Alpha-rank: ours, certificate included, against ``open_spiel.python.egt.alpharank.compute``.

Both rank the same random games in turn, so a busy machine slows both alike; a round takes the fastest of
three calls of each, the times are medians over the rounds and the ratio is the median of the ratios within
one. ``difference`` is the largest between the two distributions over all rounds; the residuals, ours and
theirs, are recomputed by ``games``. OpenSpiel refuses chains whose rates leave the range of float64, which
is counted.

    OMP_NUM_THREADS=1 python benchmarks/alpha_rank.py
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from open_spiel.python.egt import alpharank

from games.normal_form import FiniteSelection, InfiniteSelection, NormalFormGame, selection_residual
from solvers.equilibrium import solve_alpha_rank

MODELS = {
    "alpha 0.3": (FiniteSelection(0.3), {"alpha": 0.3}),
    "alpha 3": (FiniteSelection(3.0), {"alpha": 3.0}),
    "infinite": (InfiniteSelection(0.01), {"use_inf_alpha": True, "inf_alpha_eps": 0.01}),
}


def fastest(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the fastest of three calls, and what it returned."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        found = call()
        times.append(time.perf_counter() - start)
    return min(times), found


def main() -> None:
    """Print one line per size and model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["6x6", "4x4x4", "15x15"])
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    np.seterr(over="ignore")  # OpenSpiel's exponentials
    print(
        f"{'size':>7} {'model':>10} {'ours ms':>8} {'theirs ms':>9} {'ratio':>6} {'difference':>10} ", end=""
    )
    print(f"{'residual':>9} {'theirs':>8} {'refused':>7}")
    for text in arguments.sizes:
        sizes = tuple(int(n) for n in text.split("x"))
        for label, (selection, options) in MODELS.items():
            ours, theirs, differences, residuals, peer_residuals, refused = [], [], [0.0], [], [], 0
            for seed in range(-1, arguments.rounds):  # the first round compiles and warms caches
                rng = np.random.default_rng(seed + 1)
                game = NormalFormGame(rng.normal(size=(len(sizes), *sizes)))
                seconds, result = fastest(partial(solve_alpha_rank, game, selection))
                try:
                    peer_seconds, found = fastest(partial(alpharank.compute, list(game.payoffs), **options))
                except ValueError:
                    refused += 1
                    continue
                pi = found[2]
                if seed >= 0:
                    ours.append(seconds)
                    theirs.append(peer_seconds)
                    peer = np.maximum(pi, 0.0).reshape(sizes) / np.maximum(pi, 0.0).sum()
                    peer_residuals.append(selection_residual(game, peer, selection))
                    differences.append(float(np.abs(pi - result.unwrap().joint.ravel()).max()))
                    residuals.append(result.certificate.bound)
            if not ours:
                print(f"{text:>7} {label:>10} OpenSpiel refused every game")
                continue
            ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
            print(
                f"{text:>7} {label:>10} {1e3 * statistics.median(ours):8.3f} "
                f"{1e3 * statistics.median(theirs):9.2f} {ratio:6.0f} {max(differences):10.1e} "
                f"{max(residuals):9.1e} {max(peer_residuals):8.1e} {refused:7d}",
                flush=True,
            )


if __name__ == "__main__":
    main()
