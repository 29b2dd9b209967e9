"""A set that changes with the time: four workers in the morning shift, two in the evening shift.

    python examples/bandit_shifts.py

The set is a function of the state and the step. The oracle, the learner and the evaluation ask it wherever
they are; values to start from are those of the larger set.
"""

import numpy as np

from games.bandits import CoupledBandit, OneBitAnArm, StateSets, base_arms, cardinality, draw_noise, rollout
from solvers.sequoia import evaluate
from solvers.sequoia.baselines import lagrange, myopic
from solvers.sequoia.learning import SequoiaSettings, Validation, train_sequoia
from solvers.sequoia.planners import SupersetBase

ARMS = 8
MORNING, EVENING = cardinality(ARMS, 4), cardinality(ARMS, 2)


def main() -> None:
    """Learn, compare on the same luck, and show how many arms are pulled in each shift."""
    shifts = StateSets(
        ARMS,
        lambda states, step: EVENING if step % 2 else MORNING,
        key=lambda states, step: step % 2,
        name="shifts",
    )
    arms = base_arms(ARMS, 2, rng=np.random.default_rng(0))
    bandit = CoupledBandit(arms, OneBitAnArm(ARMS), shifts, horizon=8, discount=1.0, name="shifts")
    settings = SequoiaSettings(
        base=SupersetBase(MORNING),
        rounds=15,
        lanes=8,
        pool=128,
        updates=20,
        validation=Validation(episodes=64),
    )
    learned = train_sequoia(bandit, settings, rng=np.random.default_rng(1)).unwrap()
    policies = [lagrange(bandit, superset=MORNING), myopic(bandit), learned]
    found = evaluate(bandit, policies, episodes=100, rng=np.random.default_rng(2))
    for score in found.scores:
        gain = f"{score.difference.mean:+.3f} [{score.difference.low:+.3f}, {score.difference.high:+.3f}]"
        print(f"{score.name:10} {score.reward.mean:.3f} a step, over {found.reference}: {gain}")
    played = rollout(bandit, learned, draw_noise(bandit, 50, rng=np.random.default_rng(3)))
    pulls = played.actions.sum(axis=2).mean(axis=0)
    print(f"arms pulled: {pulls[::2].mean():.2f} at even steps, {pulls[1::2].mean():.2f} at odd ones")
    print("the simulator checked that every action is allowed")


if __name__ == "__main__":
    main()
