"""Run OpenSpiel's jpsro; print one JSON line of seconds per iteration and the gaps reached.

Knows nothing of counterplay, so that it can run in an environment of its own.
"""

import argparse
import contextlib
import json
import sys
import time

import numpy as np
import pyspiel
from open_spiel.python.algorithms import jpsro


def main() -> None:
    """Time the iterations; gaps are the sums over players that the peer itself measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("game")
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--concept", choices=("ce", "cce"), default="cce")
    args = parser.parse_args()
    np.random.seed(0)  # noqa: NPY002 - the peer draws from the global generator
    moments = [time.perf_counter()]
    gaps = {}

    def callback(
        iteration, repeats, policies, joint, returns, games, dists, _dists, _v, _w, train, test, *rest
    ):
        moments.append(time.perf_counter())
        gaps["train"], gaps["eval"] = float(sum(train[-1])), float(sum(test[-1]))
        gaps["policies"] = [len(p) for p in policies]
        return rest[-1]

    with contextlib.redirect_stdout(sys.stderr):  # the peer prints as it goes
        jpsro.run_loop(
            pyspiel.load_game(args.game),
            args.game,
            iterations=args.iterations,
            target_equilibrium=args.concept,
            br_selection="largest_gap",
            train_meta_solver=f"mg{args.concept}",
            eval_meta_solver=f"mw{args.concept}",
            callback=callback,
        )
    print(json.dumps({"seconds": float(moments[-1] - moments[0]), "steps": len(moments) - 1, **gaps}))


if __name__ == "__main__":
    main()
