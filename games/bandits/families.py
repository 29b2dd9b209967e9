"""The four families of coupled restless bandits of the paper [1]_, as released and corrected.

All use arms with states 0..3 that go up with probability p(a), else down: p(0) ~ U[0, 0.2], p(1) ~ U[0.7,
0.9]. The first B arms earn (0.2, 0.15, 0.1, T) with T in {4, 5, 6}: below the top, each step up costs, so a
policy that looks one step ahead avoids the arms that pay most. The others earn (0.1, 0.15, 0.2, T) with T in
{1, 2, 3}.

- *interventions*: N actions, of which exactly B are taken, act on arms through a sigmoid; good actions come
  in triples on the same three arms, whose thresholds only several of them overcome.
- *schedule*: B workers free at three of five slots, arms at two, two visits to an arm.
- *capacity*: B workers with capacities 2..7, arms with costs 2..6.
- *path*: arms are stations, pulled on a closed walk of 2 B moves, at most B of them.

`paper_instance` keeps the released rules: one worker may make both visits to an arm, and the rows of the path
constrain nothing but the budget. `corrected_instance` wants different workers and a real walk; the other two
families are the same in both.

Instances are drawn by the described distributions from the generator passed in; the released code draws from
numpy's global state in an order that is not described, so equal seeds do not give its instances. Not
described either, and chosen here: arms' and workers' slots are drawn with weights that are sorted uniform
numbers, rising for arms and falling for workers; interventions whose class has no fresh arms left take arms
of that class at random. The graph of the London Underground that came with the code is replaced by
`games.bandits.tube.planar_graph` with the same numbers of nodes and edges.

.. [1] Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled
   restless bandits, ICLR.
"""

import math
from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet, cardinality
from games.bandits.arms import RestlessArms, ladder_arms
from games.bandits.capacity_sets import capacity
from games.bandits.effects import OneBitAnArm, SigmoidLink
from games.bandits.path_sets import path, path_as_released
from games.bandits.problem import CoupledBandit
from games.bandits.schedule_sets import Meeting, schedule
from games.bandits.tube import planar_graph

_HORIZON = 20
_DISCOUNT = 0.99
_SLOTS = 5
_VISITS = 2
_GROUP = 3  # actions in a group, and arms that it reaches
_WEIGHT = 3.0
# Edges and source of the released graphs by their number of nodes; others have edges in proportion.
_TUBE = {20: (29, 0), 40: (56, 10), 60: (82, 20), 80: (108, 0), 100: (133, 0)}
_EDGES_PER_NODE = 1.35


class Family(Enum):
    """Which constraint couples the arms."""

    INTERVENTIONS = "exactly B of N interventions, through a sigmoid"
    SCHEDULE = "two visits by workers, at slots when both are free"
    CAPACITY = "workers with capacities carry arms with costs"
    PATH = "a closed walk on a graph"


class Rules(Enum):
    """How the family's constraint is read."""

    RELEASED = "as in the code released with the paper"
    CORRECTED = "as the paper describes it"


def paper_instance(
    family: Family, *, rng: np.random.Generator, arms: int = 20, budget: int = 5
) -> CoupledBandit:
    """An instance by the released rules; the paper has (arms, budget) = (20, 5), (40, 10) and (100, 20).

    Args:
        family: which constraint.
        rng: draws the instance.
        arms: J.
        budget: B. Interventions have N = max(2 B, arms / 2) actions, 10 for 20 arms.

    Raises:
        ValueError: ``budget`` is not in 1..``arms``.
    """
    return _instance(family, Rules.RELEASED, arms, budget, rng)


def corrected_instance(
    family: Family, *, rng: np.random.Generator, arms: int = 20, budget: int = 5
) -> CoupledBandit:
    """An instance by the corrected rules, otherwise as `paper_instance` from the same generator.

    Raises:
        ValueError: ``budget`` is not in 1..``arms``.
    """
    return _instance(family, Rules.CORRECTED, arms, budget, rng)


def _instance(
    family: Family, rules: Rules, arms: int, budget: int, rng: np.random.Generator
) -> CoupledBandit:
    if not 1 <= budget <= arms:
        raise ValueError(f"budget must be in 1..{arms}, got {budget}")
    return _MAKERS[family](rules, arms, budget, rng)


def base_arms(arms: int, budget: int, *, rng: np.random.Generator) -> RestlessArms:
    """The arms that all families share; see the module."""
    passive = rng.uniform(0.0, 0.2, arms)
    active = rng.uniform(0.7, 0.9, arms)
    return ladder_arms(passive, active, _rewards(arms, budget, rng))


def _rewards(arms: int, budget: int, rng: np.random.Generator) -> NDArray[np.float64]:
    rewards = np.tile([0.1, 0.15, 0.2, 0.0], (arms, 1))
    rewards[:budget, :3] = [0.2, 0.15, 0.1]
    rewards[:, 3] = rng.integers(1, 4, arms)
    rewards[:budget, 3] = rng.integers(4, 7, budget)
    return rewards


