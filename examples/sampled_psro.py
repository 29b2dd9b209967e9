"""PSRO by simulation, for games that can be played but not written down; Kuhn poker, here, can be both.

    python examples/sampled_psro.py --iterations 6

Responses are learned by tabular Q-learning and payoffs are sampled, so every figure of the table is an
estimate. The last lines compare with the exact distance from equilibrium, and split the risk of the outcome:
that of which policies meet (sampling noise subtracted, so it may come out below zero) and that of the cards.
"""

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table

from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.empirical import RiskSource, empirical_risk
from games.extensive.evaluation import nash_conv
from marl.oracles import TabularQ
from marl.policies.in_trees import behaviors_of_policies
from solvers.psro import AdaptiveAllocation, run_sampled_psro
from solvers.report import progress_bar


def main() -> None:
    """Run, print what each iteration measured, and check the outcome exactly."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--game", default="kuhn_poker")
    parser.add_argument("--iterations", type=int, default=6)
    parser.add_argument("--episodes", type=int, default=4_000, help="from which each response is learned")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    game = open_spiel_game(args.game)
    with progress_bar(f"sampled psro on {game.name}") as bar:
        result = run_sampled_psro(
            game,
            oracle=TabularQ(args.episodes),
            allocation=AdaptiveAllocation(initial=200, budget=3_000),
            iterations=args.iterations,
            rng=np.random.default_rng(args.seed),
            progress=bar,
        )
    solution = result.unwrap()

    trace = solution.trace
    table = Table("iteration", "gain of the answers", "value", "episodes", "learned from", title=game.name)
    for t in range(len(trace)):
        error = float(np.hypot.reduce(trace.gain_errors[t]))
        table.add_row(
            str(t + 1),
            f"{trace.gains[t].sum():.3f} ± {error:.3f}",
            f"{trace.values[t, 0]:+.4f}",
            f"{trace.episodes[t]:,}",
            f"{trace.learning[t]:,}",
        )
    Console().print(table)

    certificate = result.certificate
    form = compile_open_spiel(game.spiel_game)
    exact = nash_conv(form, behaviors_of_policies(game, form, solution.players()))
    print(
        f"{certificate.measure} <= {certificate.bound:.3f} with confidence {certificate.confidence:g}, "
        "deviating to policies found so far"
    )
    print(f"NashConv in the whole game, computed exactly: {exact:.4f}")
    for source in RiskSource:
        risk = empirical_risk(solution.empirical, solution.profile, source)[0]
        print(f"variance {source.value:>7}: {risk.variance_of(solution.profile[0]):+.4f}")


if __name__ == "__main__":
    main()
