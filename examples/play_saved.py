"""A population is found, saved, loaded and played again: against itself, another one, and as a picture.

    python examples/play_saved.py --out results/play_saved

Two cars meet where a ramp ends. Drivers are learned twice by PSRO on the exact tree, neutral and averse to
risk, from the same start. The files hold all that playing needs; `counterplay play`, `cross-play` and
`inspect` read them too.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console

from games.loading import load_game
from games.normal_form.risk import RiskAversion
from marl.policies import seat
from marl.populations import event_of, load_population, playable, population_of_plans, save_population
from marl.rollouts import play_states
from marl.rollouts.cross_play import cross_play
from solvers.psro import PSRO, RiskAverseMetaSolver, run_psro
from solvers.report import cross_play_table, plot_cross_play, save_episode_gif

GAMMAS = {"neutral": 0.0, "averse": 1.0}


def main() -> None:
    """Learn, save, load, let all meet, draw an episode."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/play_saved"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    loaded = load_game("merge-small")
    form, road = loaded.sequence_form(), playable(loaded)
    for name, gamma in GAMMAS.items():
        method = PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(gamma, tremble=0.05)))
        result = run_psro(form, method, iterations=10)
        solution = result.unwrap()
        population = population_of_plans(
            form, solution.plans, solution.profile, game=road, solver=result.solver
        )
        save_population(args.out / f"{name}.json", population)

    found = {name: load_population(args.out / f"{name}.json") for name in GAMMAS}
    game = found["neutral"].playable()
    result = cross_play(
        game,
        [(name, population.players()) for name, population in found.items()],
        compiled=found["neutral"].compiled(),
        episodes=500,
        event=event_of(game),
        rng=np.random.default_rng(args.seed),
    )
    Console().print(cross_play_table(result))
    plot_cross_play(result).savefig(args.out / "cross_play.png")

    rng = np.random.default_rng(args.seed)
    pair = (found["neutral"].players()[0], found["averse"].players()[1])
    states = play_states(game, seat(pair, rng), rng=rng)
    print(game.describe(states[-1]))
    save_episode_gif(game, states, args.out / "episode.gif")
    print(f"files: {', '.join(sorted(path.name for path in args.out.iterdir() if path.suffix != '.npz'))}")


if __name__ == "__main__":
    main()