def _interventions(rules: Rules, arms: int, budget: int, rng: np.random.Generator) -> CoupledBandit:
    actions = max(2 * budget, arms // 2)
    first_good = math.ceil(arms * budget / actions)
    good = np.arange(arms) >= first_good
    height = np.where(good, rng.integers(7, 11, arms) / 10, rng.integers(2, 6, arms) / 10)
    slope = np.where(good, rng.uniform(1.4, 1.9, arms), 1.0)
    threshold = np.where(good, rng.integers(9, 11, arms), rng.integers(1, 3, arms))
    weights = np.zeros((arms, actions))
    shuffled = rng.permutation(actions)
    for members, pool in ((shuffled[:budget], good), (shuffled[budget:], ~good)):
        # One arm alone cannot be of both classes.
        _weigh(weights, members, rng.permutation(np.flatnonzero(pool if pool.any() else ~pool)), rng)
    # Arms go up with the probability that the sigmoid gives, and down otherwise.
    ladder = ladder_arms(np.zeros(arms), np.ones(arms), _rewards(arms, budget, rng))
    return _bandit(
        f"interventions(arms={arms}, actions={actions}, budget={budget})",
        ladder,
        SigmoidLink(weights, height, slope, threshold.astype(np.float64)),
        cardinality(actions, budget, exactly=True),
    )


def _weigh(
    weights: NDArray[np.float64],
    members: NDArray[np.int64],
    pool: NDArray[np.int64],
    rng: np.random.Generator,
) -> None:
    """Give actions their arms: full groups share three fresh ones, each other action has three of its own."""
    size = min(_GROUP, pool.size)
    used = 0
    whole = members.size // _GROUP * _GROUP
    groups = [members[at : at + _GROUP] for at in range(0, whole, _GROUP)]
    for group in (*groups, *members[whole:, None]):
        fresh = pool[used : used + size]
        reached = fresh if fresh.size == size else rng.choice(pool, size, replace=False)
        used += size
        weights[np.ix_(reached, group)] = _WEIGHT


def _schedule(rules: Rules, arms: int, budget: int, rng: np.random.Generator) -> CoupledBandit:
    base = base_arms(arms, budget, rng=rng)
    late, early = np.sort(rng.random(_SLOTS)), np.sort(rng.random(_SLOTS))[::-1]
    arm_slots = _draw_slots(arms, 2, late, rng)
    worker_slots = _draw_slots(budget, 3, early, rng)
    meeting = Meeting.ANYHOW if rules is Rules.RELEASED else Meeting.DISTINCT
    feasible = schedule(worker_slots, arm_slots, slots=_SLOTS, visits=_VISITS, most=budget, meeting=meeting)
    return _bandit(f"schedule(arms={arms}, workers={budget})", base, OneBitAnArm(arms), feasible)


def _draw_slots(
    count: int, each: int, weights: NDArray[np.float64], rng: np.random.Generator
) -> list[list[int]]:
    chances = weights / weights.sum()
    return [sorted(rng.choice(_SLOTS, each, replace=False, p=chances).tolist()) for _ in range(count)]


def _capacity(rules: Rules, arms: int, budget: int, rng: np.random.Generator) -> CoupledBandit:
    base = base_arms(arms, budget, rng=rng)
    feasible = capacity(rng.integers(2, 7, arms), rng.integers(2, 8, budget))
    return _bandit(f"capacity(arms={arms}, workers={budget})", base, OneBitAnArm(arms), feasible)


def _path(rules: Rules, arms: int, budget: int, rng: np.random.Generator) -> CoupledBandit:
    base = base_arms(arms, budget, rng=rng)
    # A few points need not offer as many edges without crossings.
    most_edges = arms * (arms - 1) // 2 if arms < 4 else 2 * arms - 3
    edges, source = _TUBE.get(arms, (min(max(arms - 1, round(_EDGES_PER_NODE * arms)), most_edges), 0))
    graph = planar_graph(arms, edges, rng=rng)
    if rules is Rules.RELEASED:
        feasible = path_as_released(graph, source, steps=2 * budget, most=budget)
    else:
        feasible = path(graph, source, steps=2 * budget, most=budget)
    return _bandit(f"path(arms={arms}, budget={budget})", base, OneBitAnArm(arms), feasible)


def _bandit(
    name: str, arms: RestlessArms, effect: OneBitAnArm | SigmoidLink, feasible: ActionSet
) -> CoupledBandit:
    return CoupledBandit(arms, effect, feasible, horizon=_HORIZON, discount=_DISCOUNT, name=name)


_MAKERS: dict[Family, Callable[[Rules, int, int, np.random.Generator], CoupledBandit]] = {
    Family.INTERVENTIONS: _interventions,
    Family.SCHEDULE: _schedule,
    Family.CAPACITY: _capacity,
    Family.PATH: _path,
}
