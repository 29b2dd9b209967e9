"""The suite in which players meet each other in repeated games, every ordered pair in every game.

A suite scores one player at a time, by the plays in which it has the first seat; `standings` rates all
players together.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.text.situations import Joint, MatrixSituation
from solvers.rationality.metrics.nash_averaging import NashAverage, nash_average
from solvers.rationality.metrics.ratings import (
    BradleyTerry,
    Matches,
    advantages,
    elo_ratings,
    fit_bradley_terry,
    relative_advantage,
)
from solvers.rationality.scenarios import Json, Measure, Play, Row, Table
from solvers.rationality.statistics import mean_measure, rate_measure
from solvers.rationality.suites.facts import cluster, numbers
from solvers.rationality.suites.repeated import repeated_games

_TIE = 1e-9  # of the payoff range, per round


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedMatch:
    """Rounds of a game between two players.

    Attributes:
        game: payoffs of a round.
        rounds: how many, None where they end by chance and nobody is told.
        continuation: probability of another round where they do.
    """

    game: NormalFormGame
    rounds: int | None
    continuation: float = 0.0

    @property
    def name(self) -> str:
        """The game and how long it is."""
        length = f"{self.rounds} rounds" if self.rounds else f"more with {self.continuation:g}"
        return f"match({self.game.name}, {length})"

    @property
    def seats(self) -> int:
        """Two."""
        return 2

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """All rounds; both seats are asked at once, and their number is drawn before the first."""
        length = self.rounds or int(rng.geometric(1 - self.continuation))
        history: tuple[Joint, ...] = ()
        rows: list[Row] = []
        for number in range(length):
            answers = await asyncio.gather(
                *(table.ask(seat, MatrixSituation(self.game, seat, history, self.rounds)) for seat in (0, 1))
            )
            joint = tuple(0 if answer.action is None else answer.action for answer in answers)
            for seat, answer in enumerate(answers):
                against = np.moveaxis(self.game.payoffs[seat], seat, 0)[:, joint[1 - seat]]
                facts: dict[str, Json] = {
                    "game": self.game.name,
                    "round": number,
                    "happened": joint[1 - seat],
                    "utilities": against.tolist(),
                    "range": float(np.ptp(against)),
                    "scale": self.game.payoff_range,
                    "payoff": float(against[joint[seat]]),
                }
                rows.append(Row.of(len(rows), seat, answer, self.game.actions[seat], facts))
            history = (*history, joint)
        return rows


@dataclass(frozen=True, slots=True, eq=False)
class Tournament:
    """Matches and their figures.

    Attributes:
        scenarios: what is played.
        name: as the command line calls it.
        baselines: specs of scripted players whom everybody meets too.
    """

    scenarios: Sequence[RepeatedMatch]
    name: str = "repeated-tournament"
    baselines: tuple[str, ...] = (
        "scripted:uniform",
        "scripted:tit-for-tat",
        "scripted:grim",
        "scripted:win-stay-lose-shift",
        "scripted:always-unkind",
    )

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """What a player earned in the first seat, and how it did beside those it met.

        What payoffs chance gets and what is best depends on who comes, so they have neither chance nor ideal.
        """
        measures = [
            *_earned(plays, "all games", rng=rng),
            _first_actions("first action in the first round", plays, first=True, rng=rng),
            _first_actions("first action", plays, first=False, rng=rng),
        ]
        for game in dict.fromkeys(scenario.game.name for scenario in self.scenarios):
            own = [play for play in plays if play.rows and play.rows[0].facts["game"] == game]
            measures += _earned(own, game, rng=rng)
        return measures


def _totals(play: Play) -> NDArray[np.float64]:
    """Payoffs of both seats over all rounds, shape (2,)."""
    totals = np.zeros(2)
    for row in play.rows:
        totals[row.seat] += float(numbers(row, "payoff"))
    return totals


def _result(play: Play) -> float:
    """1 if the first seat earned more, 0 if it earned less, 1/2 in a tie."""
    own, other = _totals(play)
    slack = _TIE * float(numbers(play.rows[0], "scale")) * len(play.rows)
    return 0.5 if abs(own - other) <= slack else float(own > other)


def _earned(plays: Sequence[Play], group: str, *, rng: np.random.Generator) -> list[Measure]:
    """Payoffs in ranges of the game, so that games can be put together."""
    played = [play for play in plays if play.rows]
    scales = [float(numbers(play.rows[0], "scale")) * len(play.rows) / 2 for play in played]
    totals = [_totals(play) for play in played]
    keys = [cluster(play) for play in played]
    own = [total[0] / scale for total, scale in zip(totals, scales, strict=True)]
    other = [total[1] / scale for total, scale in zip(totals, scales, strict=True)]
    advantage = relative_advantage(own, other) if played else float("nan")
    return [
        mean_measure("payoff per round, in ranges", own, keys, rng=rng, group=group),
        mean_measure("payoff per round of those it met", other, keys, rng=rng, group=group),
        mean_measure(
            "matches won, ties as halves",
            [_result(play) for play in played],
            keys,
            rng=rng,
            group=group,
            within=(0.0, 1.0),
        ),
        Measure("relative advantage", advantage, -np.inf, np.inf, len(set(keys)), group=group),
    ]


def _first_actions(name: str, plays: Sequence[Play], *, first: bool, rng: np.random.Generator) -> Measure:
    """How often the first action is taken, which is the kind one but in the battle of the sexes."""
    rows = [
        (play, row)
        for play in plays
        for row in play.rows
        if row.seat == 0 and (not first or row.facts["round"] == 0)
    ]
    return rate_measure(
        name,
        [row.action == 0 for _, row in rows],
        [cluster(play) for play, _ in rows],
        rng=rng,
        chance=0.5,
        ideal=None,
        group="all games",
    )


@dataclass(frozen=True, slots=True, eq=False)
class Standings:
    """Ratings of all who met.

    Attributes:
        players: names, in the order of all arrays.
        matches: who met whom, and who earned more.
        bradley_terry: strengths with intervals.
        elo: ratings, averaged over orders of the matches.
        nash: ratings against the hardest mixture of players.
    """

    players: tuple[str, ...]
    matches: Matches
    bradley_terry: BradleyTerry
    elo: NDArray[np.float64]
    nash: NashAverage


def standings(plays: Sequence[Play], *, rng: np.random.Generator) -> Standings:
    """Rate all players of a tournament by who earned more in each match.

    Args:
        plays: of all players, as `solvers.rationality.run.run_suite` gives them. Players that met copies of
            themselves are not rated by that.
        rng: for resampling.

    Raises:
        ValueError: nobody met anybody else.

    Example:
        >>> from solvers.rationality.run import run_suite
        >>> from solvers.rationality.scorecard import as_player
        >>> players = [as_player(f"scripted:{name}") for name in ("always-kind", "always-unkind")]
        >>> plays = run_suite(repeated_tournament(rounds=2, games=("prisoners-dilemma",)), players)
        >>> table = standings(plays, rng=np.random.default_rng(0))
        >>> table.players[table.elo.argmax()]
        'scripted:always-unkind'
    """
    met = [play for play in plays if play.rows and len(set(play.seating)) > 1]
    if not met:
        raise ValueError("plays must hold matches between different players, got none")
    players = tuple(dict.fromkeys(name for play in met for name in play.seating))
    seated = np.array([[players.index(name) for name in play.seating] for play in met])
    matches = Matches(len(players), seated[:, 0], seated[:, 1], np.array([_result(play) for play in met]))
    keys = [(play.scenario, play.replicate, *sorted(play.seating)) for play in met]
    fitting, ordering = rng.spawn(2)
    return Standings(
        players,
        matches,
        fit_bradley_terry(matches, rng=fitting, clusters=keys),
        elo_ratings(matches, rng=ordering),
        nash_average(advantages(matches)),
    )


def repeated_tournament(
    *, rounds: int = 10, continuation: float = 0.9, games: Sequence[str] = ()
) -> Tournament:
    """The suite: each game with a number of rounds that is told and with one that is not.

    Args:
        rounds: where they are told, >= 1.
        continuation: probability of another round where they are not, in [0, 1).
        games: names of those to play, all of `repeated_games` if empty.

    Raises:
        ValueError: an argument out of range, or an unknown game.
    """
    if rounds < 1 or not 0 <= continuation < 1:
        raise ValueError(f"rounds must be >= 1, and continuation in [0, 1), got {rounds} and {continuation}")
    known = {game.name: game for game in repeated_games()}
    if not set(games) <= set(known):
        raise ValueError(f"games must be among {sorted(known)}, got {tuple(games)}")
    return Tournament(
        tuple(
            match
            for name in games or known
            for match in (
                RepeatedMatch(known[name], rounds),
                RepeatedMatch(known[name], None, continuation),
            )
        )
    )
