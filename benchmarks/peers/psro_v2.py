"""Run OpenSpiel's psro_v2 with its exact oracle and Nash meta-solver; print one JSON line of timings.

Knows nothing of counterplay, so that it can run in an environment of its own.
"""

import argparse
import contextlib
import json
import sys
import time

import numpy as np
import pyspiel
from open_spiel.python.algorithms import exploitability, policy_aggregator
from open_spiel.python.algorithms.psro_v2 import best_response_oracle, psro_v2, strategy_selectors
from open_spiel.python.policy import TabularPolicy


def main() -> None:
    """Time the iterations, and apart from them the measuring of NashConv after the last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("game")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--sims", type=int, default=1000, help="simulations per cell of the empirical game")
    args = parser.parse_args()
    np.random.seed(0)  # noqa: NPY002 - the peer draws from the global generator
    game = pyspiel.load_game(args.game)
    with contextlib.redirect_stdout(sys.stderr):  # the peer prints as it goes
        solver = psro_v2.PSROSolver(
            game,
            best_response_oracle.BestResponseOracle(game=game, policy=None),
            initial_policies=[TabularPolicy(game), TabularPolicy(game)],
            training_strategy_selector=strategy_selectors.probabilistic,
            sims_per_entry=args.sims,
            meta_strategy_method="nash",
            sample_from_marginals=True,
        )
        seconds = []
        for _ in range(args.iterations):
            start = time.perf_counter()
            solver.iteration()
            seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        mixture = policy_aggregator.PolicyAggregator(game).aggregate(
            range(2), solver.get_policies(), solver.get_meta_strategies()
        )
        nash_conv = exploitability.nash_conv(game, mixture)
        evaluation = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "nash_conv": nash_conv, "evaluation_seconds": evaluation}))


if __name__ == "__main__":
    main()
