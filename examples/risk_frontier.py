"""Chicken with a deadly cell: what players give up, and what they are spared, as they grow averse to risk.

python examples/risk_frontier.py --out results/risk_frontier
"""

import argparse
from pathlib import Path

import numpy as np

from games.normal_form.registry import load_named
from solvers.equilibrium import risk_frontier
from solvers.report import plot_risk_frontier


def main() -> None:
    """Solve the game for 25 risk aversions, print every sixth, draw all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/risk_frontier"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    game = load_named("catastrophic-chicken")
    gammas = np.concatenate(([0.0], np.geomspace(1e-4, 1.0, 24)))
    frontier = risk_frontier(game, gammas, start=[[0.9, 0.1]] * 2)
    crash = game.actions[0].index("straight")
    print("  gamma   mean  variance  P(both straight)  certificate")
    for k in range(0, gammas.size, 6):
        both = frontier.profiles[k][0][crash] * frontier.profiles[k][1][crash]
        print(
            f"{gammas[k]:7.4f} {frontier.means[k, 0]:6.3f} {frontier.variances[k, 0]:9.4f} {both:17.2e}"
            f" {frontier.certificates[k].bound:12.1e}"
        )
    plot_risk_frontier(frontier, title=f"{game.name}: equilibria by risk aversion").savefig(
        out / "frontier.png"
    )
    print(f"plot: {out / 'frontier.png'}")


if __name__ == "__main__":
    main()
