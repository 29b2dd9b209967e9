"""Games with a catastrophic cell: how its probability, the mean and the variance fall as players fear risk.

Beliefs tremble by one per cent, since at a pure profile without trembles there is no risk to be averse to.
Every plot shows the row player's mean against variance along the aversions.

python examples/catastrophic_cells.py --out results/catastrophic_cells
"""

import argparse
from pathlib import Path

import numpy as np

from games.normal_form.registry import GAMES, load_named
from solvers.equilibrium import risk_frontier
from solvers.report import plot_risk_frontier

TREMBLE = 0.01
LIKELY = (
    0.93  # probability of the first action at the start: near the equilibrium that courts the catastrophe
)
STARTS = {"three-lanes": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]}  # the row player takes the fast lane


def main() -> None:
    """Solve every game tagged catastrophic for 31 aversions, print the ends, draw all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/catastrophic_cells"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    print(f"{'game':>22} {'aversion':>8} {'mean':>7} {'variance':>9} {'catastrophe':>11} {'certificate':>11}")
    for name in [entry.name for entry in GAMES if "catastrophic" in entry.tags]:
        game = load_named(name)
        spread = game.payoff_range
        gammas = np.concatenate(([0.0], np.geomspace(0.01, 30.0, 30))) / spread
        start = STARTS.get(name) or [
            np.append(LIKELY, np.full(n - 1, (1.0 - LIKELY) / (n - 1))) for n in game.num_actions
        ]
        frontier = risk_frontier(game, gammas, tremble=TREMBLE, start=start)
        worst = np.unravel_index(game.payoffs[0].argmin(), game.num_actions)
        for k in (0, 10, 20, 30):
            own, other = frontier.profiles[k]
            # As the row player believes, who trusts the own hand.
            catastrophe = own[worst[0]] * ((1.0 - TREMBLE) * other[worst[1]] + TREMBLE / other.size)
            print(
                f"{name:>22} {gammas[k] * spread:8.3f} {frontier.means[k, 0]:7.3f}"
                f" {frontier.variances[k, 0]:9.3f} {catastrophe:11.2e} {frontier.certificates[k].bound:11.1e}"
            )
        figure = plot_risk_frontier(
            frontier, title=f"{name}: equilibria by risk aversion, tremble {TREMBLE:g}"
        )
        figure.savefig(out / f"{name}.png")
        print(f"plot: {out / name}.png")


if __name__ == "__main__":
    main()
