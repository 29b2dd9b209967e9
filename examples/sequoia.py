"""Workers visit restless arms: learn whom to visit, with a proof for each decision and a bound for all.

    python examples/sequoia.py --out results/sequoia

Arms stand for patients, say, whose state falls unless somebody looks after them, which takes visits of two
workers at times that suit both sides. SEQUOIA starts at the values of the Lagrangian relaxation and learns
what they miss; a second run learns without them, as the paper does. Baselines meet the same luck.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from games.bandits import Family, corrected_instance
from solvers.report.bandit_policies import plot_policies, policies_table
from solvers.report.sequoia import plot_learning
from solvers.sequoia import SequoiaSettings, train_sequoia
from solvers.sequoia.comparison import admitted, compare
from solvers.sequoia.learning import DenseFamily, Improvement, NoBase, Validation, WarmStart


def main() -> None:
    """Learn twice, compare, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/sequoia_example"))
    parser.add_argument("--arms", type=int, default=8)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=8)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    # Of a few small instances, one whose bound leaves room above the Lagrangian policy.
    bandit = corrected_instance(
        Family.SCHEDULE, rng=np.random.default_rng(3), arms=arguments.arms, budget=arguments.workers
    )
    # Seconds instead of minutes: less of everything than the defaults, which are for 20 arms.
    settings = SequoiaSettings(
        rounds=arguments.rounds,
        lanes=8,
        pool=64,
        updates=40,
        improvement=Improvement(pairs=10_000),
        validation=Validation(every=2, episodes=128, patience=None),
    )
    from_nothing = replace(
        settings,
        family=DenseFamily((16, 16)),
        base=NoBase(),
        updates=60,
        improvement=None,
        warm_start=WarmStart(rows=100, actions=4, updates=300),
    )
    result = train_sequoia(bandit, settings, rng=np.random.default_rng(1))
    alone = train_sequoia(bandit, from_nothing, rng=np.random.default_rng(1))
    policy = result.unwrap()
    print(f"trained in {result.steps} rounds, {result.info['solves']} maxima")
    assert result.certificate is not None
    print(f"each decision checked is within {max(result.certificate.bound, 1e-9):.0e} of the greatest Q")

    baselines = [entry for entry in admitted(bandit) if "learns" not in entry.tags]
    comparison = compare(bandit, policy, baselines, episodes=400, rng=np.random.default_rng(2))
    evaluation = comparison.evaluation
    Console(width=100).print(policies_table(evaluation, title=bandit.name))
    best = max(
        (score for score in evaluation.scores if score.name != policy.name), key=lambda s: s.reward.mean
    )
    # Differences are from SEQUOIA, so it gains what they lose.
    lost = best.difference
    mean, low, high = 0.0 - lost.mean, 0.0 - lost.high, 0.0 - lost.low
    print(
        f"SEQUOIA less {best.name}: {mean:+.3f} (95 %: {low:+.3f} to {high:+.3f}); "
        f"within {max(0.0, evaluation.share_below(policy.name)):.1%} of the bound on any policy"
    )

    assert evaluation.bound is not None
    plot_learning(
        {"from Lagrangian values": policy.curve, "network alone": alone.unwrap().curve},
        bound=evaluation.bound.per_step,
        title=bandit.name,
    ).savefig(arguments.out / "learning.png")
    plot_policies(evaluation, title=bandit.name).savefig(arguments.out / "policies.png")
    print("files:", ", ".join(sorted(path.name for path in arguments.out.glob("*.png"))))


if __name__ == "__main__":
    main()
