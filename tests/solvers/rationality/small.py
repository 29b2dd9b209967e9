"""A suite of two scenarios, and players that answer as they are told, for the tests of runs."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from games.normal_form.game import NormalFormGame
from games.text.decisions import Attempt, Decision, Outcome, Reading
from games.text.questions import Question
from games.text.situations import Joint, MatrixSituation
from solvers.rationality.scenarios import Measure, Play, Row, Table
from solvers.rationality.statistics import rate_measure

PENNIES = NormalFormGame.zero_sum([[1, -1], [-1, 1]], actions=[["heads", "tails"]] * 2, name="pennies")
HUNT = NormalFormGame.bimatrix(
    [[4, 0], [3, 3]], [[4, 3], [0, 3]], actions=[["stag", "hare"]] * 2, name="hunt"
)


@dataclass(frozen=True)
class Guessing:
    """Rounds of pennies against coins."""

    rounds: int = 3
    seats: int = 1

    @property
    def name(self) -> str:
        return f"guessing({self.rounds})"

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        coins = rng.integers(2, size=self.rounds)
        history: tuple[Joint, ...] = ()
        rows = []
        for step, coin in enumerate(coins.tolist()):
            situation = MatrixSituation(PENNIES, 0, history, self.rounds)
            answer = await table.ask(0, situation)
            assert answer.action is not None
            facts = {"utilities": PENNIES.payoffs[0][:, coin].tolist(), "coin": coin}
            rows.append(Row.of(step, 0, answer, situation.options, facts))
            history += ((answer.action, coin),)
        return rows


@dataclass(frozen=True)
class Hunting:
    """A stag hunt between two players."""

    name: str = "hunting"
    seats: int = 2

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        situations = [MatrixSituation(HUNT, seat) for seat in range(2)]
        answers = await asyncio.gather(*(table.ask(seat, s) for seat, s in enumerate(situations)))
        return [
            Row.of(seat, seat, answer, situations[seat].options, {"met": True})
            for seat, answer in enumerate(answers)
        ]


@dataclass(frozen=True)
class SmallSuite:
    """Both."""

    scenarios: Sequence[Guessing | Hunting] = (Guessing(), Hunting())
    name: str = "small"
    baselines: Sequence[str] = ()

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        rows = [(p, r) for p in plays for r in p.rows if "utilities" in r.facts]
        hits = [r.facts["utilities"][r.action] > 0 for _, r in rows]
        return [
            rate_measure("guessed", hits, [(p.scenario, p.replicate) for p, _ in rows], rng=rng, chance=0.5)
        ]


class Drawing:
    """Draws from the question's seed, after ``pause`` seconds."""

    def __init__(self, name: str, pause: float = 0.0) -> None:
        self.name = name
        self.pause = pause
        self.asked = 0

    async def decide(self, question: Question) -> Decision:
        self.asked += 1
        if self.pause:
            await asyncio.sleep(self.pause)
        digest = hashlib.sha256(f"{self.name} {question.seed}".encode()).digest()
        return Decision(action=digest[0] % len(question.options))


class Failing:
    """Ends every question in one outcome, or in those of a list in turn."""

    def __init__(self, *outcomes: Outcome, name: str = "failing") -> None:
        self.name = name
        self.outcomes = outcomes
        self.asked = 0

    async def decide(self, question: Question) -> Decision:
        outcome = self.outcomes[self.asked % len(self.outcomes)]
        self.asked += 1
        reading = Reading(outcome, action=0 if outcome is Outcome.ANSWERED else None)
        return Decision.of((Attempt(reading, f"reply <b>{self.asked}</b>", 10, 2),))


class Labelled:
    """Takes the action with a given label among the situation's, as it is shown."""

    def __init__(self, position: int) -> None:
        self.name = f"takes {position}"
        self.position = position
        self.seen: list[tuple[str, ...]] = []

    async def decide(self, question: Question) -> Decision:
        self.seen.append(question.options)
        return Decision(action=self.position)
