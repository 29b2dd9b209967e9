"""Scenarios: what is played, by protocols that a suite implements and a run calls.

A scenario asks a `Table`, never a player: the table puts each question in the wording and under the labels of
the variant, translates the answer back, and replaces a missing action by a marked random one, so that play
goes on. What a scenario gives back are rows, one per question, as plain data that a file keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np

from games.text.decisions import Decision
from games.text.questions import Aspect, Exchange
from games.text.situations import Situation

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
"""What a JSON file holds; finite numbers only."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question, in the scenario's own order of options.

    Attributes:
        action: the action to play, always there for a question about an action.
        belief: probabilities over the options, or None where none was given.
        decision: what the player decided, under the scenario's labels; without an answer, why.
        substituted: whether ``action`` is a random legal one in place of a missing answer.
        exchange: the question and the reply in words, for a later question of the same conversation; None
            for players that compute.
    """

    action: int | None
    belief: tuple[float, ...] | None
    decision: Decision
    substituted: bool = False
    exchange: Exchange | None = None


class Table(Protocol):
    """Who sits where, in one play of a scenario."""

    async def ask(
        self,
        seat: int,
        situation: Situation,
        *,
        aspect: Aspect = Aspect.ACTION,
        about: int | None = None,
        earlier: tuple[Exchange, ...] = (),
    ) -> Answer:
        """Ask whoever sits in ``seat`` (of the scenario's ``seats``)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question and its answer, as data.

    Attributes:
        step: counts questions within a play, from 0.
        seat: who was asked, of the scenario's seats.
        aspect: what was asked.
        options: labels that the answer is about.
        action: position of the action taken, None for a belief.
        belief: probabilities over the options, None for an action or a missing belief.
        outcome: name of the `Outcome` of the last attempt.
        attempts: replies that were read; 0 for players that compute.
        first: name of the `Outcome` of the first attempt.
        substituted: whether the action is a random legal one in place of a missing answer.
        facts: what metrics need to know of the question, computed apart from the player.
    """

    step: int
    seat: int
    aspect: Aspect
    options: tuple[str, ...]
    action: int | None
    belief: tuple[float, ...] | None
    outcome: str
    attempts: int
    first: str
    substituted: bool
    facts: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        step: int,
        seat: int,
        answer: Answer,
        options: tuple[str, ...],
        facts: Mapping[str, Json],
        aspect: Aspect = Aspect.ACTION,
    ) -> "Row":
        """The row of an answer."""
        attempts = answer.decision.attempts
        outcome = answer.decision.outcome
        return cls(
            step,
            seat,
            aspect,
            options,
            answer.action,
            answer.belief,
            outcome.name,
            len(attempts),
            attempts[0].reading.outcome.name if attempts else outcome.name,
            answer.substituted,
            facts,
        )


class Scenario(Protocol):
    """Something that is played once per replicate and variant."""

    @property
    def name(self) -> str:
        """Names it within its suite, with every parameter that sets it apart."""

    @property
    def seats(self) -> int:
        """How many seats players take; opponents that belong to the scenario take none."""

    async def play(self, table: Table, rng: np.random.Generator) -> list[Row]:
        """One play. All chance of the scenario itself comes from ``rng``, the same for every player."""


@dataclass(frozen=True, slots=True)
class Play:
    """A finished play of one cell, as metrics get it.

    Attributes:
        player: name of the player in seat 0, whom the play is about.
        scenario: name of the scenario.
        variant: name of the variant.
        replicate: which repetition.
        rows: one per question.
        seating: names of the players by seat.
    """

    player: str
    scenario: str
    variant: str
    replicate: int
    rows: tuple[Row, ...]
    seating: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure about one player.

    Attributes:
        name: of what, such as "best response to own belief".
        value: the figure; NaN where there is nothing to measure.
        low: lower end of its interval.
        high: upper end of its interval.
        count: how many independent observations it rests on.
        chance: what uniform choice would get, None where that means nothing.
        ideal: what a perfectly rational player gets, None where that means nothing.
        confidence: at which the interval covers.
        group: heading under which a report shows it.
        p_value: of a test that the figure is ``chance``, corrected for the tests beside it; None without one.
    """

    name: str
    value: float
    low: float
    high: float
    count: int
    chance: float | None = None
    ideal: float | None = None
    confidence: float = 0.95
    group: str = ""
    p_value: float | None = None


class Suite(Protocol):
    """Scenarios that belong together, and what their plays say."""

    @property
    def name(self) -> str:
        """As the command line calls it."""

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """What is played."""

    @property
    def baselines(self) -> Sequence[str]:
        """Specs of scripted players that belong beside any player in a report."""

    def score(self, plays: Sequence[Play], *, rng: np.random.Generator) -> list[Measure]:
        """Figures about the one player whose ``plays`` these are.

        Args:
            plays: all plays of one player, in any order; some cells may be missing.
            rng: for resampling.
        """
