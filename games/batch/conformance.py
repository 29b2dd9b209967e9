"""Conformance checks that any `BatchGame` should pass; run them in the tests of your own batch.

`check_batch_game` plays at random and checks every promise of the protocol. `check_batch_plays` also plays
the `EnvGame` that the batch stands for, and checks that both show the same.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.chance import Outcomes
from games.errors import IllegalActionError
from games.protocols import BatchGame, EnvGame

BatchMaker: TypeAlias = Callable[[int, np.random.Generator], BatchGame]
"""Makes a batch from a number of lanes and a generator."""


class BatchRule(Enum):
    """What the protocol promises."""

    SIZES = "as many lanes as asked for, at least one player, at least one action each"
    MASK = "legal_mask is Boolean of shape (num_lanes, num_actions), with a True exactly for players to move"
    OBSERVATION = "observe gives float32 of shape (num_lanes, *observation_shape), finite for players to move"
    RETURNS = "returns are finite float64 of shape (num_players, num_lanes), at the end within payoff_bounds"
    FINISHED = "a lane is finished exactly where nobody is to move, and stays as it is until it is reset"
    RESET = "reset begins a new play in the marked lanes and leaves the others"
    LEGALITY = "legal actions are played; an illegal one raises IllegalActionError and moves no lane"
    SEEDED = "equal seeds and equal actions give equal play"
    GAME = "every lane shows what the game shows after some outcome of chance"


class BatchConformanceError(AssertionError):
    """A batch breaks a rule of the protocol.

    Attributes:
        rule: the rule.
    """

    def __init__(self, rule: BatchRule, detail: str) -> None:
        super().__init__(f"{rule.name}: {rule.value}; {detail}")
        self.rule = rule


def check_batch_game(
    make: BatchMaker, *, num_lanes: int = 7, steps: int = 50, rng: np.random.Generator
) -> None:
    """Play at random, resetting finished lanes now and then, and check every promise of `BatchGame`.

    Args:
        make: makes the batch.
        num_lanes: plays side by side.
        steps: how many to make.
        rng: chooses the actions and seeds the chance moves.

    Raises:
        BatchConformanceError: a rule is broken; the error names it.
    """
    seed = int(rng.integers(2**63))
    chances = [np.random.default_rng(seed) for _ in range(2)]
    batch, twin = (make(num_lanes, chance) for chance in chances)
    _check_sizes(batch, num_lanes)
    for _ in range(steps):
        look = _check_look(batch)
        _same(BatchRule.SEEDED, look, _check_look(twin), np.ones(num_lanes, dtype=np.bool_))
        over = batch.finished().copy()
        # Waiting for a few lanes to finish leaves finished ones among the others for a while.
        if over.all() or (over.any() and rng.random() < 0.5):
            for one, chance in zip((batch, twin), chances, strict=True):
                one.reset(over, chance)
            _same(BatchRule.RESET, look, _check_look(batch), ~over)
            if batch.finished()[over].any():
                raise BatchConformanceError(BatchRule.RESET, "a lane that was reset is finished")
            continue
        actions = random_actions(batch, rng)
        _check_refusals(batch, actions, look)
        for one, chance in zip((batch, twin), chances, strict=True):
            _step(one, actions, chance)
        _same(BatchRule.FINISHED, look, _check_look(batch), over)


def check_batch_plays(
    make: BatchMaker,
    game: EnvGame[Any],
    outcomes: Callable[[Any | None, Mapping[int, int]], Outcomes[Any]],
    *,
    num_lanes: int = 7,
    steps: int = 50,
    rng: np.random.Generator,
) -> None:
    """Play a batch at random and check each lane against the game it stands for.

    A lane must show what the game shows in one of the states that chance may have led to: movers, masks,
    what the players to move observe, and returns are equal to the last bit.

    Args:
        make: makes the batch.
        game: the game.
        outcomes: lists the states that follow a state and a joint action; for None, the start states.
        num_lanes: plays side by side.
        steps: how many to make.
        rng: chooses the actions and the chance moves.

    Raises:
        BatchConformanceError: a lane shows something else.
    """
    batch = make(num_lanes, rng)
    for player in range(game.num_players):
        here = batch.num_actions(player), tuple(batch.observation_shape(player))
        there = game.num_actions(player), tuple(game.observation_shape(player))
        if here != there:
            raise BatchConformanceError(BatchRule.GAME, f"player {player} has {here}, wanted {there}")
    starts = [state for p, state in outcomes(None, {}) if p > 0]
    possible = [_agreeing(batch, k, game, starts) for k in range(num_lanes)]
    for _ in range(steps):
        over = batch.finished().copy()
        actions = random_actions(batch, rng)
        joints = [
            {p: int(actions[p, k]) for p in range(game.num_players) if batch.to_move(p)[k]}
            for k in range(num_lanes)
        ]
        _step(batch, actions, rng)
        if over.any():
            batch.reset(over, rng)
        for k in range(num_lanes):
            onward = starts
            if not over[k]:
                onward = [s for state in possible[k] for p, s in outcomes(state, joints[k]) if p > 0]
            possible[k] = _agreeing(batch, k, game, onward)


def random_actions(batch: BatchGame, rng: np.random.Generator) -> NDArray[np.int64]:
    """A uniformly drawn legal action wherever a player is to move, shape (num_players, num_lanes).

    Elsewhere an action that would be illegal, as nobody should read it.
    """
    actions = np.full((batch.num_players, batch.num_lanes), -1, dtype=np.int64)
    for player in range(batch.num_players):
        mask = batch.legal_mask(player)
        where = mask.any(axis=1)
        actions[player, where] = np.where(mask, rng.random(mask.shape), -1.0).argmax(axis=1)[where]
    return actions


_Look: TypeAlias = dict[str, NDArray[Any]]
"""Everything a batch shows, by name; the first axis is that of the lanes."""


def _check_sizes(batch: BatchGame, num_lanes: int) -> None:
    if batch.num_lanes != num_lanes or batch.num_players < 1:
        raise BatchConformanceError(
            BatchRule.SIZES, f"{batch.num_lanes} lanes of {batch.num_players} players, wanted {num_lanes}"
        )
    for player in range(batch.num_players):
        if batch.num_actions(player) < 1 or any(n < 1 for n in batch.observation_shape(player)):
            raise BatchConformanceError(
                BatchRule.SIZES,
                f"player {player} has {batch.num_actions(player)} actions and sees "
                f"{batch.observation_shape(player)}",
            )


def _check_look(batch: BatchGame) -> _Look:
    """Check shapes, types and how they fit together; return copies, the axis of the lanes first."""
    look: _Look = {}
    anybody = np.zeros(batch.num_lanes, dtype=np.bool_)
    for p in range(batch.num_players):
        movers, mask, seen = batch.to_move(p), batch.legal_mask(p), batch.observe(p)
        if mask.dtype != np.bool_ or mask.shape != (batch.num_lanes, batch.num_actions(p)):
            raise BatchConformanceError(BatchRule.MASK, f"player {p} got {mask.dtype} of shape {mask.shape}")
        if movers.dtype != np.bool_ or not np.array_equal(movers, mask.any(axis=1)):
            raise BatchConformanceError(BatchRule.MASK, f"player {p} moves where {movers.tolist()}")
        if seen.dtype != np.float32 or seen.shape != (batch.num_lanes, *batch.observation_shape(p)):
            raise BatchConformanceError(
                BatchRule.OBSERVATION, f"player {p} got {seen.dtype} of shape {seen.shape}"
            )
        if not np.isfinite(seen[movers]).all():
            raise BatchConformanceError(BatchRule.OBSERVATION, f"player {p} got non-finite numbers")
        anybody |= movers
        look[f"mask of player {p}"] = mask.copy()
        look[f"observation of player {p}"] = np.where(
            movers.reshape(-1, *(1,) * (seen.ndim - 1)), seen, np.float32(0)
        )
    over = batch.finished()
    if over.dtype != np.bool_ or not np.array_equal(over, ~anybody):
        raise BatchConformanceError(BatchRule.FINISHED, f"finished says {over.tolist()}")
    returns = batch.returns()
    if returns.dtype != np.float64 or returns.shape != (batch.num_players, batch.num_lanes):
        raise BatchConformanceError(BatchRule.RETURNS, f"got {returns.dtype} of shape {returns.shape}")
    low, high = batch.payoff_bounds
    slack = 1e-9 * max(1.0, float(np.abs(returns).max()))
    final = returns[:, over]
    inside = (final >= low - slack).all() and (final <= high + slack).all()
    if not np.isfinite(returns).all() or not inside:
        raise BatchConformanceError(BatchRule.RETURNS, f"got {returns.tolist()}, bounds are {low} and {high}")
    look["returns"] = returns.T.copy()
    return look


def _step(batch: BatchGame, actions: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Play legal actions, which must not be refused."""
    try:
        batch.step(actions, rng)
    except IllegalActionError as error:
        raise BatchConformanceError(BatchRule.LEGALITY, f"legal actions raised {error!r}") from error


