"""Every meta-solver on the same games: NashConv in the full game by iterations, and seconds.

All runs use exact best responses, start from the uniform policy, and are judged by the same measure,
whatever the meta-solver itself aims at. A run that adds nothing new has ended; its last value stands.
"""

import argparse
import inspect

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import UnsupportedGameError
from games.normal_form.risk import RiskAversion
from solvers.psro import PSRO, run_psro
from solvers.registry import META_SOLVERS

GAMES = [
    "kuhn_poker",
    "kuhn_poker(players=3)",
    "liars_dice(numdice=1,dice_sides=3)",
    "goofspiel(num_cards=4,imp_info=True,points_order=descending)",
    "leduc_poker",
]


def main() -> None:
    """Print one row per game and meta-solver."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds a run may take")
    args = parser.parse_args()
    marks = [m for m in (5, 10, 20, 40, 80, 160) if m <= args.iterations]
    for name in GAMES:
        form = compile_open_spiel(name)
        print(f"\n{name}")
        print(
            f"{'meta-solver':<18}"
            + "".join(f"{f'at {m}':>11}" for m in marks)
            + f"{'steps':>7}{'seconds':>9}  status"
        )
        for entry in META_SOLVERS:
            factory = entry.load()
            # At gamma 0 the risk-averse meta-solver seeks a Nash equilibrium of any game.
            risky = "risk" in inspect.signature(factory).parameters
            method = PSRO(meta_solver=factory(RiskAversion(0.0)) if risky else factory())
            try:
                result = run_psro(form, method, iterations=args.iterations, time_limit=args.time_limit)
            except UnsupportedGameError:
                print(f"{entry.name:<18}{'not for this game':>22}")
                continue
            gaps = result.unwrap().trace.nash_conv
            shown = "".join(f"{gaps[min(m, len(gaps)) - 1]:>11.2e}" for m in marks)
            print(f"{entry.name:<18}{shown}{result.steps:>7}{result.seconds:>9.2f}  {result.status}")


if __name__ == "__main__":
    main()
