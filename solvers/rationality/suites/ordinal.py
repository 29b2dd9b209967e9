"""The suite of the 144 ordinal games: is a player rational, and does it expect others to be?

Both seats of every game are asked, apart from each other. What can be right follows from the ranks alone:
a dominant action, or the best reply to the other's dominant one. Actions in the support of some equilibrium
are the rationalizable ones here (`games.social.ordinal`), so one figure is both. In games with two equilibria
or none every action is rationalizable, and what players do there is told without an ideal.

In some games with a dominant action the belief about the other is asked first, in the same conversation.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.social.ordinal import OrdinalGame, StrategicClass, ordinal_games
from games.text.questions import Aspect
from games.text.situations import MatrixSituation
from solvers.rationality.metrics.actions import expected_utilities, optimal_set
from solvers.rationality.metrics.beliefs import guesses
from solvers.rationality.metrics.levels import level_k
from solvers.rationality.metrics.rationalizability import eliminate_strictly
from solvers.rationality.scenarios import Json, Measure, Play, Row, Table
from solvers.rationality.statistics import mean_measure, rate_measure
from solvers.rationality.suites.agreement import actions_with, agreement, best_responses
from solvers.rationality.suites.facts import cluster, numbers, stated

_SCALE = 3.0  # ranks go from 1 to 4

Rule = Callable[[NormalFormGame, int], tuple[int, ...]]


def _own(game: NormalFormGame, seat: int) -> NDArray[np.float64]:
    """Payoffs by own action, then the other's."""
    return np.moveaxis(game.payoffs[seat], seat, 0)


def _level_two(game: NormalFormGame, seat: int) -> tuple[int, ...]:
    return tuple(np.flatnonzero(level_k(game, 2)[2][seat]).tolist())


