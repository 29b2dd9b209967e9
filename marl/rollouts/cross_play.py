"""Cross-play: every population in every seat, against every other in the remaining seats.

A population was trained with partners of its own kind; how it fares with others shows what it has learned of
the game and what only of its partners. Where the game is compiled, means and variances are exact; else
they are sampled. The rate of an event, such as a crash, is always sampled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.populations.compiled import CompiledGame
from marl.rollouts.outcomes import Rate, wilson_rate
from marl.rollouts.samples import Event, Player, Samples, sample_returns


@dataclass(frozen=True, slots=True, eq=False)
class CrossPlay:
    """Who meets whom, and what comes of it; E entrants, N seats.

    Entry ``[a, b, i]`` is about entrant a in seat i while b sits in all other seats, and speaks of the payoff
    in seat i.

    Attributes:
        game_name: how reports call the game.
        names: of the entrants.
        means: float64 (E, E, N), in payoff units.
        variances: float64 (E, E, N), of the payoff of one episode.
        errors: float64 (E, E, N), standard errors of the means; zeros where these are exact.
        episodes: of each meeting; 0 where nothing was sampled.
        exact: whether means and variances come from the compiled game.
        events: int64 (E, E, N), episodes in which the event happened; None where the game has none.
        confidence: of the intervals of rates.
    """

    game_name: str
    names: tuple[str, ...]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    errors: NDArray[np.float64]
    episodes: int
    exact: bool
    events: NDArray[np.int64] | None
    confidence: float

    @property
    def num_seats(self) -> int:
        """Number of players N."""
        return int(self.means.shape[2])

    def rate(self, a: int, b: int, seat: int) -> Rate | None:
        """How often the event happened, with its Wilson interval; None where the game has no event."""
        if self.events is None:
            return None
        return wilson_rate(int(self.events[a, b, seat]), self.episodes, confidence=self.confidence)


def cross_play(
    game: EnvGame[Any],
    entrants: Sequence[tuple[str, Sequence[Player]]],
    *,
    compiled: CompiledGame | None = None,
    episodes: int = 1_000,
    event: Event | None = None,
    confidence: float = 0.95,
    rng: np.random.Generator,
    workers: int = 1,
) -> CrossPlay:
    """Play every entrant in every seat against every other, itself included.

    Args:
        game: the game.
        entrants: a name, and a player for each seat.
        compiled: the same game with its sequence form, for exact means and variances; sampled where None.
        episodes: of each meeting, at least 2 where a mean is sampled; not used where nothing is.
        event: what to count in last states.
        confidence: of the intervals of the event's rates, in (0, 1).
        rng: all chance; spawns a child per chunk of episodes.
        workers: processes; they do not change the numbers.

    Raises:
        ValueError: an entrant does not fill the seats, names repeat, or a number is out of range.
    """
    names = tuple(name for name, _ in entrants)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"entrants must have distinct names, one at least, got {names}")
    seats = game.num_players
    for name, players in entrants:
        if len(players) != seats:
            raise ValueError(f"entrant {name!r} must fill {seats} seats, got {len(players)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    if compiled is None and episodes < 2:
        raise ValueError(f"episodes must be at least 2 to estimate a variance, got {episodes}")
    meetings = _meetings(len(names), seats)
    sampled: list[Samples] = []
    if compiled is None or event is not None:
        lineups = [[entrants[who][1][i] for i, who in enumerate(meeting)] for meeting in meetings]
        sampled = sample_returns(game, lineups, episodes, rng=rng, event=event, workers=workers)
    if compiled is not None:
        moments = _exact(compiled, entrants, meetings)
    else:
        moments = [(s.returns.mean(axis=0), s.returns.var(axis=0, ddof=1)) for s in sampled]
    shape = (len(names), len(names), seats)
    means, variances = np.empty(shape), np.empty(shape)
    events = np.zeros(shape, dtype=np.int64)
    number = {meeting: k for k, meeting in enumerate(meetings)}
    for a, b, i in np.ndindex(shape):
        k = number[_lineup(a, b, i, seats)]
        means[a, b, i], variances[a, b, i] = moments[k][0][i], moments[k][1][i]
        events[a, b, i] = sampled[k].events.sum() if sampled else 0
    exact = compiled is not None
    return CrossPlay(
        game.name,
        names,
        means,
        variances,
        np.zeros(shape) if exact else np.sqrt(variances / episodes),
        episodes if sampled else 0,
        exact,
        None if event is None else events,
        confidence,
    )


def _lineup(a: int, b: int, seat: int, seats: int) -> tuple[int, ...]:
    return tuple(a if i == seat else b for i in range(seats))


def _meetings(entrants: int, seats: int) -> list[tuple[int, ...]]:
    """Every line-up once: with two seats, a against b is also b against a from the other side."""
    return list(dict.fromkeys(_lineup(a, b, i, seats) for a, b, i in np.ndindex(entrants, entrants, seats)))


def _exact(
    compiled: CompiledGame,
    entrants: Sequence[tuple[str, Sequence[Player]]],
    meetings: Sequence[tuple[int, ...]],
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    behaviors = [[compiled.behavior(i, p) for i, p in enumerate(players)] for _, players in entrants]
    return [compiled.moments_of([behaviors[who][i] for i, who in enumerate(meeting)]) for meeting in meetings]
