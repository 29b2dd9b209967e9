"""A planner against nature on many arms: policies by any solver of bandits, natures by search.

Here nature fixes the rows of all arms before the episode and keeps them, and is not told which policy the
planner drew; the planner is not told which nature came. Nature's answer to a mixture of policies is searched
for, one row at a time among its vertices, on episodes with common random numbers: it need not be the worst.
So the outcome has no certificate; `games.bandits.interval_arms` with exact responses has, on few arms.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.bandits.arms import RestlessArms
from games.bandits.interval_arms import Intervals
from games.bandits.problem import EVALUATION_START, CoupledBandit, StartRule
from games.bandits.simulator import BatchPolicy, Noise, draw_noise, rollout
from games.normal_form import NormalFormGame
from games.profiles import Profile
from games.results import SolveResult, Status
from solvers.psro.meta_solvers.basic import NashMetaSolver
from solvers.psro.protocols import MetaSolver

_SLACK = 1e-9

RespondToBandit: TypeAlias = Callable[[CoupledBandit], BatchPolicy]
"""A good policy for a bandit, such as `solvers.sequoia.baselines.lagrange` or a trained Q-network."""


@dataclass(frozen=True, slots=True, eq=False)
class RobustPlan:
    """What the search leaves.

    Attributes:
        policies: of the planner.
        natures: bandits with the rows that nature chose.
        profile: mixtures over both.
        payoffs: mean reward an episode on the common episodes, of shape (policies, natures).
        gains: what the last answers of planner and nature gained on these episodes, of shape (iterations, 2).
    """

    policies: tuple[BatchPolicy, ...]
    natures: tuple[CoupledBandit, ...]
    profile: Profile
    payoffs: NDArray[np.float64]
    gains: NDArray[np.float64]


def robust_plan(
    bandit: CoupledBandit,
    intervals: Intervals,
    respond: RespondToBandit,
    *,
    rng: np.random.Generator,
    meta_solver: MetaSolver | None = None,
    iterations: int = 5,
    episodes: int = 100,
    sweeps: int = 1,
    start: StartRule = EVALUATION_START,
) -> SolveResult[RobustPlan]:
    """Double oracle between policies and natures, from the nominal bandit and the policy for it.

    The planner answers a mixture of natures by the policy for its average bandit, which is exact for a single
    nature.

    Args:
        bandit: the nominal problem.
        intervals: what nature may pick.
        respond: makes policies.
        rng: draws the common episodes and the order of the search.
        meta_solver: weighs policies and natures; the equilibrium of the zero-sum game where None, or one that
            is averse to risk.
        iterations: most answers of each side.
        episodes: common ones.
        sweeps: passes over all rows in each search.
        start: how episodes begin.

    Returns:
        The plan without a certificate: natures that were not found may be worse. STATIONARY where neither
        side gained on the common episodes, else LIMIT.

    Raises:
        ValueError: an argument is below 1, or the intervals do not fit the bandit or exclude its transitions.
    """
    if min(iterations, episodes, sweeps) < 1:
        raise ValueError(
            f"iterations, episodes and sweeps must be at least 1, got {iterations}, {episodes}, {sweeps}"
        )
    if intervals.low.shape[1:3] != bandit.arms.rewards.shape:
        raise ValueError(
            f"intervals must fit arms and states {bandit.arms.rewards.shape}, got {intervals.low.shape[1:3]}"
        )
    nominal = np.stack([bandit.arms.passive, bandit.arms.active])
    if ((nominal < intervals.low - _SLACK) | (nominal > intervals.high + _SLACK)).any():
        raise ValueError(f"intervals must hold the transitions of {bandit.name}, which nature begins with")
    begin = time.perf_counter()
    chosen = NashMetaSolver() if meta_solver is None else meta_solver
    noise = draw_noise(bandit, episodes, rng=rng, start=start)
    policies, natures = [respond(bandit)], [bandit]
    payoffs = np.array([[mean_return(bandit, policies[0], noise)]])
    profile: Profile = (np.ones(1), np.ones(1))
    gains: list[list[float]] = []
    for _ in range(iterations):
        value = float(profile[0] @ payoffs @ profile[1])
        policy = respond(_average(natures, profile[1]))
        nature = worst_nature(
            natures[int(profile[1].argmax())], intervals, policies, profile[0], noise, sweeps=sweeps, rng=rng
        )
        row = np.array([mean_return(other, policy, noise) for other in natures])
        policies.append(policy)
        natures.append(nature)
        column = np.array([mean_return(nature, other, noise) for other in policies])
        gains.append([float(row @ profile[1]) - value, value - float(profile[0] @ column[:-1])])
        payoffs = np.column_stack([np.vstack([payoffs, row]), column])
        warm = tuple(np.append(own, 0.0) for own in profile)
        profile = chosen.solve(NormalFormGame.zero_sum(payoffs), warm, rng=rng).unwrap()
        if max(gains[-1]) <= 0.0:
            break
    stationary = max(gains[-1]) <= 0.0
    value = float(profile[0] @ payoffs @ profile[1])
    return SolveResult(
        RobustPlan(tuple(policies), tuple(natures), profile, payoffs, np.array(gains)),
        Status.STATIONARY if stationary else Status.LIMIT,
        None,
        f"robust_plan({chosen.name})",
        len(gains),
        time.perf_counter() - begin,
        {"value": value, "nominal_value": float(payoffs[0, 0]), "nominal_worst": float(payoffs[0].min())},
    )


def worst_nature(
    nature: CoupledBandit,
    intervals: Intervals,
    policies: Sequence[BatchPolicy],
    weights: NDArray[np.float64],
    noise: Noise,
    *,
    rng: np.random.Generator,
    sweeps: int = 1,
) -> CoupledBandit:
    """Rows that hurt a mixture of policies on given episodes; a local search, so not always the worst.

    Args:
        nature: where the search begins.
        intervals: what may be picked.
        policies: of the planner.
        weights: their chances.
        noise: the episodes.
        rng: order of the rows.
        sweeps: passes over all rows.
    """
    tables = np.stack([nature.arms.passive, nature.arms.active])

    def loss(rows: NDArray[np.float64]) -> float:
        arms = RestlessArms(rows[0], rows[1], nature.arms.rewards)
        changed = replace(nature, arms=arms)
        return sum(
            float(chance) * mean_return(changed, policy, noise)
            for policy, chance in zip(policies, weights, strict=True)
            if chance > 0.0
        )

    least = loss(tables)
    places = [*np.ndindex(*tables.shape[:3])]
    for _ in range(sweeps):
        for place in rng.permutation(len(places)).tolist():
            key = places[place]
            for row in intervals.vertices(*key):
                tried = tables.copy()
                tried[key] = row
                found = loss(tried)
                if found < least:
                    least, tables = found, tried
    arms = RestlessArms(tables[0], tables[1], nature.arms.rewards)
    return replace(nature, arms=arms)


def mean_return(bandit: CoupledBandit, policy: BatchPolicy, noise: Noise) -> float:
    """Mean expected reward of an episode."""
    return float(rollout(bandit, policy, noise, check=False).expected.sum(axis=1).mean())


def _average(natures: Sequence[CoupledBandit], weights: NDArray[np.float64]) -> CoupledBandit:
    passive = np.einsum("k,kjst->jst", weights, np.stack([nature.arms.passive for nature in natures]))
    active = np.einsum("k,kjst->jst", weights, np.stack([nature.arms.active for nature in natures]))
    return replace(natures[0], arms=RestlessArms(passive, active, natures[0].arms.rewards))
