"""Drivers that learn to merge, and how often they crash with drivers they have never met.

    python examples/driving.py --out results/driving

Two cars, one lane too few, exactly solved. Every method learns from the same four random policies per car;
its drivers then meet nine scripted ones: forcing, oblivious, yielding, careless. Where highway-env is
installed (``pip install counterplay[driving]``) an episode of it is played too.
"""

import argparse
import importlib.util
from pathlib import Path

import numpy as np

from games.driving.highway import HighwayMerge
from games.driving.merge import MergeGame, expand_merge, small_merge
from games.extensive import Behavior, fold, realization_plans
from games.extensive.leaves import LeafTable, exact_outcome
from games.normal_form.risk import RiskAversion, RiskVariance
from marl.policies import UniformPolicy
from marl.policies.scripted_drivers import HELD_OUT_DRIVERS
from marl.populations import BehaviorPolicy, with_recall
from marl.populations.behavior import LabelledTreeplex
from marl.rollouts import play_states
from solvers.psro import (
    PSRO,
    AddAllAnswers,
    LastPoliciesMetaSolver,
    RiskAverseBestResponse,
    RiskAverseMetaSolver,
    RiskNashConv,
    UniformMetaSolver,
    run_psro,
)
from solvers.psro.starts import random_behaviors
from solvers.report import plot_merge, save_episode_gif
from solvers.report.driving import SafetyPoint, plot_safety

SEEDS = range(5)
STARTS = 4
NASH, AVERSE = RiskAversion(0.0), RiskAversion(3.0, tremble=0.5, variance=RiskVariance.TOTAL)
METHODS = {
    "PSRO-Nash": PSRO(meta_solver=RiskAverseMetaSolver(NASH)),
    "PSRO-uniform": PSRO(meta_solver=UniformMetaSolver(), expander=AddAllAnswers()),
    "self-play": PSRO(meta_solver=LastPoliciesMetaSolver(1), expander=AddAllAnswers()),
    "RAE-PSRO": PSRO(
        RiskAverseBestResponse(AVERSE), RiskAverseMetaSolver(AVERSE), measure=RiskNashConv(AVERSE)
    ),
}


def main() -> None:
    """Train, meet, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/driving_example"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    game = small_merge()
    expansion = expand_merge(game)
    form = fold(expansion.tree)
    leaves = LeafTable.of(expansion.tree, form)
    crashed = leaves.payoffs.max(axis=1) < 0  # a crash costs more than the whole road pays
    scripted = {name: _scripted(game, expansion, driver) for name, driver in HELD_OUT_DRIVERS.items()}

    points, drivers = [], {}
    for label, method in METHODS.items():
        rates, means = [], []
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            drawn = [random_behaviors(form, rng=rng) for _ in range(STARTS)]
            starts = [[pair[car] for pair in drawn] for car in (0, 1)]
            result = run_psro(form, method, iterations=20, policies=starts, rng=rng)
            drivers[label] = result.unwrap().behaviors
            for met in scripted.values():
                for seat, pair in enumerate([(drivers[label][0], met[1]), (met[0], drivers[label][1])]):
                    reached = leaves.probabilities(realization_plans(form, pair))
                    outcome = exact_outcome(leaves.payoffs[:, seat], reached, crashed, level=0.05)
                    rates.append(outcome.event)
                    means.append(outcome.mean)
        by_seed = np.reshape(rates, (len(SEEDS), -1)).mean(axis=1)
        mean_by_seed = np.reshape(means, (len(SEEDS), -1)).mean(axis=1)
        print(f"{label:<13} crashes {np.mean(rates):.4f}   mean return {np.mean(means):.2f}")
        points.append(
            SafetyPoint(
                label,
                float(np.mean(means)),
                (float(mean_by_seed.min()), float(mean_by_seed.max())),
                float(np.mean(rates)),
                (float(by_seed.min()), float(by_seed.max())),
            )
        )
    plot_safety([("with scripted drivers", points)]).savefig(out / "safety.png")

    pair = (scripted["bold"][0], drivers["RAE-PSRO"][1])
    policies = [BehaviorPolicy(LabelledTreeplex(p), x) for p, x in zip(form.treeplexes, pair, strict=True)]
    played = play_states(with_recall(game), policies, rng=np.random.default_rng(0))
    states = [moment.state for moment in played]
    plot_merge(game, states).savefig(out / "episode.png")
    save_episode_gif(game, states, out / "episode.gif")
    print(f"plots: {out / 'safety.png'}, {out / 'episode.png'}, {out / 'episode.gif'}")

    if importlib.util.find_spec("highway_env") is None:
        print("highway-env is not installed: pip install counterplay[driving]")
        return
    highway = HighwayMerge(horizon=6)
    ends = play_states(highway, [UniformPolicy()] * 2, rng=np.random.default_rng(0))
    print(f"{highway.name}\n{highway.describe(ends[-1])}; returns {highway.returns(ends[-1]).round(2)}")


def _scripted(game: MergeGame, expansion, driver) -> tuple[Behavior, ...]:
    return tuple(
        expansion.behavior(i, lambda state, i=i: driver.probabilities(game, state, i)) for i in (0, 1)
    )


if __name__ == "__main__":
    main()
