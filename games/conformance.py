"""Conformance checks that any `EnvGame` should pass; run them in the tests of your own game.

A game is played at random, and at every state the promises of the protocol are checked. What is broken is
named by a `Rule`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from games.errors import IllegalActionError
from games.protocols import EnvGame

State = TypeVar("State")


class Rule(Enum):
    """What the protocol promises."""

    SIZES = "at least one player, at least one action each, observation shapes of positive integers"
    MOVERS = "to_move names distinct players in range(num_players)"
    MASK = "legal_mask is Boolean of shape (num_actions,), with a True exactly for players to move"
    OBSERVATION = "observe gives finite float32 of shape observation_shape"
    RETURNS = "returns are finite float64 of shape (num_players,), at the end within payoff_bounds"
    DESCRIPTION = "describe gives text"
    IMMUTABLE = "looking at a state, stepping it or writing into what it gave does not change it"
    REPEATABLE = "stepping one state twice with equal generators gives equal successors"
    SEEDED = "equal seeds and equal actions give equal play"
    LEGALITY = "legal actions are played; others, and players not to move, raise IllegalActionError"
    TERMINATION = "every episode ends within the number of steps allowed"


class ConformanceError(AssertionError):
    """A game breaks a rule of the protocol.

    Attributes:
        rule: the rule.
    """

    def __init__(self, rule: Rule, detail: str) -> None:
        super().__init__(f"{rule.name}: {rule.value}; {detail}")
        self.rule = rule


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """Everything a game shows of a state."""

    movers: tuple[int, ...]
    masks: tuple[NDArray[np.bool_], ...]
    observations: tuple[NDArray[np.float32], ...]
    returns: NDArray[np.float64]
    text: str

    def difference(self, other: "_Look") -> str | None:
        """The first thing that differs, or None."""
        if self.movers != other.movers:
            return f"to_move: {self.movers} against {other.movers}"
        pairs = {
            "legal_mask": (self.masks, other.masks),
            "observe": (self.observations, other.observations),
            "returns": ((self.returns,), (other.returns,)),
        }
        for what, (mine, theirs) in pairs.items():
            for player, (a, b) in enumerate(zip(mine, theirs, strict=True)):
                if not np.array_equal(a, b):
                    whose = "" if what == "returns" else f" of player {player}"
                    return f"{what}{whose}: {a.tolist()} against {b.tolist()}"
        return None if self.text == other.text else f"describe: {self.text!r} against {other.text!r}"


def check_env_game(
    game: EnvGame[State], *, episodes: int = 10, rng: np.random.Generator, max_steps: int = 10_000
) -> None:
    """Play ``episodes`` random episodes and check every promise of `EnvGame` on the way.

    Args:
        game: the game.
        episodes: how many, at least 1.
        rng: chooses the actions and seeds the chance moves.
        max_steps: steps within which every episode must end.

    Raises:
        ConformanceError: a rule is broken; the error names it.
        ValueError: ``episodes`` or ``max_steps`` is below 1.
    """
    if episodes < 1 or max_steps < 1:
        raise ValueError(f"episodes and max_steps must be at least 1, got {episodes} and {max_steps}")
    _check_sizes(game)
    for _ in range(episodes):
        _check_episode(game, rng, max_steps)


def _check_sizes(game: EnvGame[Any]) -> None:
    if game.num_players < 1:
        raise ConformanceError(Rule.SIZES, f"num_players is {game.num_players}")
    for player in range(game.num_players):
        if game.num_actions(player) < 1:
            raise ConformanceError(Rule.SIZES, f"num_actions({player}) is {game.num_actions(player)}")
        shape = game.observation_shape(player)
        if any(n < 1 for n in shape):
            raise ConformanceError(Rule.SIZES, f"observation_shape({player}) is {shape!r}")
    low, high = game.payoff_bounds
    if not low <= high:
        raise ConformanceError(Rule.SIZES, f"payoff_bounds are {low} and {high}")


def _check_episode(game: EnvGame[Any], rng: np.random.Generator, max_steps: int) -> None:
    """Play one episode, then play it again from its seed."""
    seed = int(rng.integers(2**63))
    chance = np.random.default_rng(seed)
    state = game.initial(chance)
    looks = [_look(game, state)]
    played: list[dict[int, int]] = []
    while looks[-1].movers:
        if len(played) == max_steps:
            raise ConformanceError(Rule.TERMINATION, f"not over after {max_steps} steps")
        look = looks[-1]
        joint = {p: int(rng.choice(np.flatnonzero(look.masks[p]))) for p in look.movers}
        _check_refusals(game, state, look, joint)
        _check_repeats(game, state, look, joint, int(rng.integers(2**63)))
        state = _step(game, state, joint, chance)
        looks.append(_look(game, state))
        played.append(joint)
    _check_end(game, state, looks[-1])
    _check_replay(game, seed, looks, played)


def _look(game: EnvGame[Any], state: Any) -> _Look:  # noqa: ANN401  (the game alone knows the type)
    """Look at a state twice, writing into what the first look gave; check shapes and types."""
    movers = tuple(game.to_move(state))
    if len(set(movers)) != len(movers) or not set(movers) <= set(range(game.num_players)):
        raise ConformanceError(Rule.MOVERS, f"to_move gave {movers} among {game.num_players} players")
    first, second = (_shown(game, state, movers) for _ in range(2))
    copies = _Look(
        movers,
        tuple(mask.copy() for mask in first.masks),
        tuple(seen.copy() for seen in first.observations),
        first.returns.copy(),
        first.text,
    )
    _same(Rule.IMMUTABLE, copies, second, "two looks at one state differ")
    for array in (*first.masks, *first.observations, first.returns):
        _scribble(array)
    third = _shown(game, state, tuple(game.to_move(state)))
    _same(Rule.IMMUTABLE, copies, third, "writing into an array that the game gave changed its state")
    return copies


def _shown(game: EnvGame[Any], state: Any, movers: tuple[int, ...]) -> _Look:  # noqa: ANN401
    players = range(game.num_players)
    masks = tuple(game.legal_mask(state, p) for p in players)
    for player, mask in enumerate(masks):
        if mask.dtype != np.bool_ or mask.shape != (game.num_actions(player),):
            raise ConformanceError(Rule.MASK, f"player {player} got {mask.dtype} of shape {mask.shape}")
        if bool(mask.any()) != (player in movers):
            raise ConformanceError(
                Rule.MASK, f"player {player} got {mask.tolist()} when {movers} are to move"
            )
    observations = tuple(game.observe(state, p) for p in players)
    for player, seen in enumerate(observations):
        if seen.dtype != np.float32 or seen.shape != tuple(game.observation_shape(player)):
            raise ConformanceError(
                Rule.OBSERVATION, f"player {player} got {seen.dtype} of shape {seen.shape}"
            )
        if not np.isfinite(seen).all():
            raise ConformanceError(Rule.OBSERVATION, f"player {player} got non-finite numbers")
    returns = game.returns(state)
    if returns.dtype != np.float64 or returns.shape != (game.num_players,):
        raise ConformanceError(Rule.RETURNS, f"got {returns.dtype} of shape {returns.shape}")
    if not np.isfinite(returns).all():
        raise ConformanceError(Rule.RETURNS, f"got {returns.tolist()}")
    text = game.describe(state)
    if not isinstance(text, str):
        raise ConformanceError(Rule.DESCRIPTION, f"got {type(text).__name__}")
    return _Look(movers, masks, observations, returns, text)


def _scribble(array: NDArray[Any]) -> None:
    """Change every entry, where the game lets it be changed."""
    if array.flags.writeable:
        array[...] = ~array if array.dtype == np.bool_ else array + 1


def _step(
    game: EnvGame[Any],
    state: Any,  # noqa: ANN401
    joint: dict[int, int],
    rng: np.random.Generator,
) -> Any:  # noqa: ANN401
    """Play legal actions, which must not be refused."""
    try:
        return game.step(state, joint, rng)
    except IllegalActionError as error:
        raise ConformanceError(Rule.LEGALITY, f"playing {joint}, which is legal, raised {error!r}") from error


def _check_refusals(
    game: EnvGame[Any],
    state: Any,  # noqa: ANN401
    look: _Look,
    joint: dict[int, int],
) -> None:
    """Illegal joint actions of every kind must be refused and leave the state alone."""
    player = look.movers[0]
    mask = look.masks[player]
    illegal = [*np.flatnonzero(~mask).tolist()[:3], -1, mask.size]
    wrong = [{**joint, player: action} for action in illegal]
    wrong.append({p: a for p, a in joint.items() if p != player})
    idle = [p for p in range(game.num_players + 1) if p not in look.movers]
    wrong.append({**joint, idle[0]: 0})
    for attempt in wrong:
        _check_refused(game, state, attempt)
    _same(Rule.IMMUTABLE, look, _look(game, state), "a refused action changed the state")


def _check_refused(game: EnvGame[Any], state: Any, joint: dict[int, int]) -> None:  # noqa: ANN401
    try:
        game.step(state, joint, np.random.default_rng(0))
    except IllegalActionError:
        return
    except Exception as error:
        raise ConformanceError(Rule.LEGALITY, f"playing {joint} raised {error!r}") from error
    raise ConformanceError(Rule.LEGALITY, f"playing {joint} was accepted")


def _check_repeats(
    game: EnvGame[Any],
    state: Any,  # noqa: ANN401
    look: _Look,
    joint: dict[int, int],
    seed: int,
) -> None:
    first = _look(game, _step(game, state, joint, np.random.default_rng(seed)))
    _same(Rule.IMMUTABLE, look, _look(game, state), "a state changed when it was stepped")
    second = _look(game, _step(game, state, joint, np.random.default_rng(seed)))
    _same(Rule.REPEATABLE, first, second, f"playing {joint} twice led to different states")


def _check_end(game: EnvGame[Any], state: Any, look: _Look) -> None:  # noqa: ANN401
    low, high = game.payoff_bounds
    # Sums of rewards carry rounding errors; bounds are usually stated exactly.
    slack = 1e-9 * max(1.0, float(np.abs(look.returns).max()))
    if (look.returns < low - slack).any() or (look.returns > high + slack).any():
        raise ConformanceError(Rule.RETURNS, f"got {look.returns.tolist()}, bounds are {low} and {high}")
    _check_refused(game, state, {0: 0})
    _same(Rule.IMMUTABLE, look, _look(game, state), "a refused action changed the last state")


def _check_replay(
    game: EnvGame[Any], seed: int, looks: Sequence[_Look], played: Sequence[dict[int, int]]
) -> None:
    chance = np.random.default_rng(seed)
    state = game.initial(chance)
    _same(Rule.SEEDED, looks[0], _look(game, state), "two starts from one seed differ")
    for number, joint in enumerate(played):
        state = _step(game, state, joint, chance)
        _same(Rule.SEEDED, looks[number + 1], _look(game, state), f"a replay differs after step {number}")


def _same(rule: Rule, before: _Look, after: _Look, what: str) -> None:
    difference = before.difference(after)
    if difference is not None:
        raise ConformanceError(rule, f"{what}: {difference}")