def _check_refusals(batch: BatchGame, actions: NDArray[np.int64], look: _Look) -> None:
    """Illegal actions of every kind in the last lane that moves must be refused and leave all lanes."""
    player = next(p for p in range(batch.num_players) if batch.to_move(p).any())
    mask = batch.legal_mask(player).copy()
    lane = int(np.flatnonzero(mask.any(axis=1))[-1])
    for action in [*np.flatnonzero(~mask[lane]).tolist()[:3], -1, mask.shape[1]]:
        wrong = actions.copy()
        wrong[player, lane] = action
        try:
            batch.step(wrong, np.random.default_rng(0))
        except IllegalActionError:
            _same(BatchRule.LEGALITY, look, _check_look(batch), np.ones(batch.num_lanes, dtype=np.bool_))
            continue
        raise BatchConformanceError(BatchRule.LEGALITY, f"action {action} of player {player} was accepted")


def _same(rule: BatchRule, before: _Look, after: _Look, lanes: NDArray[np.bool_]) -> None:
    for what, array in before.items():
        if not np.array_equal(array[lanes], after[what][lanes]):
            raise BatchConformanceError(rule, f"{what} is {after[what].tolist()}, wanted {array.tolist()}")


def _agreeing(batch: BatchGame, lane: int, game: EnvGame[Any], states: list[Any]) -> list[Any]:
    """The states in which the game shows what the lane shows; at least one."""
    movers = tuple(p for p in range(game.num_players) if batch.to_move(p)[lane])
    masks = [batch.legal_mask(p)[lane].copy() for p in range(game.num_players)]
    seen = {p: batch.observe(p)[lane].copy() for p in movers}
    returns = batch.returns()[:, lane].copy()
    found = [
        state
        for state in states
        if tuple(game.to_move(state)) == movers
        and np.array_equal(game.returns(state), returns)
        and all(np.array_equal(game.legal_mask(state, p), mask) for p, mask in enumerate(masks))
        and all(np.array_equal(game.observe(state, p), array) for p, array in seen.items())
    ]
    if not found:
        raise BatchConformanceError(
            BatchRule.GAME,
            f"lane {lane} shows movers {movers} and returns {returns.tolist()}, none of:\n"
            + "\n".join(game.describe(state) for state in states),
        )
    return found
