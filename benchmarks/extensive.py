"""The compiled tree against OpenSpiel's C++: flattening, NashConv, and agreement of the two.

Policies are ready on both sides before the clock starts: flat arrays for us, a C++ tabular policy for
OpenSpiel. NashConv is of the uniform policy; the column "difference" is the absolute disagreement.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import pyspiel

from games.adapters.open_spiel_tree import compile_open_spiel, tree_from_open_spiel
from games.extensive.evaluation import nash_conv, uniform_behaviors

GAMES = [
    "kuhn_poker",
    "leduc_poker",
    "goofspiel(num_cards=5,imp_info=True,points_order=descending)",
    "liars_dice(numdice=1,dice_sides=5)",
    "liars_dice(numdice=1,dice_sides=6)",
]


def timed(work: Callable[[], float], at_least: float = 0.2) -> tuple[float, float]:
    """Median seconds of a call over enough calls to fill ``at_least`` seconds, and what it returned."""
    seconds: list[float] = []
    while sum(seconds) < at_least or len(seconds) < 3:
        start = time.perf_counter()
        value = work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), value


def main() -> None:
    """Print one row per game."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    compile_open_spiel("kuhn_poker")
    print(f"{'game':<62}{'histories':>10}{'flatten s':>11}{'peer ms':>10}{'ours ms':>10}{'ratio':>8}  differ")
    for name in GAMES:
        # OpenSpiel evaluates turn-based games only; ours would take the simultaneous one as well.
        game = pyspiel.load_game_as_turn_based(name)
        compiling, form = timed(lambda game=game: compile_open_spiel(game), 0.0)
        histories = tree_from_open_spiel(game).num_nodes
        uniform = uniform_behaviors(form)
        policy = pyspiel.UniformRandomPolicy(game)
        theirs, a = timed(lambda game=game, policy=policy: pyspiel.nash_conv(game, policy))
        own, b = timed(lambda form=form, uniform=uniform: nash_conv(form, uniform))
        print(
            f"{name:<62}{histories:>10}{compiling:>11.3f}{1e3 * theirs:>10.2f}{1e3 * own:>10.4f}"
            f"{theirs / own:>8.0f}  {abs(a - b):.1e}"
        )


if __name__ == "__main__":
    main()
