r"""What a planner could gain against mixtures: NashConv of a whole game of planners on few arms.

The others draw Markov policies once an episode: a *type* k with chance w_k. A planner who sees the arms
learns about the type as they move, so the best response is a function of the belief b over types,

.. math::
    V_t(s, b) = \max_a \sum_k b_k \Bigl(r_k(s, a) + \sum_{s'} P_k(s' | s, a) V_{t+1}(s', b')\Bigr), \qquad
    b'_k \propto b_k P_k(s' | s, a).

The beliefs that can come about are followed forward, equal ones merged, up to a number of them. Those left
open are bounded [1]_: from above by telling the planner the type, :math:`\sum_k b_k U_k(s, t)` with U_k the
value of the best response to type k; from below by committing to the best of some Markov policies. So the
bounds hold for any number, and meet where all beliefs were followed. They are exact up to rounding in the
twelfth digit of beliefs.

.. [1] Hauskrecht (2000), Value-function approximations for partially observable Markov decision processes,
   J. Artif. Intell. Res. 13.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.planners_chain import PlannersChain, joint_play
from games.certificates import Certificate

_DIGITS = 12
_CLOSED = 1e-11  # of the largest reward of an episode
_MOST_TYPES = 256


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Tables of which one is drawn before each episode.

    Attributes:
        tables: see `games.bandits.planners_chain`.
        weights: their chances, of shape (tables,).

    Raises:
        ValueError: there is no table, or the weights are no distribution over them.
    """

    tables: tuple[NDArray[np.float64], ...]
    weights: NDArray[np.float64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", np.asarray(self.weights, dtype=np.float64))
        good = self.weights.shape == (len(self.tables),) and (self.weights >= 0).all()
        if not self.tables or not good or abs(float(self.weights.sum()) - 1.0) > 1e-9:
            raise ValueError(
                f"weights must be a distribution over {len(self.tables)} tables, got {self.weights}"
            )


@dataclass(frozen=True, slots=True)
class ResponseBounds:
    """Between which numbers the value of a best response lies.

    Attributes:
        lower: some response, of any memory, earns as much.
        upper: none earns more.
        beliefs: pairs of joint state and belief that were followed.
    """

    lower: float
    upper: float
    beliefs: int


@dataclass(frozen=True, slots=True, eq=False)
class PlannersGaps:
    """How far mixtures are from an equilibrium of the whole game.

    Attributes:
        values: what each planner earns, of shape (planners,).
        responses: bounds on their best responses.
    """

    values: NDArray[np.float64]
    responses: tuple[ResponseBounds, ...]

    @property
    def certificate(self) -> Certificate:
        """An upper bound on NashConv, against responses of any memory."""
        uppers = np.array([bounds.upper for bounds in self.responses])
        return Certificate("nash_conv", float(np.maximum(uppers - self.values, 0.0).sum()))

    @property
    def proven(self) -> float:
        """A lower bound on NashConv."""
        lowers = np.array([bounds.lower for bounds in self.responses])
        return float(np.maximum(lowers - self.values, 0.0).sum())


def planners_gaps(
    chain: PlannersChain, mixtures: Sequence[Mixture], *, max_beliefs: int = 20_000
) -> PlannersGaps:
    """Measure mixtures of Markov policies in the whole game.

    Args:
        chain: the game.
        mixtures: what each planner plays.
        max_beliefs: see `response_bounds`.

    Raises:
        ValueError: a mixture does not fit the game.
    """
    _check_count(chain, mixtures)
    for player, mixture in enumerate(mixtures):
        for table in mixture.tables:
            chain.check(player, table)
    values = np.zeros(len(chain.sizes))
    for numbers in itertools.product(*(range(len(m.tables)) for m in mixtures)):
        chance = float(np.prod([m.weights[k] for m, k in zip(mixtures, numbers, strict=True)]))
        if chance > 0.0:
            tables = [m.tables[k] for m, k in zip(mixtures, numbers, strict=True)]
            values += chance * chain.returns(tables)
    responses = tuple(
        response_bounds(chain, mixtures, player, max_beliefs=max_beliefs)
        for player in range(len(chain.sizes))
    )
    return PlannersGaps(values, responses)


def response_bounds(
    chain: PlannersChain, mixtures: Sequence[Mixture], player: int, *, max_beliefs: int = 20_000
) -> ResponseBounds:
    """Bound the value of a planner's best response; see the module.

    Args:
        chain: the game.
        mixtures: what each planner plays; the planner's own is not read.
        player: who responds.
        max_beliefs: most pairs of joint state and belief that are followed in all.

    Raises:
        ValueError: a mixture does not fit the game, the others have more than 256 types together, or
            ``max_beliefs`` is below 1.
    """
    if max_beliefs < 1:
        raise ValueError(f"max_beliefs must be at least 1, got {max_beliefs}")
    types = opponent_types(chain, mixtures, player)
    found = _Beliefs(chain, types, player)
    layer = np.flatnonzero(chain.start > 0.0)
    beliefs = np.broadcast_to(types.weights, (len(layer), len(types.weights)))
    lower, upper, followed = found.bounds(0, layer, beliefs, max_beliefs)
    chances = chain.start[layer]
    return ResponseBounds(float(chances @ lower), float(chances @ upper), followed)


@dataclass(frozen=True, slots=True, eq=False)
class OpponentTypes:
    """What the others may be playing together.

    Attributes:
        plays: chances of their joint actions, of shape (types, horizon, n, actions of the others).
        weights: chances of the types, of shape (types,).
    """

    plays: NDArray[np.float64]
    weights: NDArray[np.float64]


def opponent_types(chain: PlannersChain, mixtures: Sequence[Mixture], player: int) -> OpponentTypes:
    """All combinations of the others' tables that have weight.

    Raises:
        ValueError: there is not one mixture for each planner, a table does not fit the game, or there are
            more than 256 combinations.
    """
    _check_count(chain, mixtures)
    others = [i for i in range(len(chain.sizes)) if i != player]
    for i in others:
        for table in mixtures[i].tables:
            chain.check(i, table)
    supports = [np.flatnonzero(mixtures[i].weights > 0.0).tolist() for i in others]
    combined = list(itertools.product(*supports))
    if len(combined) > _MOST_TYPES:
        raise ValueError(
            f"the others play {len(combined)} types together, at most {_MOST_TYPES} are followed"
        )
    weights = [
        np.prod([mixtures[i].weights[k] for i, k in zip(others, numbers, strict=True)])
        for numbers in combined
    ]
    plays = []
    for numbers in combined:
        tables = [mixtures[i].tables[k] for i, k in zip(others, numbers, strict=True)]
        rows = [joint_play([table[step] for table in tables]) for step in range(chain.horizon)]
        plays.append(np.broadcast_to(rows, (chain.horizon, len(chain.start), rows[0].shape[1])))
    total = np.array(weights, dtype=np.float64)
    return OpponentTypes(np.array(plays), total / total.sum())


def _check_count(chain: PlannersChain, mixtures: Sequence[Mixture]) -> None:
    if len(mixtures) != len(chain.sizes):
        raise ValueError(
            f"mixtures must hold one for each of {len(chain.sizes)} planners, got {len(mixtures)}"
        )


def own_first(chain: PlannersChain, player: int, worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """From shape (n, *sizes) to (n, own actions, actions of the others)."""
    return np.moveaxis(worth, player + 1, 1).reshape(len(worth), chain.sizes[player], -1)


def against(
    chain: PlannersChain, play: NDArray[np.float64], player: int, step: int, values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What own actions are worth against a type at a step, of shape (n, A), given values that follow."""
    worth = own_first(chain, player, chain.onward(player, values))
    return np.asarray(np.einsum("nao,no->na", worth, play[step]))


class _Beliefs:
    """Bounds by belief for one planner against given types."""

    def __init__(self, chain: PlannersChain, types: OpponentTypes, player: int) -> None:
        self._chain, self._types, self._player = chain, types, player
        process = chain.processes[player]
        self._scale = chain.horizon * float(np.abs(process.rewards).max())
        informed = [self._best(play[None], np.ones(1)) for play in types.plays]
        self._told = np.array([value for value, _ in informed])
        plans = [choices for _, choices in informed]
        plans.append(self._best(types.plays, types.weights)[1])
        # Of each plan against each type, of shape (plans, types, horizon + 1, n).
        self._committed = np.array([[self._follow(plan, play) for play in types.plays] for plan in plans])

    def bounds(
        self, step: int, states: NDArray[np.int64], beliefs: NDArray[np.float64], left: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        """Lower and upper values of pairs of state and belief, and how many were followed from here on."""
        upper = np.einsum("mk,km->m", beliefs, self._told[:, step, states])
        lower = np.einsum("mk,pkm->pm", beliefs, self._committed[:, :, step, states]).max(axis=0)
        upper = np.maximum(upper, lower)
        is_open = np.flatnonzero(upper - lower > _CLOSED * self._scale)
        if is_open.size == 0 or is_open.size > left:
            return lower, upper, 0
        rewards, chances, after = self._expand(step, states[is_open], beliefs[is_open])
        weight = chances.reshape(-1, len(self._chain.start))
        origin, onward = np.nonzero(weight > 0.0)
        posterior = after.reshape(*weight.shape, -1)[origin, onward]
        keys = np.column_stack([onward, np.round(posterior, _DIGITS)])
        unique, place = np.unique(keys, axis=0, return_inverse=True)
        next_states, next_beliefs = unique[:, 0].astype(np.int64), unique[:, 1:]
        deeper = self.bounds(step + 1, next_states, next_beliefs, left - is_open.size)
        for bound, own in ((deeper[0], lower), (deeper[1], upper)):
            expected = np.bincount(
                origin, weight[origin, onward] * bound[place.reshape(-1)], minlength=len(weight)
            )
            own[is_open] = (rewards + expected.reshape(rewards.shape)).max(axis=1)
        return lower, upper, is_open.size + deeper[2]

    def _expand(
        self, step: int, states: NDArray[np.int64], beliefs: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Rewards (m, A), chances of next states (m, A, n), beliefs there (m, A, n, types)."""
        chain, player = self._chain, self._player
        process = chain.processes[player]
        size = len(states), chain.sizes[player], len(chain.start)
        earned = own_first(chain, player, process.rewards.reshape(-1, *chain.sizes))[states]
        moves = self._moves(states)
        joint = np.empty((*size, len(beliefs[0])))
        rewards = np.zeros(size[:2])
        for k, play in enumerate(self._types.plays):
            chance = play[step, states]
            joint[..., k] = beliefs[:, k, None, None] * np.einsum("mo,maon->man", chance, moves)
            rewards += beliefs[:, k, None] * np.einsum("mo,mao->ma", chance, earned)
        total = joint.sum(axis=3)
        return rewards, total, joint / np.where(total > 0.0, total, 1.0)[..., None]

    def _moves(self, states: NDArray[np.int64]) -> NDArray[np.float64]:
        """Chances of the next joint states, of shape (m, own actions, actions of the others, n)."""
        chain = self._chain
        process = chain.processes[self._player]
        rows = process.factors[:, np.arange(process.states.shape[1]), process.states[states]]
        product = np.ones((*rows.shape[:2], 1))
        for arm in range(rows.shape[2]):
            product = (product[..., None] * rows[:, :, arm, None, :]).reshape(*rows.shape[:2], -1)
        shaped = np.moveaxis(product, 0, 1).reshape(len(states), *chain.sizes, -1)
        return np.moveaxis(shaped, self._player + 1, 1).reshape(
            len(states), chain.sizes[self._player], -1, len(chain.start)
        )

    def _best(
        self, plays: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Values (horizon + 1, n) and choices (horizon, n) where the type is drawn anew at each step."""
        chain = self._chain
        mean = np.einsum("k,ktno->tno", weights, plays)
        values = np.zeros((chain.horizon + 1, len(chain.start)))
        choices = np.zeros((chain.horizon, len(chain.start)), dtype=np.int64)
        for step in range(chain.horizon - 1, -1, -1):
            worth = against(chain, mean, self._player, step, values[step + 1])
            choices[step], values[step] = worth.argmax(axis=1), worth.max(axis=1)
        return values, choices

    def _follow(self, choices: NDArray[np.int64], play: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of playing choices against a type, of shape (horizon + 1, n)."""
        chain = self._chain
        values = np.zeros((chain.horizon + 1, len(chain.start)))
        for step in range(chain.horizon - 1, -1, -1):
            worth = against(chain, play, self._player, step, values[step + 1])
            values[step] = worth[np.arange(len(worth)), choices[step]]
        return values
