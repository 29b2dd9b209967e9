"""Actions: does a player reason about what others will do, and act on what it believes?

Ring games are the third part of Fan, Chen, Jin and He (2024): the belief about the other stays implicit, is
stated first, or is given, and the claim is that the rate of best responses rises in this order. The first
ring has the payoffs of a public re-implementation; random rings with the same dominance order, and the pairs
of four-player rings after Kneeland (2015), which identify how deep a player reasons, are this project's own.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.social.ring import (
    RingPair,
    eliminate_pure,
    random_ring_pair,
    random_two_player_ring,
    two_player_ring,
)
from games.text.questions import Aspect, Exchange
from games.text.situations import MatrixSituation
from solvers.rationality.metrics.actions import expected_utilities, optimal_set, score_actions
from solvers.rationality.metrics.beliefs import guesses
from solvers.rationality.scenarios import Json, Measure, Play, Row, Table
from solvers.rationality.statistics import holm, mean_measure, paired_permutation, rate_measure
from solvers.rationality.suites.facts import cluster, numbers, stated


class Regime(StrEnum):
    """How a player comes by its belief about the other; the value names it in records."""

    IMPLICIT = "implicit"  # only the action is asked
    EXPLICIT = "explicit"  # the belief is asked first, in the same conversation
    GIVEN = "given"  # the other's action is told


@dataclass(frozen=True, slots=True, eq=False)
class RingScenario:
    """One seat of a two-player ring.

    Attributes:
        game: solved by elimination.
        seat: 0 must believe the other to be rational, 1 has a dominant action.
        regime: how seat 0 comes by its belief.
    """

    game: NormalFormGame
    seat: int
    regime: Regime = Regime.IMPLICIT

    @property
    def name(self) -> str:
        """Distinct within the suite."""
        return f"{self.game.name}(order {2 - self.seat}, {self.regime.value})"

    @property
    def seats(self) -> int:
        """One: the other's action is that of elimination."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """Ask for the action, in the explicit regime after the belief; nothing is drawn."""
        other = 1 - self.seat
        move = eliminate_pure(self.game).profile[other]
        payoffs = np.moveaxis(self.game.payoffs[self.seat], self.seat, 0)
        known: dict[str, Json] = {
            "ring": self.game.name,
            "order": 2 - self.seat,
            "regime": self.regime.value,
        }
        told = tuple(move if player == other else None for player in range(2))
        situation = MatrixSituation(self.game, self.seat, told=told if self.regime is Regime.GIVEN else ())
        rows: list[Row] = []
        earlier: tuple[Exchange, ...] = ()
        stated: dict[str, Json] = {}
        if self.regime is Regime.EXPLICIT:
            belief = await table.ask(0, situation, aspect=Aspect.BELIEF, about=other)
            certain = np.eye(len(self.game.actions[other]))[move].tolist()
            facts = known | {"posterior": certain, "happened": move}
            rows.append(Row.of(0, 0, belief, self.game.actions[other], facts, Aspect.BELIEF))
            if belief.belief is not None:
                stated = {"stated": expected_utilities(payoffs, belief.belief).tolist()}
            if belief.exchange is not None:
                earlier = (belief.exchange,)
        answer = await table.ask(0, situation, earlier=earlier)
        facts = known | stated | _truth(payoffs[:, move], float(np.ptp(payoffs)))
        return [*rows, Row.of(len(rows), 0, answer, situation.options, facts)]


