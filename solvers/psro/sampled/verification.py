"""What fresh episodes prove about the mixtures that a sampled PSRO ends with."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from games.certificates import Certificate
from games.empirical import SharedRegret
from games.profiles import Profile
from marl.policies import MixturePolicy, Policy
from solvers.psro.sampled.tasks import SharedTask, Workers, pieces, play_shared

_ROUNDS = 4
_PIECE = 64  # episodes per task; part of what a seed means, so never derived from the number of workers


def verify_mixtures(
    policies: Sequence[Sequence[Policy[Any]]],
    mixtures: Sequence[MixturePolicy[Any]],
    profile: Profile,
    payoff_bounds: tuple[float, float],
    *,
    episodes: int,
    confidence: float,
    seeds: np.random.SeedSequence,
    crew: Workers,
) -> tuple[Certificate, int]:
    """Bound NashConv within the populations by fresh episodes, as `games.empirical.SharedRegret` does.

    Args:
        policies: the populations.
        mixtures: what the players play.
        profile: the same as weights over the populations.
        payoff_bounds: of the game; infinite ones prove nothing.
        episodes: per policy on average; those that cannot decide the bound get less.
        confidence: of the certificate.
        seeds: all randomness.
        crew: who plays.

    Returns:
        The certificate ``restricted_nash_conv`` and the number of episodes played.
    """
    if not math.isfinite(payoff_bounds[1] - payoff_bounds[0]):
        return Certificate("restricted_nash_conv", math.inf, confidence), 0
    players = [i for i, group in enumerate(policies) if len(group) > 1]  # others have nowhere to deviate to
    failure = (1.0 - confidence) / max(len(players), 1)
    races = {i: SharedRegret(profile[i], payoff_bounds, failure) for i in players}
    left = {i: episodes * len(policies[i]) for i in players}
    shared = dict.fromkeys(players, 0)
    for turn in range(_ROUNDS):
        tasks: list[SharedTask] = []
        plan: list[tuple[int, list[int], int]] = []
        for i in players:
            names = races[i].contenders()
            number = left[i] // ((_ROUNDS - turn) * len(names))
            sizes = pieces(number, _PIECE)
            chosen = tuple(policies[i][k] for k in names)
            plan.append((i, names, len(sizes)))
            tasks += [
                SharedTask(i, chosen, tuple(mixtures), size, np.random.default_rng(seed))
                for size, seed in zip(sizes, seeds.spawn(len(sizes)), strict=True)
            ]
        played = iter(crew(play_shared, tasks))
        for i, names, number_of_tasks in plan:
            if not number_of_tasks:
                continue
            returns = np.concatenate([next(played) for _ in range(number_of_tasks)])
            horizon = shared[i] + left[i] // len(names)
            races[i].observe(names, returns, max(horizon, 1))
            shared[i] += len(returns)
            left[i] -= returns.size
    bound = sum(race.bound for race in races.values())
    spent = sum(episodes * len(policies[i]) - left[i] for i in players)
    return Certificate("restricted_nash_conv", bound, confidence), spent