_RULES: MappingProxyType[str, Rule] = MappingProxyType(
    {
        "maximin": lambda game, seat: optimal_set(_own(game, seat).min(axis=1)),
        "maximax": lambda game, seat: optimal_set(_own(game, seat).max(axis=1)),
        "level 2": _level_two,
        "greatest total": lambda game, seat: optimal_set(
            np.moveaxis(game.payoffs.sum(axis=0), seat, 0).max(axis=1)
        ),
    }
)
"""Ways to decide without elimination; each may allow several actions. Level 1 is left out: wherever it is
sure, maximin and maximax say the same."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seat:
    """A seat of a game and what is known about it.

    Attributes:
        situation: what the player sees.
        facts: for the rows of its actions.
        other: position of the other's only rationalizable action, None where it has two.
    """

    situation: MatrixSituation
    facts: dict[str, Json]
    other: int | None

    @classmethod
    def of(cls, source: OrdinalGame, seat: int) -> "_Seat":
        """Compute what is right and what rules say."""
        game, left, better = source.game, source.elimination, source.payoff_dominant
        rationalizable = eliminate_strictly(game).rationalizable[seat]
        facts: dict[str, Json] = {
            "number": source.number,
            "class": source.strategic_class.value,
            "dilemma": source.is_dilemma,
            "position": seat,
            "order": left.orders[seat],
            "rationalizable": rationalizable,
            "equilibria": source.pure_equilibria,
            "payoff_dominant": None if better is None else (better[seat],),
            "scale": _SCALE,
        }
        facts |= {rule: allowed(game, seat) for rule, allowed in _RULES.items()}
        others = left.surviving[1 - seat]
        if len(rationalizable) == 1:
            utilities = _own(game, seat)[:, others[0]]
            best, reach = optimal_set(utilities), float(np.ptp(utilities))
            facts |= {"utilities": utilities.tolist(), "best": best, "range": reach}
        return cls(MatrixSituation(game, seat), facts, others[0] if len(others) == 1 else None)


@dataclass(frozen=True, slots=True, eq=False)
class OrdinalScenario:
    """Both seats of a game, each asked apart.

    Attributes:
        source: the game as it is arranged.
        both: what is known of its seats.
    """

    source: OrdinalGame
    both: tuple[_Seat, _Seat]

    @property
    def name(self) -> str:
        """The game's number."""
        return f"ordinal({self.source.number})"

    @property
    def seats(self) -> int:
        """One: the same player sits in both, and never learns what it did in the other."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """Ask for both actions at once; nothing is drawn."""
        answers = await asyncio.gather(*(table.ask(0, seat.situation) for seat in self.both))
        return [
            Row.of(step, 0, answer, seat.situation.options, seat.facts)
            for step, (answer, seat) in enumerate(zip(answers, self.both, strict=True))
        ]


@dataclass(frozen=True, slots=True, eq=False)
class OrdinalBelief:
    """One seat that is asked for its belief about the other before its action.

    Attributes:
        source: a game in which the other has one rationalizable action.
        seat: what is known of the seat.
    """

    source: OrdinalGame
    seat: _Seat

    @property
    def name(self) -> str:
        """The game's number and the seat."""
        return f"ordinal({self.source.number}, belief of seat {self.seat.situation.seat})"

    @property
    def seats(self) -> int:
        """One."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """Ask twice, in one conversation; nothing is drawn.

        Raises:
            ValueError: the other has two rationalizable actions.
        """
        situation, move = self.seat.situation, self.seat.other
        if move is None:
            raise ValueError(f"source must leave the other one action, got game {self.source.number}")
        about = 1 - situation.seat
        options = situation.options_of(about)
        belief = await table.ask(0, situation, aspect=Aspect.BELIEF, about=about)
        earlier = () if belief.exchange is None else (belief.exchange,)
        answer = await table.ask(0, situation, earlier=earlier)
        expected: dict[str, Json] = {
            "other_order": self.source.elimination.orders[about],
            "posterior": np.eye(len(options))[move].tolist(),
            "happened": move,
        }
        facts = dict(self.seat.facts)
        if belief.belief is not None:
            payoffs = _own(situation.game, situation.seat)
            facts["stated"] = expected_utilities(payoffs, belief.belief).tolist()
        return [
            Row.of(0, 0, belief, options, expected, Aspect.BELIEF),
            Row.of(1, 0, answer, situation.options, facts),
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Ordinal:
    """Ordinal games and their figures.

    Attributes:
        scenarios: what is played.
        name: as the command line calls it.
        baselines: specs of scripted players for comparison.
    """

    scenarios: Sequence[OrdinalScenario | OrdinalBelief]
    name: str = "ordinal2x2"
    baselines: tuple[str, ...] = (
        "scripted:uniform",
        "scripted:level1",
        "scripted:level2",
        "scripted:rational",
    )

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """Rationality by order and class, coordination, beliefs, and agreement with simple rules."""
        asked = {s.name for s in self.scenarios if isinstance(s, OrdinalBelief)}
        first = [play for play in plays if play.scenario in asked]
        alone = [play for play in plays if play.scenario not in asked]
        return [
            *_reasoning(alone, rng=rng),
            *_coordination(alone, rng=rng),
            *_beliefs(first, rng=rng),
            *_rules(alone, rng=rng),
        ]


def _reasoning(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    rows = actions_with(plays, "rationalizable")
    wanted: dict[str, list[tuple[Play, Row]]] = {
        "takes a rationalizable action": rows,
        "takes its dominant action": [e for e in rows if e[1].facts["order"] == 1],
        "takes the best reply to a dominant action": [e for e in rows if e[1].facts["order"] == 2],
    }
    for kind in (StrategicClass.BOTH_DOMINANT, StrategicClass.ONE_DOMINANT):
        chosen = [e for e in rows if e[1].facts["class"] == kind.value]
        wanted[f"rationalizable where {kind.value}"] = chosen
    wanted["rationalizable although both would gain elsewhere"] = [e for e in rows if e[1].facts["dilemma"]]
    return [
        agreement(name, chosen, "rationalizable", rng=rng, group="reasoning")
        for name, chosen in wanted.items()
    ]


def _coordination(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """In games with two equilibria; ranks give no ideal there."""
    group, rows = "coordination", actions_with(plays, "payoff_dominant")
    measures = [
        agreement(
            "takes its part of the better equilibrium",
            rows,
            "payoff_dominant",
            rng=rng,
            ideal=None,
            group=group,
        )
    ]
    two = StrategicClass.TWO_EQUILIBRIA.value
    pairs = [play for play in plays if len(play.rows) == 2 and play.rows[0].facts["class"] == two]
    for name, better in (("the better", True), ("no better", False)):
        chosen = [p for p in pairs if (p.rows[0].facts["payoff_dominant"] is not None) is better]
        measures.append(
            rate_measure(
                f"meets itself in an equilibrium where {name} one exists",
                [_met(play) for play in chosen],
                [cluster(play) for play in chosen],
                rng=rng,
                chance=0.5,
                ideal=None,
                group=group,
            )
        )
    return measures


def _met(play: Play) -> bool:
    """Whether the actions in both seats make up an equilibrium."""
    cells = numbers(play.rows[0], "equilibria").astype(int).tolist()
    return [row.action for row in play.rows] in cells


def _beliefs(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    beliefs = [(p, r) for p in plays for r in p.rows if r.aspect is Aspect.BELIEF]
    measures = []
    for order, what in ((1, "its dominant action"), (2, "the best reply to one's own")):
        chosen = [(p, r) for p, r in beliefs if r.facts["other_order"] == order]
        said = np.array([stated(r) for _, r in chosen]).reshape(-1, 2)
        measures.append(
            mean_measure(
                f"expects the other to take {what}",
                guesses(said, [int(numbers(r, "happened")) for _, r in chosen]),
                [cluster(p) for p, _ in chosen],
                rng=rng,
                chance=0.5,
                ideal=1.0,
                group="beliefs",
                within=(0.0, 1.0),
            )
        )
    rows = actions_with(plays, "stated")
    measures.append(
        best_responses("best response to own stated belief", rows, "stated", rng=rng, group="beliefs")
    )
    return measures


def _rules(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    return [
        agreement(
            f"agrees with {rule}",
            actions_with(plays, rule),
            rule,
            rng=rng,
            ideal=None,
            group="rules",
        )
        for rule in _RULES
    ]


def ordinal2x2(*, games: int = 144, beliefs: int = 24, seed: int = 144) -> Ordinal:
    """The suite; with the defaults a play of everything is 336 questions.

    Args:
        games: how many of the 144 games, drawn without replacement.
        beliefs: in how many of these the belief is asked too, as far as there are enough; those in which the
            other has a dominant action and those in which it must reply to one take turns.
        seed: of what is drawn: games, seats, and in which order rows and columns stand.

    Raises:
        ValueError: an argument out of range.
    """
    if not 1 <= games <= len(ordinal_games()) or beliefs < 0:
        raise ValueError(f"need 1 <= games <= 144 and beliefs >= 0, got {games} and {beliefs}")
    rng = np.random.default_rng(seed)
    numbers_drawn = np.sort(rng.permutation(len(ordinal_games()))[:games])
    swaps = rng.integers(2, size=(games, 2)).astype(bool).tolist()
    sources = [
        ordinal_games()[number].arranged(swap_rows=rows, swap_columns=columns)
        for number, (rows, columns) in zip(numbers_drawn.tolist(), swaps, strict=True)
    ]
    both = [OrdinalScenario(s, (_Seat.of(s, 0), _Seat.of(s, 1))) for s in sources]
    places = [(one, seat) for one in both for seat in (0, 1)]
    by_order: dict[int, list[OrdinalBelief]] = {1: [], 2: []}
    for index in rng.permutation(len(places)).tolist():
        one, seat = places[index]
        order = one.source.elimination.orders[1 - seat]
        if order is not None:
            by_order[order].append(OrdinalBelief(one.source, one.both[seat]))
    half = min(beliefs // 2, len(by_order[2]))
    chosen = [*by_order[2][:half], *by_order[1][: beliefs - half]]
    return Ordinal((*both, *chosen))
