"""A policy against the baselines that a bandit admits, on the same luck, below the Lagrangian bound."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from games.bandits.action_set import ActionSet
from games.bandits.effects import OneBitAnArm
from games.bandits.problem import CoupledBandit
from games.progress import ProgressCallback, ignore_progress
from games.registry import Entry
from solvers.registry import BANDIT_POLICIES
from solvers.sequoia.baselines.lagrange_policy import LagrangePolicy
from solvers.sequoia.baselines.multipliers import Multipliers
from solvers.sequoia.baselines.policy import NamedPolicy
from solvers.sequoia.evaluation import ControlVariate, Evaluation, evaluate
from solvers.sequoia.learning.terms import TABULATED_BITS
from solvers.sequoia.learning.value_base import MultiplierBase

_FEW_STATES = 4**5
"""Joint states up to which backward induction takes about a second."""
_FEW_BITS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Scores, and what making the baselines took.

    Attributes:
        evaluation: the policy first, which is the reference; then the baselines in the order asked for.
        names: from names in the registry to those in the evaluation.
        seconds: to make each baseline, by its name in the registry; for PPO this is its learning.
    """

    evaluation: Evaluation
    names: dict[str, str]
    seconds: dict[str, float]


def admitted(bandit: CoupledBandit) -> tuple[Entry, ...]:
    """Baselines of the registry that can play a bandit; the exact one only where that takes seconds."""
    refused = set()
    if not isinstance(bandit.effect, OneBitAnArm):
        refused |= {entry.name for entry in BANDIT_POLICIES if "one bit an arm" in entry.tags}
    if not 0 <= bandit.discount < 1:
        refused.add("whittle_discounted")
    few = bandit.arms.states**bandit.num_arms <= _FEW_STATES and bandit.bits <= _FEW_BITS
    if not isinstance(bandit.feasible, ActionSet):
        refused |= {"exact", "lagrange"}  # they need one set, or a superset that nobody names here
    if not few:
        refused.add("exact")
    return tuple(entry for entry in BANDIT_POLICIES if entry.name not in refused)


def compare(
    bandit: CoupledBandit,
    policy: NamedPolicy,
    baselines: Sequence[Entry],
    *,
    episodes: int,
    rng: np.random.Generator,
    workers: int = 1,
    progress: ProgressCallback = ignore_progress,
) -> Comparison:
    """Make the baselines and play them all on the same luck.

    Where the Lagrangian policy is among them, its bound on the return of any policy comes with the scores,
    and its values take luck out of them.

    Args:
        bandit: the problem.
        policy: what the baselines are compared with.
        baselines: entries of the registry of bandit policies, as from `admitted`.
        episodes: played by each.
        rng: draws the luck, and what the baselines need; a baseline's numbers do not depend on which others
            are asked for.
        workers: threads.
        progress: told of each baseline made.

    Raises:
        ValueError: a baseline is named twice or cannot play this bandit, or as for `evaluate`.
    """
    asked = [entry.name for entry in baselines]
    if len(set(asked)) < len(asked):  # told before they are made: some learn for a while
        raise ValueError(f"baselines must be different, got {asked}")
    luck, *own = rng.spawn(1 + len(BANDIT_POLICIES))
    children = dict(zip((entry.name for entry in BANDIT_POLICIES), own, strict=True))
    players, names, seconds, bound, control = [policy], {}, {}, None, None
    for number, entry in enumerate(baselines):
        begin = time.perf_counter()
        made: NamedPolicy = entry.load()(bandit, rng=children[entry.name], workers=workers)
        seconds[entry.name] = time.perf_counter() - begin
        names[entry.name] = made.name
        players.append(made)
        if isinstance(made, LagrangePolicy):
            bound = made.multipliers.bound
            control = _control(bandit, made.multipliers)
        progress(number + 1, len(baselines))
    evaluation = evaluate(bandit, players, episodes=episodes, rng=luck, bound=bound, control=control)
    return Comparison(evaluation, names, seconds)


def _control(bandit: CoupledBandit, multipliers: Multipliers) -> ControlVariate | None:
    """The relaxation's values, where they can be tabulated."""
    if max(len(factor.bits) for factor in multipliers.factors) > TABULATED_BITS:
        return None
    return MultiplierBase(multipliers)(bandit, 1.0)
