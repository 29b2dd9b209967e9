"""PSRO with a neural network as the oracle, on Leduc poker: what learning finds, and what it misses.

    python examples/deep_psro.py --out results/deep_psro

PPO learns each response by play against the opponents' mixture, in 64 plays at once. Nothing here needs the
game tree; it is used at the end only, to say exactly how far the answer is from equilibrium.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive import nash_conv, uniform_behaviors
from marl.learning import PPO, StepBudget
from marl.oracles import DeepOracle
from marl.policies.in_trees import behaviors_of_policies
from marl.populations import population_of_play, save_population
from solvers.psro import run_sampled_psro


def main() -> None:
    """Learn, print what every iteration gained, and compare with the exact answer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/deep_psro"))
    parser.add_argument("--steps", type=int, default=60_000, help="decisions each response is learned from")
    parser.add_argument("--iterations", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    game = open_spiel_game("leduc_poker")
    oracle = DeepOracle(PPO(budget=StepBudget(args.steps), num_lanes=64, batch=2_048))
    result = run_sampled_psro(
        game, oracle=oracle, iterations=args.iterations, rng=np.random.default_rng(args.seed)
    )
    solution = result.unwrap()
    for t, gains in enumerate(solution.trace.gains, start=1):
        print(f"iteration {t}: the responses gain {gains[0]:+.2f} and {gains[1]:+.2f}")
    print(f"certified by play: {result.certificate}")

    form = compile_open_spiel("leduc_poker")
    start = nash_conv(form, uniform_behaviors(form))
    end = nash_conv(form, behaviors_of_policies(game, form, solution.players()))
    print(f"exact NashConv in the whole game: {start:.2f} before (uniform play), {end:.2f} now")

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    numbers = np.arange(1, len(solution.trace) + 1)
    axes.errorbar(
        numbers,
        solution.trace.gains.sum(axis=1),
        2 * np.hypot(*solution.trace.gain_errors.T),
        fmt="o-",
        capsize=3,
        label="what both responses gain (± 2 standard errors)",
    )
    axes.axhline(end, color="black", linestyle="--", linewidth=1, label="exact NashConv at the end")
    axes.set(xlabel="iteration", ylabel="chips", title="PSRO with PPO on Leduc poker")
    axes.set_xticks(numbers)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.savefig(args.out / "gains.png", dpi=150)

    population = population_of_play(game, solution.policies, solution.profile, solver=result.solver)
    save_population(args.out / "population.json", population)
    print(f"plot: {args.out / 'gains.png'}; play it: counterplay play {args.out / 'population.json'}")


if __name__ == "__main__":
    main()
