r"""What a player would do in a situation, as a distribution: weighed where it can say so, else sampled.

Of n answers, n_a of them for option a of k, the estimate is the mean under a Dirichlet prior of weight c,

.. math::  \hat\pi(a) = \frac{n_a + c / k}{n + c} ,

which leaves no option at zero and is uniform without answers. Its error falls as :math:`1 / \sqrt n`. A
language model that is weighed must answer at once, and one that is sampled may think first: these are two
policies.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, TypeGuard

import numpy as np

from games.text.decisions import Decision, Outcome
from games.text.questions import Aspect, Question
from marl.players.protocol import Player, WeighingPlayer

_LASTING = frozenset({Outcome.REJECTED, Outcome.BUDGET})
"""Failures that asking again at once does not cure."""


class UnansweredError(RuntimeError):
    """A player left more situations without any answer than the caller tolerates."""


class Source(StrEnum):
    """How a distribution came about."""

    FORCED = "there was one option only, and nothing was asked"
    WEIGHED = "the player said how likely it takes each option"
    SAMPLED = "answers were counted"
    SUBSTITUTED = "no answer came, and uniform play stands in"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a player showed in one situation.

    Attributes:
        probabilities: one per option, summing to one.
        source: how they came about.
        counts: answers for each option; zeros where none was sampled.
        failures: of questions without an answer, those about probabilities first.
        mass: probability of answering with an option at all: as `marl.players.Weights.mass` where weighed,
            the share of questions answered where sampled.
    """

    probabilities: tuple[float, ...]
    source: Source
    counts: tuple[int, ...]
    failures: tuple[Outcome, ...] = ()
    mass: float = 1.0


class Elicitation(Protocol):
    """A way to find out how a player mixes over the options of a question."""

    async def show(self, player: Player, question: Question) -> Shown:
        """Ask the player, as often as need be; a function of the arguments where the player is one.

        Raises:
            ValueError: the question is about a belief.
        """


@dataclass(frozen=True, slots=True)
class Sampling:
    """Counts answers, each to a question with a seed of its own.

    A player that is refused, or has no budget left, is not asked again in the same situation.

    Attributes:
        answers: how many are asked for, >= 1.
        prior: c, the weight of the prior in answers, > 0.
    """

    answers: int = 16
    prior: float = 1.0

    def __post_init__(self) -> None:
        if self.answers < 1:
            raise ValueError(f"answers must be >= 1, got {self.answers}")
        if not 0 < self.prior < math.inf:
            raise ValueError(f"prior must be positive and finite, got {self.prior}")

    async def show(self, player: Player, question: Question) -> Shown:
        """See `Elicitation.show`."""
        _check(question)
        decisions = [await self._ask(player, question, 0)]
        if decisions[0].outcome not in _LASTING:
            rest = (self._ask(player, question, k) for k in range(1, self.answers))
            decisions += await asyncio.gather(*rest)
        taken = Counter(decision.action for decision in decisions if decision.action is not None)
        size = len(question.options)
        counts, total = tuple(taken[option] for option in range(size)), taken.total()
        return Shown(
            tuple((n + self.prior / size) / (total + self.prior) for n in counts),
            Source.SAMPLED if total else Source.SUBSTITUTED,
            counts,
            tuple(decision.outcome for decision in decisions if decision.action is None),
            total / len(decisions),
        )

    async def _ask(self, player: Player, question: Question, number: int) -> Decision:
        words = np.random.SeedSequence([question.seed, number]).generate_state(2)
        return await player.decide(replace(question, seed=int(words[0]) << 31 | int(words[1]) >> 1))


@dataclass(frozen=True, slots=True)
class Weighing:
    """Takes the probabilities that a player says, and another way where it says none.

    Attributes:
        otherwise: for players that cannot weigh, and where weighing failed.
    """

    otherwise: Elicitation = field(default_factory=Sampling)

    async def show(self, player: Player, question: Question) -> Shown:
        """See `Elicitation.show`."""
        _check(question)
        if not can_weigh(player):
            return await self.otherwise.show(player, question)
        weights = await player.weigh(question)
        if weights.probabilities is None:
            shown = await self.otherwise.show(player, question)
            return replace(shown, failures=(weights.outcome, *shown.failures))
        return Shown(weights.probabilities, Source.WEIGHED, (0,) * len(question.options), (), weights.mass)


def can_weigh(player: Player) -> TypeGuard[WeighingPlayer]:
    """Whether a player has a way to say its probabilities; a model behind it may still know none."""
    return callable(getattr(player, "weigh", None))


def _check(question: Question) -> None:
    if question.aspect is not Aspect.ACTION:
        raise ValueError(f"question must be about an action, got one about a {question.aspect}")


@dataclass(frozen=True, slots=True)
class Answers:
    """How the answers of a player in many situations came about.

    Attributes:
        sources: how many situations there are of each `Source`; those without any are left out.
        failures: how many questions ended in each kind of failure; those that did not occur are left out.
        substituted: names of the situations in which uniform play stands in.
        least_mass: the least `Shown.mass` of all situations.
    """

    sources: Mapping[Source, int]
    failures: Mapping[Outcome, int]
    substituted: tuple[str, ...]
    least_mass: float

    @classmethod
    def of(cls, shown: Sequence[tuple[str, Shown]]) -> "Answers":
        """Count what was shown, by name of the situation."""
        return cls(
            Counter(one.source for _, one in shown),
            Counter(outcome for _, one in shown for outcome in one.failures),
            tuple(name for name, one in shown if one.source is Source.SUBSTITUTED),
            min((one.mass for _, one in shown), default=1.0),
        )

    @property
    def asked(self) -> int:
        """Situations with a choice."""
        return sum(count for source, count in self.sources.items() if source is not Source.FORCED)

    def refuse(self, player: str, tolerated: float) -> None:
        """Refuse too many situations without an answer.

        Args:
            player: its name, for the message.
            tolerated: the greatest share of the situations with a choice, in [0, 1].

        Raises:
            UnansweredError: there are more.
        """
        missing = len(self.substituted)
        if missing > tolerated * self.asked:
            causes = ", ".join(f"{count} x {outcome.name}" for outcome, count in self.failures.items())
            raise UnansweredError(
                f"{player} gave no answer in {missing} of {self.asked} situations, first at "
                f"{self.substituted[0]!r} ({causes}); tolerated is a share of {tolerated:g}, in which "
                "uniform play would stand in and be counted"
            )


def check_tolerated(tolerated: float) -> None:
    """Refuse a share outside [0, 1].

    Raises:
        ValueError: as said.
    """
    if not 0 <= tolerated <= 1:
        raise ValueError(f"tolerated must lie in [0, 1], got {tolerated!r}")
