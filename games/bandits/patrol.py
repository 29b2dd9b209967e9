"""A patrol against poachers: two planners with opposed interests on the same arms."""

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet, cardinality
from games.bandits.arms import ladder_arms
from games.bandits.effects import OneBitAnArm
from games.bandits.planners import PlannersGame, SharedBandit
from games.bandits.problem import BernoulliStart


def unguarded(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A bit is played where the second planner sets it and the first does not."""
    return np.asarray(actions[1] & ~actions[0])


def patrolled_arms(
    *, arms: int = 3, horizon: int = 3, patrol: ActionSet | None = None, raid: ActionSet | None = None
) -> PlannersGame:
    """Sites that a patrol guards and poachers raid; what one earns the other loses.

    Sites recover to state 1 with chance 0.8 and are lost (state 0) else; a raid that no guard meets makes it
    0.1. The poachers earn the worth of the sites that are lost at each step, which differ: 1, 1.5, 2, and so
    on. Nobody wants to be predictable, so the equilibrium is mixed.

    Args:
        arms: sites.
        horizon: steps.
        patrol: what the patrol may guard; one site where None.
        raid: what the poachers may raid; one site where None.

    Raises:
        ValueError: ``arms`` or ``horizon`` is below 1, or a set has not one bit for each site.
    """
    if arms < 1:
        raise ValueError(f"arms must be at least 1, got {arms}")
    worth = 1.0 + 0.5 * np.arange(arms)
    rewards = np.stack([worth, np.zeros(arms)], axis=1)  # to the poachers
    sites = ladder_arms(np.full(arms, 0.8), np.full(arms, 0.1), rewards)
    one = cardinality(arms, 1)
    bandit = SharedBandit(
        sites,
        OneBitAnArm(arms),
        (one if patrol is None else patrol, one if raid is None else raid),
        np.stack([-rewards, rewards]),
        combine=unguarded,
        horizon=horizon,
        name=f"patrolled-arms(arms={arms}, horizon={horizon})",
    )
    return PlannersGame(bandit, BernoulliStart(0.8))