@dataclass(frozen=True, slots=True, eq=False)
class RingPairScenario:
    """Every seat of both games of a pair, each asked apart and in random order.

    Attributes:
        name: distinct within the suite.
        pair: the games.
    """

    name: str
    pair: RingPair

    @property
    def seats(self) -> int:
        """One: the same player sits everywhere in turn, and never learns what it did elsewhere."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """Ask for all actions at once."""
        count = self.pair.num_players
        solutions = self.pair.solutions()
        order = rng.permutation(2 * count)
        places = [(int(number) // count, int(number) % count) for number in order]
        situations = [MatrixSituation(self.pair.games[game], seat) for game, seat in places]
        answers = await asyncio.gather(*(table.ask(0, situation) for situation in situations))
        rows = []
        for step, ((game, seat), situation, answer) in enumerate(
            zip(places, situations, answers, strict=True)
        ):
            others = tuple(
                slice(None) if player == seat else int(solutions[game, player]) for player in range(count)
            )
            payoffs = self.pair.games[game].payoffs[seat]
            facts: dict[str, Json] = {"game": game, "position": seat, "order": count - seat}
            facts |= _truth(payoffs[others], float(np.ptp(payoffs)))
            rows.append(Row.of(step, 0, answer, situation.options, facts))
        return rows


def _truth(utilities: NDArray[np.float64], scale: float) -> dict[str, Json]:
    return {
        "utilities": utilities.tolist(),
        "best": optimal_set(utilities, scale=scale),
        "range": float(np.ptp(utilities)),
        "scale": scale,
    }


@dataclass(frozen=True, slots=True, eq=False)
class ActionPart:
    """Ring games and their figures.

    Attributes:
        rings: two-player rings.
        pairs: pairs of rings that identify orders of rationality.
        allowance: how many choices of a pair may contradict the order that a player is put down to.
    """

    rings: tuple[RingScenario, ...]
    pairs: tuple[RingPairScenario, ...]
    allowance: int = 1

    @property
    def scenarios(self) -> tuple[RingScenario | RingPairScenario, ...]:
        """What is played."""
        return *self.rings, *self.pairs

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """Best responses by order and regime, what a stated or given belief adds, and orders shown."""
        pairs = {scenario.name: scenario.pair for scenario in self.pairs}
        rings = [play for play in plays if play.scenario not in pairs]
        return [
            *_regime_measures(rings, rng=rng),
            *_stated_measures(rings, rng=rng),
            *_gap_measures(rings, rng=rng),
            *self._order_measures([play for play in plays if play.scenario in pairs], pairs, rng=rng),
        ]

    def _order_measures(
        self, plays: Sequence[Play], pairs: dict[str, RingPair], *, rng: np.random.Generator
    ) -> list[Measure]:
        """Shares of plays that show at least each order; a play counts only when it is complete."""
        found, keys, odds = [], [], []
        chance_of = {name: pair.chance(allowance=self.allowance) for name, pair in pairs.items()}
        for play in plays:
            pair = pairs[play.scenario]
            choices = np.full((2, pair.num_players), -1)
            for row in play.rows:
                choices[int(numbers(row, "game")), int(numbers(row, "position"))] = row.action
            if (choices >= 0).all():
                found.append(int(pair.orders(choices, allowance=self.allowance)))
                keys.append(cluster(play))
                odds.append(chance_of[play.scenario])
        shown = np.array(found)
        chances = np.mean(odds, axis=0) if odds else None
        deepest = max((pair.num_players for pair in pairs.values()), default=0)
        return [
            rate_measure(
                f"order {order} or more" if order else "fits some order",
                shown >= order,
                keys,
                rng=rng,
                chance=None if chances is None else float(chances[order + 1 :].sum()),
                group="order of rationality",
            )
            for order in range(deepest + 1)
        ]


def _regime_measures(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """Rates of best responses: of order 1, and of order 2 by regime."""
    wanted: dict[str, tuple[int, Regime]] = {"takes its dominant action": (1, Regime.IMPLICIT)}
    wanted |= {f"best response, {regime.value} belief": (2, regime) for regime in Regime}
    return [
        _best_response_rate(name, _of(plays, *which), "utilities", rng=rng) for name, which in wanted.items()
    ]


def _of(plays: Sequence[Play], order: int, regime: Regime) -> list[tuple[Play, Row]]:
    """Actions of one order and regime."""
    return [
        (play, row)
        for play in plays
        for row in play.rows
        if row.aspect is Aspect.ACTION
        and row.action is not None
        and (row.facts["order"], row.facts["regime"]) == (order, regime.value)
    ]


def _best_response_rate(
    name: str, rows: Sequence[tuple[Play, Row]], fact: str, *, rng: np.random.Generator
) -> Measure:
    scores = score_actions(
        [numbers(row, fact) for _, row in rows],
        [row.action for _, row in rows if row.action is not None],
        scales=[float(numbers(row, "scale")) for _, row in rows],
    )
    chance = float(scores.chance_best.mean()) if rows else None
    keys = [cluster(play) for play, _ in rows]
    return rate_measure(name, scores.best, keys, rng=rng, chance=chance, group="action")


def _stated_measures(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """Whether stated beliefs are right, and whether they are acted on: wrong is not overlooked."""
    beliefs = [(play, row) for play in plays for row in play.rows if row.aspect is Aspect.BELIEF]
    said = np.array([stated(row) for _, row in beliefs]).reshape(-1, 2)
    right = guesses(said, [int(numbers(row, "happened")) for _, row in beliefs])
    odds = [1 / len(row.options) for _, row in beliefs]
    explicit = [(play, row) for play, row in _of(plays, 2, Regime.EXPLICIT) if "stated" in row.facts]
    return [
        mean_measure(
            "states the right belief",
            right,
            [cluster(play) for play, _ in beliefs],
            rng=rng,
            chance=float(np.mean(odds)) if odds else None,
            ideal=1.0,
            group="action",
            within=(0.0, 1.0),
        ),
        _best_response_rate("best response to own stated belief", explicit, "stated", rng=rng),
    ]


def _gap_measures(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """What stating the belief first, or being given it, adds to the rate of best responses.

    Pairs are the same ring, replicate and variant; the test averages variants and replicates of a ring before
    it flips signs, and p-values are Holm's over both gaps.
    """
    rates: dict[Regime, dict[tuple[str, int, str], float]] = {}
    for regime in Regime:
        rates[regime] = {
            (str(row.facts["ring"]), play.replicate, play.variant): float(
                row.action in numbers(row, "best").astype(int)
            )
            for play, row in _of(plays, 2, regime)
        }
    gaps, p_values = [], []
    for regime in (Regime.EXPLICIT, Regime.GIVEN):
        keys = [key for key in rates[regime] if key in rates[Regime.IMPLICIT]]
        first = np.array([rates[regime][key] for key in keys])
        second = np.array([rates[Regime.IMPLICIT][key] for key in keys])
        name = f"{regime.value} minus implicit belief"
        clusters = [key[0] for key in keys]
        gaps.append(
            mean_measure(
                name,
                first - second,
                clusters,
                rng=rng,
                chance=0.0,
                group="action",
                within=(-1.0, 1.0),
            )
        )
        names = list(dict.fromkeys(clusters))
        places = np.array([names.index(ring) for ring in clusters], dtype=np.int64)
        means = [np.bincount(places, values) / np.bincount(places) for values in (first, second)]
        p_values.append(paired_permutation(means[0], means[1], rng=rng))
    return [replace(gap, p_value=float(p)) for gap, p in zip(gaps, holm(p_values), strict=True)]


def action_part(
    *, rng: np.random.Generator, rings: int = 8, pairs: int = 2, num_players: int = 4, allowance: int = 1
) -> ActionPart:
    """Two-player rings in all regimes, and pairs of longer rings.

    Args:
        rng: draws the payoffs of all rings but the first.
        rings: two-player rings, of which the first is the re-implementation's.
        pairs: pairs of rings.
        num_players: of these.
        allowance: as in `ActionPart`.

    Raises:
        ValueError: a negative number of rings or pairs, or fewer than two players.
    """
    if rings < 0 or pairs < 0:
        raise ValueError(f"rings and pairs must be >= 0, got {rings} and {pairs}")
    games = [
        random_two_player_ring(rng=rng, name=f"ring {number}") if number else two_player_ring(name="ring 0")
        for number in range(rings)
    ]
    two = [RingScenario(game, 0, regime) for game in games for regime in Regime]
    two += [RingScenario(game, 1) for game in games]
    longer = [
        RingPairScenario(
            f"ring-pair({number}, {num_players} players)",
            random_ring_pair(rng=rng, num_players=num_players, name=f"ring pair {number}, game"),
        )
        for number in range(pairs)
    ]
    return ActionPart(tuple(two), tuple(longer), allowance)
