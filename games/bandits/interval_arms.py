"""A coupled bandit against nature, who picks the arms' transitions within intervals.

At each step the planner picks an action and nature, at the same time, a row of transition probabilities
for each arm in its state and each value of its bit: any distribution p with ``low <= p <= high``. Both see
the states. Nature's choices for different arms, states, bits and steps are free of each other (rectangular
[1]_), and what follows is linear in each of them, so nature needs the vertices only. What the planner earns
nature pays.

.. [1] Iyengar (2005), Robust dynamic programming, Math. Oper. Res. 30.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from games.adapters.moves import require_movers
from games.bandits.action_set import ActionSet
from games.bandits.effects import OneBitAnArm
from games.bandits.joint import JointProcess, allowed_actions
from games.bandits.planners import PlannersState
from games.bandits.planners_chain import PlannersChain, start_law
from games.bandits.problem import TRAINING_START, BernoulliStart, CoupledBandit, start_states
from games.errors import IllegalActionError

_MAX_CHOICES = 4096  # of nature
_MAX_ENTRIES = 20_000_000
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Bounds on transition probabilities, without action (bit 0) and with it (bit 1).

    Attributes:
        low: of shape (2, J, S, S); copied, and read-only.
        high: likewise.

    Raises:
        ValueError: shapes disagree, an interval is empty or outside [0, 1], or a row admits no distribution.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            values = np.array(getattr(self, name), dtype=np.float64)
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        low, high = self.low, self.high
        if low.ndim != 4 or low.shape != high.shape or low.shape[0] != 2 or low.shape[2] != low.shape[3]:
            raise ValueError(f"low and high must have shape (2, J, S, S), got {low.shape} and {high.shape}")
        if not ((low >= 0) & (low <= high) & (high <= 1)).all():
            raise ValueError("low and high must satisfy 0 <= low <= high <= 1")
        if (low.sum(axis=3) > 1 + _SLACK).any() or (high.sum(axis=3) < 1 - _SLACK).any():
            raise ValueError("every row of low and high must admit a distribution between them")

    def vertices(self, bit: int, arm: int, state: int) -> NDArray[np.float64]:
        """Extreme points of the distributions of a row, of shape (K, S).

        Each gives what is left above ``low`` to the states in some order, up to ``high``.
        """
        low, high = self.low[bit, arm, state], self.high[bit, arm, state]
        moving = np.flatnonzero(high > low).tolist()
        found: dict[bytes, NDArray[np.float64]] = {}
        seen: set[frozenset[int]] = set()

        def keep(row: NDArray[np.float64]) -> None:
            whole = row / row.sum()
            found.setdefault(np.round(whole, 12).tobytes(), whole)

        def fill(full: frozenset[int]) -> None:
            seen.add(full)
            row = low.copy()
            row[[*full]] = high[[*full]]
            left = 1.0 - float(row.sum())
            if left <= 0.0 or len(full) == len(moving):
                keep(row)
                return
            for target in moving:
                if target in full:
                    continue
                if left <= high[target] - low[target]:
                    last = row.copy()
                    last[target] += left
                    keep(last)
                elif full | {target} not in seen:  # whatever order they were filled in, what follows is alike
                    fill(full | {target})

        fill(frozenset())
        return np.array([*found.values()])


def around(bandit: CoupledBandit, radius: float) -> Intervals:
    """Intervals of a radius around a bandit's transitions; what is impossible or sure stays so.

    Args:
        bandit: the nominal one.
        radius: in [0, 1].

    Raises:
        ValueError: ``radius`` is outside [0, 1].
    """
    if not 0.0 <= radius <= 1.0:
        raise ValueError(f"radius must be in [0, 1], got {radius}")
    nominal = np.stack([bandit.arms.passive, bandit.arms.active])
    open_ = (nominal > 0.0) & (nominal < 1.0)
    low = np.where(open_, np.maximum(nominal - radius, 0.0), nominal)
    return Intervals(low, np.where(open_, np.minimum(nominal + radius, 1.0), nominal))


@dataclass(frozen=True, slots=True, eq=False)
class RobustGame:
    """The game between the planner (player 0) and nature (player 1) as an ``EnvGame`` of few arms.

    Attributes:
        bandit: the problem, one bit an arm; its own transitions are not read.
        intervals: what nature may pick.
        start: how episodes begin.
        choices: allowed actions of the planner, of shape (A, J).
        vertices: extreme points of each row, padded by repetition, of shape (2, J, S, K, S).
        picks: which vertex each choice of nature takes for each bit and arm, of shape (C, 2, J).

    Raises:
        ValueError: the bandit's bits are not one an arm, its set depends on the state, the intervals do not
            fit, or nature has more than 4,096 choices.
    """

    bandit: CoupledBandit
    intervals: Intervals
    start: BernoulliStart = TRAINING_START
    choices: NDArray[np.bool_] = field(init=False, repr=False)
    vertices: NDArray[np.float64] = field(init=False, repr=False)
    picks: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        bandit, (bits, count, size) = self.bandit, self.intervals.low.shape[:3]
        if not isinstance(bandit.effect, OneBitAnArm) or not isinstance(bandit.feasible, ActionSet):
            raise ValueError(f"bandit must have one bit an arm and one set, {bandit.name} has not")
        if (count, size) != bandit.arms.rewards.shape:
            raise ValueError(
                f"intervals must fit arms and states {bandit.arms.rewards.shape}, got {(count, size)}"
            )
        rows = {key: self.intervals.vertices(*key) for key in np.ndindex(bits, count, size)}
        most = max(len(found) for found in rows.values())
        vertices = np.empty((bits, count, size, most, size))
        for key, found in rows.items():
            vertices[key] = found[np.minimum(np.arange(most), len(found) - 1)]
        numbers = [max(len(rows[b, j, s]) for s in range(size)) for b in range(bits) for j in range(count)]
        if math.prod(numbers) > _MAX_CHOICES:
            raise ValueError(f"nature has {math.prod(numbers)} choices; at most {_MAX_CHOICES} are numbered")
        picks = np.indices(numbers).reshape(len(numbers), -1).T.reshape(-1, bits, count)
        object.__setattr__(self, "choices", allowed_actions(bandit.feasible))
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "picks", picks)

    @property
    def name(self) -> str:
        """For reports."""
        return f"{self.bandit.name} against nature"

    @property
    def num_players(self) -> int:
        """The planner and nature."""
        return 2

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """All arms in their best states throughout, for one of the two."""
        most = self.bandit.horizon * float(np.abs(self.bandit.arms.rewards).max(axis=1).sum())
        return -most, most

    def num_actions(self, player: int) -> int:
        """Allowed actions of the planner, or choices of nature."""
        return len(self.choices) if player == 0 else len(self.picks)

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """One number for each state of each arm, and the time left."""
        return (self.bandit.arms.rewards.size + 1,)

    def initial(self, rng: np.random.Generator) -> PlannersState:
        """Draw the arms' states.

        Raises:
            ValueError: the rule for starts gives states that the arms do not have.
        """
        states = start_states(self.start, self.bandit.arms, 1, rng)[0]
        return PlannersState(0, tuple(states.tolist()), (0.0, 0.0))

    def to_move(self, state: PlannersState) -> Sequence[int]:
        """Both, until the horizon."""
        return () if state.step >= self.bandit.horizon else (0, 1)

    def legal_mask(self, state: PlannersState, player: int) -> NDArray[np.bool_]:
        """All numbered actions, until the horizon."""
        return np.full(self.num_actions(player), state.step < self.bandit.horizon)

    def observe(self, state: PlannersState, player: int) -> NDArray[np.float32]:
        """The arms' states, one-hot, and the share of steps left."""
        one_hot = np.eye(self.bandit.arms.states, dtype=np.float32)[list(state.arms)].reshape(-1)
        return np.append(one_hot, np.float32(1.0 - state.step / self.bandit.horizon))

    def step(self, state: PlannersState, joint: Mapping[int, int], rng: np.random.Generator) -> PlannersState:
        """Move the arms.

        Raises:
            IllegalActionError: an action has no such number, or others than the players to move act.
        """
        require_movers(self.to_move(state), joint)
        for player, action in joint.items():
            if not 0 <= action < self.num_actions(player):
                raise IllegalActionError(f"action {action} of player {player} is not legal")
        moves = self._matrices(self.choices[joint[0]], self.picks[joint[1]])
        arm = np.arange(self.bandit.num_arms)
        reached = np.cumsum(moves[arm, list(state.arms)], axis=1)
        draws = rng.random(len(arm)) * reached[:, -1]
        states = (draws[:, None] >= reached).sum(axis=1)
        reward = float(self.bandit.arms.rewards[arm, states].sum())
        earned = (state.earned[0] + reward, state.earned[1] - reward)
        return PlannersState(state.step + 1, tuple(states.tolist()), earned)

    def returns(self, state: PlannersState) -> NDArray[np.float64]:
        """What the planner earned and nature paid."""
        return np.array(state.earned)

    def describe(self, state: PlannersState) -> str:
        """Step, the arms' states and the planner's earnings."""
        step = f"step {state.step} of {self.bandit.horizon}"
        return f"{step}; arms {[*state.arms]}; earned {state.earned[0]:g}"

    def chain(self) -> PlannersChain:
        """The game written down, with nature as the second planner.

        Raises:
            ValueError: there are too many joint states and actions.
        """
        arms, sizes = self.bandit.arms, (len(self.choices), len(self.picks))
        entries = arms.states**arms.count * math.prod(sizes)
        if entries > _MAX_ENTRIES:
            raise ValueError(f"{self.name} has {entries} pairs of a joint state and a joint action, too many")
        states = np.indices((arms.states,) * arms.count).reshape(arms.count, -1).T.astype(np.int64)
        played = np.repeat(self.choices, sizes[1], axis=0)
        factors = np.concatenate([[self._matrices(a, pick) for pick in self.picks] for a in self.choices])
        arm = np.arange(arms.count)
        expected = np.einsum("cjst,jt->cjs", factors, arms.rewards)
        worth = expected[:, arm, states].sum(axis=2).T
        arrivals = arms.rewards[arm, states].sum(axis=1)
        processes = tuple(
            JointProcess(states, played, factors, sign * worth, 1.0, self.bandit.horizon)
            for sign in (1.0, -1.0)
        )
        law = start_law(self.start, arms.states, states)
        return PlannersChain(processes, sizes, np.stack([arrivals, -arrivals]), law)

    def _matrices(self, action: NDArray[np.bool_], pick: NDArray[np.int64]) -> NDArray[np.float64]:
        """Transitions of each arm, of shape (J, S, S)."""
        arm = np.arange(len(action))
        bit = action.astype(np.int64)
        return np.asarray(self.vertices[bit, arm, :, pick[bit, arm]])


def robust_values(chain: PlannersChain) -> NDArray[np.float64]:
    """What the planner can secure if nature sees each action before picking; shape (horizon + 1, n).

    A lower bound on the value of `RobustGame`, attained by a policy that draws nothing.
    """
    values = np.zeros((chain.horizon + 1, len(chain.start)))
    for step in range(chain.horizon - 1, -1, -1):
        values[step] = chain.onward(0, values[step + 1]).min(axis=2).max(axis=1)
    return values
