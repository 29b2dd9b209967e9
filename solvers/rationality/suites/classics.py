"""The suite of behavioural classics: games played once, whose puzzle is what people do in them.

Nothing is told about the others, so there are three standards. Dominated actions, those that are not
rationalizable and those in the support of no known equilibrium are mistakes of growing subtlety. Losses
against an equilibrium say what a choice costs among players who are all rational. Losses against a population
of mixed levels of reasoning, computed from a cognitive hierarchy, say what it costs among players who are
not. Rates and mean numbers, such as guesses and claims, are given for each game beside the equilibrium's.

Two models are fitted to all choices together: a mixture of levels of reasoning and equilibrium play, and the
precision of a logit equilibrium in units of each game's payoff range.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.text.situations import MatrixSituation
from solvers.rationality.keys.one_shot import OneShotKey, one_shot_key
from solvers.rationality.metrics.actions import optimal_set, score_actions
from solvers.rationality.metrics.levels import fit_mixture
from solvers.rationality.metrics.quantal import fit_quantal_response
from solvers.rationality.scenarios import Json, Measure, Play, Row, Table
from solvers.rationality.statistics import mean_measure, rate_measure
from solvers.rationality.suites.agreement import actions_with, agreement
from solvers.rationality.suites.classics_list import Classic, classic_games
from solvers.rationality.suites.facts import cluster, numbers

_TYPES = 3  # levels 1 to this number, and equilibrium, are told apart
_SURE = 1e-6  # of probability: what rounding leaves beside a pure action
_MOST_CELLS = 9  # of a game to which a logit equilibrium is fitted: larger ones take seconds


@dataclass(frozen=True, slots=True, eq=False)
class ClassicScenario:
    """One seat of a classic.

    Attributes:
        classic: the game.
        seat: who is asked.
    """

    classic: Classic
    seat: int

    @property
    def name(self) -> str:
        """The game, and the seat where several are asked."""
        return self.classic.name + (f"[seat {self.seat}]" if len(self.classic.seats) > 1 else "")

    @property
    def seats(self) -> int:
        """One: nobody else need be there."""
        return 1

    @property
    def key(self) -> OneShotKey:
        """What can be computed of the game; kept."""
        return one_shot_key(self.classic.game)

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """Ask once; nothing is drawn."""
        situation = MatrixSituation(self.classic.game, self.seat)
        answer = await table.ask(0, situation)
        return [Row.of(0, 0, answer, situation.options, _facts(self.classic.game, self.seat))]

    @property
    def values(self) -> NDArray[np.float64]:
        """The number that each action stands for, in a game with numbers."""
        return np.array([float(label) for label in self.classic.game.actions[self.seat]])

    @property
    def expected(self) -> NDArray[np.float64] | None:
        """How likely each action is in the one equilibrium that is known, None if several are."""
        equilibria = self.key.equilibria
        return equilibria[0][self.seat] if len(equilibria) == 1 else None

    @property
    def solution(self) -> int | None:
        """The action of the one equilibrium that is known, None if it is mixed or there are several."""
        expected = self.expected
        return None if expected is None or expected.max() < 1 - _SURE else int(expected.argmax())


@lru_cache(maxsize=256)
def _facts(game: NormalFormGame, seat: int) -> dict[str, Json]:
    key = one_shot_key(game)
    survived = key.elimination.survived[seat]
    utilities = key.against_population(seat)
    return {
        "undominated": np.flatnonzero(survived >= min(1, key.elimination.rounds)).tolist(),
        "rationalizable": key.elimination.rationalizable[seat],
        "support": key.supports(seat),
        "losses": key.equilibrium_losses(seat).tolist(),
        "utilities": utilities.tolist(),
        "best": optimal_set(utilities, scale=game.payoff_range),
        "range": float(np.ptp(utilities)),
        "scale": game.payoff_range,
    }


@dataclass(frozen=True, slots=True, eq=False)
class Classics:
    """Classics and their figures.

    Attributes:
        scenarios: what is played.
        name: as the command line calls it.
        baselines: specs of scripted players for comparison.
    """

    scenarios: Sequence[ClassicScenario]
    name: str = "classics"
    baselines: tuple[str, ...] = (
        "scripted:uniform",
        "scripted:level1",
        "scripted:level2",
        "scripted:equilibrium",
    )

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """Mistakes and losses over all games, fitted models, and each game's own figure."""
        own = {
            scenario: [play for play in plays if play.scenario == scenario.name]
            for scenario in self.scenarios
        }
        return [
            *_mistakes(plays, rng=rng),
            *_losses(plays, rng=rng),
            *_mixture(own),
            *_precision(own),
            *_kindness(own, rng=rng),
            *_numbers(own, rng=rng),
        ]


Plays = dict[ClassicScenario, list[Play]]


