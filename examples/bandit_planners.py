"""Two planners on shared arms: who tends which arm when both learn by SEQUOIA, and how far from equilibrium.

    python examples/bandit_planners.py --arms 3 --iterations 5
    python examples/bandit_planners.py --game patrol --oracle exact --iterations 20
    python examples/bandit_planners.py --arms 10 --horizon 10 --iterations 3

Each iteration of PSRO every planner learns a Q-network against the other's mixture, whose play is chance to
them, and acts by its certified maximum. With few arms the distance from equilibrium is computed exactly, for
deviations to policies of any memory; with many the run's sampled certificate speaks of policies found only.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console
from rich.table import Table

from games.bandits import rival_planners
from games.bandits.patrol import patrolled_arms
from games.normal_form.risk import RiskAversion
from solvers.psro import RiskAverseMetaSolver, UniformAllocation, run_sampled_psro
from solvers.sequoia.learning import SequoiaSettings, Validation
from solvers.sequoia.planners import (
    ExactCells,
    MarkovResponse,
    SequoiaResponse,
    certify_planners,
    play_planners,
)

FEW_STATES = 300  # joint states up to which payoffs and gaps are exact


def main() -> None:
    """Run PSRO, follow its distance from equilibrium, and show how the arms are shared."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--game", choices=["rivals", "patrol"], default="rivals")
    parser.add_argument("--oracle", choices=["sequoia", "exact"], default="sequoia")
    parser.add_argument("--arms", type=int, default=3)
    parser.add_argument("--horizon", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/bandit_planners"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    make = {"rivals": rival_planners, "patrol": patrolled_arms}[args.game]
    game = make(arms=args.arms, horizon=args.horizon)
    settings = SequoiaSettings(
        rounds=15, lanes=8, pool=128, updates=20, validation=Validation(every=5, episodes=64)
    )
    oracle = MarkovResponse() if args.oracle == "exact" else SequoiaResponse(game, settings)
    few = game.bandit.arms.states**args.arms <= FEW_STATES

    table = Table(
        "iteration", "gain of the answers", "values", "NashConv", title=f"{game.name}, {args.oracle}"
    )
    curve = []
    with TemporaryDirectory() as folder:
        for iteration in range(1, args.iterations + 1):  # each goes on from the last one's checkpoint
            result = run_sampled_psro(
                game,
                oracle=oracle,
                meta_solver=RiskAverseMetaSolver(RiskAversion(gamma=0.0)),
                simulator=ExactCells() if few else None,
                allocation=UniformAllocation(4 if few else 100),
                iterations=iteration,
                verification=2 if few or iteration < args.iterations else 100,
                checkpoint=Path(folder) / "run.json",
                rng=np.random.default_rng(args.seed),
            )
            solution = result.unwrap()
            gap = "not known"
            if few:
                gaps = certify_planners(game, solution.players())
                curve.append((gaps.proven, gaps.certificate.bound))
                gap = f"{gaps.proven:.4f} to {gaps.certificate.bound:.4f}"
            values = " / ".join(f"{v:.3f}" for v in solution.trace.values[-1])
            table.add_row(str(iteration), f"{solution.trace.gains[-1].sum():+.4f}", values, gap)
    console = Console()
    console.print(table)

    played = play_planners(game, solution.players(), 400, rng=np.random.default_rng(args.seed + 1))
    shares = played.bits.mean(axis=(0, 1))
    together = played.bits.all(axis=2).mean(axis=(0, 1))
    arms = Table(
        "arm",
        *(f"planner {i} pulls" for i in range(game.num_players)),
        "both at once",
        title="Shares of steps",
    )
    for arm in range(args.arms):
        arms.add_row(str(arm), *(f"{row[arm]:.3f}" for row in shares), f"{together[arm]:.3f}")
    console.print(arms)
    certificate = gaps.certificate if few else result.certificate
    print(f"{certificate.measure} <= {certificate.bound:.4f} with confidence {certificate.confidence:g}")

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    if curve:
        low, high = np.maximum(np.array(curve).T, 1e-12)
        steps = np.arange(1, len(curve) + 1)
        axes[0].fill_between(steps, low, high, alpha=0.3)
        axes[0].semilogy(steps, high, marker="o")
    axes[0].set(xlabel="iteration", ylabel="NashConv in the whole game")
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    width = 0.8 / game.num_players
    for planner, row in enumerate(shares):
        axes[1].bar(np.arange(args.arms) + (planner - 0.5) * width, row, width, label=f"planner {planner}")
    axes[1].set(xlabel="arm", ylabel="share of steps pulled", xticks=range(args.arms))
    axes[1].legend()
    figure.savefig(args.out / "planners.png", dpi=150)
    print(f"plot in {args.out / 'planners.png'}")


if __name__ == "__main__":
    main()
