"""The suite of repeated games against scripted opponents: does a player find out whom it meets, and use it?

Prisoner's dilemma, stag hunt, chicken and battle of the sexes are played for a number of rounds that is told,
and for one that is not: each round is then followed by another with a fixed probability. The opponents are
machines (`games.social.machines`), so the worth of every action, with best play afterwards, is exact. What a
player lost in its choices adds up, in expectation, to what it earned less than the best reply to the machine
would have: choices are scored, and not luck.

In some plays the next action of the opponent is forecast every round, apart from the player's own action, and
compared with a Bayesian's forecast who holds all machines equally likely.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.normal_form import catalogue
from games.normal_form.game import NormalFormGame
from games.social.machines import (
    Machine,
    Worth,
    alternating,
    always,
    coin,
    grim,
    tit_for_tat,
    win_stay_lose_shift,
    worth_of_continuing,
    worth_of_rounds,
)
from games.social.patterns import PatternFamily
from games.text.questions import Aspect
from games.text.situations import Joint, MatrixSituation
from solvers.rationality.metrics.actions import optimal_set
from solvers.rationality.scenarios import Answer, Json, Measure, Play, Row, Table
from solvers.rationality.suites.repeated_scores import score_repeated

_TIE = 1e-9  # of the payoff range per round
_OPEN = 3  # machines that are also met for an unknown number of rounds: those that remember


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedScenario:
    """Rounds of a game with two actions each against a machine, which has the second seat.

    Attributes:
        name: distinct within the suite.
        game: payoffs of a round.
        machine: the opponent.
        rounds: how many, None where they end by chance and the player is not told.
        continuation: probability of another round where they do.
        worth: what actions are worth.
        family: the machines that a Bayesian thinks possible.
        forecasts: whether the opponent's action is forecast too.
    """

    name: str
    game: NormalFormGame
    machine: Machine
    rounds: int | None
    continuation: float
    worth: Worth
    family: PatternFamily
    forecasts: bool

    @property
    def seats(self) -> int:
        """One: the machine belongs to the scenario."""
        return 1

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """All rounds; their number and the machine's luck are drawn before the first."""
        length = self.rounds or int(rng.geometric(1 - self.continuation))
        luck = rng.random(length)
        history: tuple[Joint, ...] = ()
        answers: list[tuple[Answer | None, Answer]] = []
        state = 0
        for number in range(length):
            situation = MatrixSituation(self.game, 0, history, self.rounds)
            forecast = None
            if self.forecasts:
                forecast, answer = await asyncio.gather(
                    table.ask(0, situation, aspect=Aspect.BELIEF, about=1), table.ask(0, situation)
                )
            else:
                answer = await table.ask(0, situation)
            answers.append((forecast, answer))
            move = 0 if answer.action is None else answer.action
            history = (*history, (move, int(luck[number] >= self.machine.laws[state, 0])))
            state = int(self.machine.following[state, move])
        return self._rows(answers, np.array(history))

    def _rows(self, answers: Sequence[tuple[Answer | None, Answer]], joints: NDArray[np.int64]) -> list[Row]:
        moves, seen = joints.T
        states = self.machine.states(moves)
        posteriors = self.family.predictives(moves[:-1], seen[:-1]) if self.forecasts else None
        rows: list[Row] = []
        for number, (forecast, answer) in enumerate(answers):
            worths = self.worth.of(number, int(states[number]))
            facts: dict[str, Json] = {
                "game": self.game.name,
                "opponent": self.machine.name,
                "told": self.rounds is not None,
                "round": number,
                "happened": int(seen[number]),
            }
            if forecast is not None and posteriors is not None:
                expected = facts | {"posterior": posteriors[number].tolist()}
                options = self.game.actions[1]
                rows.append(Row.of(len(rows), 0, forecast, options, expected, Aspect.BELIEF))
            facts |= {
                "utilities": worths.tolist(),
                "best": optimal_set(worths, scale=self.game.payoff_range, tolerance=_TIE * len(answers)),
                "range": float(np.ptp(worths)),
                "scale": self.game.payoff_range,
                "payoff": float(self.game.payoffs[0, moves[number], seen[number]]),
                "ceiling": self.worth.best,
                "floor": self.worth.chance,
            }
            rows.append(Row.of(len(rows), 0, answer, self.game.actions[0], facts))
        return rows


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """Repeated games and their figures.

    Attributes:
        scenarios: what is played.
        name: as the command line calls it.
        baselines: specs of scripted players for comparison.
    """

    scenarios: Sequence[RepeatedScenario]
    name: str = "repeated"
    baselines: tuple[str, ...] = (
        "scripted:uniform",
        "scripted:tit-for-tat",
        "scripted:fictitious-play",
        "scripted:rational",
    )

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """See `solvers.rationality.suites.repeated_scores.score_repeated`."""
        return score_repeated(plays, rng=rng)


def repeated_games() -> tuple[NormalFormGame, ...]:
    """The games that are repeated; in the first three the first action is the kind one."""
    return (
        catalogue.prisoners_dilemma(),
        catalogue.stag_hunt(),
        catalogue.chicken(),
        catalogue.battle_of_the_sexes(),
    )


def machines_of(game: NormalFormGame) -> tuple[Machine, ...]:
    """The opponents in the second seat of a game with two actions each."""
    return (
        tit_for_tat(),
        grim(),
        win_stay_lose_shift(game.payoffs[1]),
        always(0),
        always(1),
        alternating(),
        coin(),
    )


def repeated(*, rounds: int = 10, continuation: float = 0.9) -> Repeated:
    """The suite: 28 plays of known length, 12 of unknown length, and 14 with forecasts.

    Against the first three machines the number of rounds is also left open. Forecasts are asked in the
    prisoner's dilemma and in the battle of the sexes. With the defaults a play of everything is some 680
    questions.

    Args:
        rounds: where they are told, >= 2.
        continuation: probability of another round where they are not, in [0, 1).

    Raises:
        ValueError: an argument out of range.
    """
    if rounds < 2 or not 0 <= continuation < 1:
        raise ValueError(f"rounds must be >= 2, and continuation in [0, 1), got {rounds} and {continuation}")
    scenarios = []
    for game in repeated_games():
        machines = machines_of(game)
        family = PatternFamily(machines, np.ones(len(machines)))
        asked = game.name in ("prisoners-dilemma", "battle-of-the-sexes")
        for place, machine in enumerate(machines):
            name = f"repeated({game.name}, {machine.name}, "
            known = worth_of_rounds(machine, game.payoffs[0], rounds)
            scenarios += [
                RepeatedScenario(
                    f"{name}{rounds} rounds{what})", game, machine, rounds, 0.0, known, family, told
                )
                for told, what in ((False, ""), (True, ", forecasts"))
                if asked or not told
            ]
            if place < _OPEN:
                worth = worth_of_continuing(machine, game.payoffs[0], continuation)
                scenarios.append(
                    RepeatedScenario(
                        f"{name}more with {continuation:g})",
                        game,
                        machine,
                        None,
                        continuation,
                        worth,
                        family,
                        False,
                    )
                )
    return Repeated(tuple(scenarios))