def _mistakes(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    wanted = {
        "takes an undominated action": "undominated",
        "takes a rationalizable action": "rationalizable",
        "takes an action of a known equilibrium": "support",
    }
    return [
        agreement(name, actions_with(plays, fact), fact, rng=rng, group="rationality")
        for name, fact in wanted.items()
    ]


def _losses(plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
    """Shares of what the worst action would lose."""
    wanted = {
        "loss against the nearest equilibrium": ("losses", -1.0),
        "loss against a population of levels": ("utilities", 1.0),
    }
    measures = []
    for name, (fact, sign) in wanted.items():
        rows = [(p, r, r.action) for p, r in actions_with(plays, fact) if r.action is not None]
        scores = score_actions(
            [sign * numbers(row, fact) for _, row, _ in rows],
            [action for _, _, action in rows],
            scales=[float(numbers(row, "scale")) for _, row, _ in rows],
        )
        told = scores.matters
        keys = [cluster(play) for (play, _, _), matters in zip(rows, told, strict=True) if matters]
        chance = float(scores.chance_normalised[told].mean()) if told.any() else None
        measures.append(
            mean_measure(
                name,
                scores.normalised[told],
                keys,
                rng=rng,
                chance=chance,
                ideal=0.0,
                group="rationality",
                within=(0.0, 1.0),
            )
        )
    return measures


def _told_apart(own: Plays) -> dict[ClassicScenario, NDArray[np.float64]]:
    """Predictions of levels 1 to 3 and of the one known equilibrium, (types, actions), where they differ."""
    found = {}
    for scenario in own:
        expected = scenario.expected
        if expected is not None:
            levels = [profile[scenario.seat] for profile in scenario.key.levels[1 : _TYPES + 1]]
            types = np.stack([*levels, expected])
            if np.ptp(types, axis=0).max() > 0.1:
                found[scenario] = types
    return found


def _mixture(own: Plays) -> list[Measure]:
    """A subject is a replicate in a variant: it keeps its type over all games."""
    types = _told_apart(own)
    subjects = sorted({(play.variant, play.replicate) for scenario in types for play in own[scenario]})
    choices = np.full((len(subjects), len(types)), -1)
    for column, scenario in enumerate(types):
        for play in own[scenario]:
            action = play.rows[0].action if play.rows else None
            if action is not None:
                choices[subjects.index((play.variant, play.replicate)), column] = action
    if not (choices >= 0).any():
        return []
    fit = fit_mixture(list(types.values()), choices)
    names = [*(f"share of level {level}" for level in range(1, _TYPES + 1)), "share of equilibrium play"]
    group, count = "fitted models", len(subjects)
    measures = [
        Measure(name, float(share), interval.low, interval.high, count, group=group)
        for name, share, interval in zip(names, fit.shares, fit.intervals, strict=True)
    ]
    error = Measure(
        "random choices beside them", fit.error, -np.inf, np.inf, count, chance=1.0, ideal=0.0, group=group
    )
    return [*measures, error]


def _precision(own: Plays) -> list[Measure]:
    """Counts of small games with one known equilibrium, whose payoffs are scaled to a range of one."""
    games: dict[int, tuple[NormalFormGame, list[NDArray[np.float64]]]] = {}
    for scenario, plays in own.items():
        game = scenario.classic.game
        if scenario.expected is None or game.payoffs[0].size > _MOST_CELLS:
            continue
        scaled = replace(game, payoffs=game.payoffs / game.payoff_range)
        _, counts = games.setdefault(id(game), (scaled, [np.zeros(size) for size in game.num_actions]))
        for play in plays:
            for row in play.rows:
                if row.action is not None:
                    counts[scenario.seat][row.action] += 1
    if not any(count.sum() for _, counts in games.values() for count in counts):
        return []
    fit = fit_quantal_response([game for game, _ in games.values()], [counts for _, counts in games.values()])
    return [
        Measure(
            "precision of a logit equilibrium, per payoff range",
            fit.precision,
            fit.interval.low,
            fit.interval.high,
            fit.count,
            chance=0.0,
            group="fitted models",
        )
    ]


def _kindness(own: Plays, *, rng: np.random.Generator) -> list[Measure]:
    measures = []
    for scenario, plays in own.items():
        kind = scenario.classic.kind
        if kind is None or not plays:
            continue
        options = scenario.classic.game.actions[scenario.seat]
        place, solution = options.index(kind), scenario.solution
        rows = actions_with(plays, "scale")
        measures.append(
            rate_measure(
                f"{kind}, {scenario.name}",
                [row.action == place for _, row in rows],
                [cluster(play) for play, _ in rows],
                rng=rng,
                chance=1 / len(options),
                ideal=None if solution is None else float(solution == place),
                group="cooperation",
            )
        )
    return measures


def _numbers(own: Plays, *, rng: np.random.Generator) -> list[Measure]:
    measures = []
    for scenario, plays in own.items():
        figure = scenario.classic.figure
        if not figure or not plays:
            continue
        values, solution = scenario.values, scenario.solution
        rows = [(play, row.action) for play, row in actions_with(plays, "scale") if row.action is not None]
        measures.append(
            mean_measure(
                f"{figure}, {scenario.name}",
                [values[action] for _, action in rows],
                [cluster(play) for play, _ in rows],
                rng=rng,
                chance=float(values.mean()),
                ideal=None if solution is None else float(values[solution]),
                group="numbers",
                within=(float(values.min()), float(values.max())),
            )
        )
    return measures


def classics(*, claims: int = 20, guesses: int = 100) -> Classics:
    """The suite; a play of everything is 33 questions, and models fit better the more replicates there are.

    Args:
        claims: greatest claim of the traveller's dilemma.
        guesses: greatest guess of the two-person guessing game.

    Raises:
        ValueError: an argument out of range.
    """
    games = classic_games(claims=claims, guesses=guesses)
    return Classics(tuple(ClassicScenario(game, seat) for game in games for seat in game.seats))
