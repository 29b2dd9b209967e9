"""A cycle of three answers, and what self-play makes of it.

    python examples/preference_games.py --out results/preference_games

A judge prefers b to a, c to b and a to c, so no answer is best. The example solves the game exactly, watches
published self-play methods approach the equilibrium or circle around it, solves a thousand prompts in one
call, and turns a board of match results into a preference game.
"""

import argparse
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np

from games.normal_form import NormalFormGame
from games.preference import (
    PreferenceGame,
    certify_preference,
    comal_testbed,
    from_matrix_game,
    random_preferences,
)
from solvers.inpo import (
    ConstantStep,
    PreferenceMethod,
    ResetEvery,
    UnstableStepWarning,
    comal,
    egpo,
    exact_nash,
    inpo,
    onpo,
    solve_preference,
    sppo,
    stability_bound,
)

mpl.use("Agg")
import matplotlib.pyplot as plt


def draw(path: Path, rounds: int) -> None:
    """Original gap of the last iterates against rounds."""
    plain, regular = comal_testbed(), comal_testbed(tau=0.1)
    runs: list[tuple[str, PreferenceGame, PreferenceMethod]] = [
        ("SPPO, η = 2", plain, sppo(ConstantStep(2.0))),
        ("INPO, τ = 0.1, automatic", regular, inpo()),
        ("COMAL, η = 2, reset every 100", plain, comal(ConstantStep(2.0), reset=ResetEvery(100))),
        ("COMAL, automatic", plain, comal()),
        ("ONPO, η = 2", plain, onpo(ConstantStep(2.0))),
        ("ONPO, automatic", plain, onpo()),
        ("EGPO, automatic", plain, egpo()),
    ]
    figure, axes = plt.subplots(figsize=(8.0, 4.6), layout="constrained")
    for name, game, method in runs:
        trace = solve_preference(game, method, rounds=rounds, tol=0.0).unwrap().trace
        axes.loglog(trace.rounds[1:], np.maximum(trace.original_gaps[1:], 1e-16), label=name)
    axes.set(xlabel="rounds", ylabel="duality gap without divergence", title="Three answers in a cycle")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Solve, play, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/preference_games"))
    parser.add_argument("--rounds", type=int, default=3_000)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.set_printoptions(precision=4, suppress=True)

    game = comal_testbed()
    print("equilibrium:             ", exact_nash(game).unwrap(), "= (4, 3, 4) / 11")
    regular = game.with_tau(0.1)
    nash = exact_nash(regular)
    print("with divergence, tau 0.1:", nash.unwrap())
    print(f"its gap in the game without: {certify_preference(game, nash.unwrap()).bound:.4f}")

    bound = float(stability_bound(regular, nash.unwrap()))
    print(f"INPO is stable for eta above {bound:.3f}:")
    for share in (0.8, 1.25):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnstableStepWarning)
            run = solve_preference(regular, inpo(ConstantStep(share * bound)), rounds=arguments.rounds)
        print(f"  {share} of the bound: {run.status.sentence}, gap {run.unwrap().last_gap:.1e}")

    prompts = random_preferences(
        20, rng=np.random.default_rng(0), batch_shape=(1000,), reference_scale=1.0, tau=0.1
    )
    batch = solve_preference(prompts, tol=1e-8)
    print(f"1000 prompts in one call: {batch.info['solved']} solved in at most {batch.steps} rounds")

    # Goals for less goals against in a league of four teams: a symmetric zero-sum game.
    goals = np.array([[0, 2, -1, 1], [-2, 0, 3, -1], [1, -3, 0, 2], [-1, 1, -2, 0]])
    league = from_matrix_game(NormalFormGame.zero_sum(goals, name="league"))
    print("league:", exact_nash(league).unwrap())

    draw(arguments.out / "gaps.png", arguments.rounds)
    print("files:", ", ".join(sorted(path.name for path in arguments.out.iterdir())))


if __name__ == "__main__":
    main()
