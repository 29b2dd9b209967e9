"""The table of one play: puts questions to the players in the words and labels of the variant."""

import math
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from games.text.decisions import Decision, Outcome
from games.text.questions import Aspect, Exchange, Question
from games.text.relabelling import Relabelling
from games.text.render import render
from games.text.situations import Situation
from marl.players.protocol import Player
from solvers.rationality.cells import Cell
from solvers.rationality.scenarios import Answer

_SUBSTITUTE = 1  # sets the draw of a missing action apart from what players draw from the same seed
_SUM_TOLERANCE = 1e-6  # how far from one the probabilities of a belief may sum
_MOST_WRITTEN = 200_000  # characters of a reply in a transcript
_MOST_SHOWN = 20_000  # characters of an earlier reply that a player sees again


class PlayTable:
    """Implements `solvers.rationality.scenarios.Table` for one cell.

    Questions to a seat are numbered in the order in which they are asked, so what a player draws repeats
    itself however fast the other seats answer.

    Args:
        cell: what is played, and how it is put.
        players: one per seat.
    """

    def __init__(self, cell: Cell, players: Sequence[Player]) -> None:
        self._cell = cell
        self._players = players
        self._asked: Counter[int] = Counter()
        self._said: dict[int, Mapping[str, Any]] = {}

    @property
    def transcript(self) -> list[Mapping[str, Any]]:
        """What was said, in the order of the questions: answers may come in any other."""
        return [self._said[step] for step in sorted(self._said)]

    async def ask(
        self,
        seat: int,
        situation: Situation,
        *,
        aspect: Aspect = Aspect.ACTION,
        about: int | None = None,
        earlier: tuple[Exchange, ...] = (),
    ) -> Answer:
        """See `Table.ask`.

        Raises:
            ValueError: what the player decided is no answer to the question.
        """
        step = self._asked.total()
        seed = self._cell.question_seed(seat, self._asked[seat])
        self._asked[seat] += 1
        variant = self._cell.variant
        labels = None
        if variant.relabelling is not None:
            labels = Relabelling.of(situation, variant.relabelling, naming=variant.naming)
        shown = situation if labels is None else labels.apply(situation)
        question = Question(shown, seed, aspect, about, variant.wording, earlier)
        player = self._players[seat]
        decision = checked(await player.decide(question), question, player.name)
        exchange = None
        if decision.attempts:
            exchange = self._write_down(step, seat, question, decision)
        if labels is not None:
            decision = _original(labels, decision, situation.seat if about is None else about)
        action, substituted = decision.action, False
        if aspect is Aspect.ACTION and action is None:
            options = len(question.options)
            action, substituted = int(np.random.default_rng([seed, _SUBSTITUTE]).integers(options)), True
        return Answer(action, decision.belief, decision, substituted, exchange)

    def _write_down(self, number: int, seat: int, question: Question, decision: Decision) -> Exchange:
        prompt = render(question)
        replies = [
            {
                "outcome": attempt.reading.outcome.name,
                "layer": None if attempt.reading.layer is None else attempt.reading.layer.name,
                "detail": attempt.reading.detail,
                "text": _shortened(attempt.text, _MOST_WRITTEN),
                "tokens": [attempt.prompt_tokens, attempt.completion_tokens],
            }
            for attempt in decision.attempts
        ]
        self._said[number] = {
            "step": number,
            "seat": seat,
            "system": prompt.system,
            "text": prompt.text,
            "replies": replies,
        }
        return Exchange(prompt.text, _shortened(decision.attempts[-1].text, _MOST_SHOWN))


def _shortened(text: str, most: int) -> str:
    """The beginning and the end of a text that is longer than ``most`` characters."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[{len(text) - 2 * half:,} characters are left out]\n{text[-half:]}"


def checked(decision: Decision, question: Question, who: str) -> Decision:
    """A decision that answers the question or says that it does not, in plain numbers.

    Players may be anybody's: what they give would otherwise pass for another option, or spoil the file.

    Args:
        decision: what the player gave.
        question: what it was asked.
        who: name of the player, for the message.

    Raises:
        ValueError: it is no `Decision`, or answers with something that is not among the options.
    """
    given: object = decision  # players need not be typed
    if not isinstance(given, Decision):
        raise ValueError(f"{who} must give a Decision, got {given!r:.80}")
    size = len(question.options)
    acts, believes = decision.action is not None, decision.belief is not None
    answered, other = (acts, believes) if question.aspect is Aspect.ACTION else (believes, acts)
    if other or answered != (decision.outcome is Outcome.ANSWERED):
        raise ValueError(
            f"{who} must give the {question.aspect} asked for if and only if it is ANSWERED, got action "
            f"{decision.action!r:.40}, belief {decision.belief!r:.80} and {decision.outcome.name}"
        )
    if acts:
        return replace(decision, action=_position(decision.action, size, who))
    return replace(decision, belief=_probabilities(decision.belief, size, who)) if believes else decision


def _position(action: object, size: int, who: str) -> int:
    try:
        position = -1 if isinstance(action, bool) else operator.index(action)  # type: ignore[arg-type]
    except TypeError:
        position = -1
    if not 0 <= position < size:
        raise ValueError(f"{who} must give an action in range({size}), got {action!r:.80}")
    return position


def _probabilities(belief: Any, size: int, who: str) -> tuple[float, ...]:  # noqa: ANN401  (as it came)
    try:
        values = tuple(float(p) for p in belief)
    except (TypeError, ValueError):
        values = ()
    sound = len(values) == size and all(0 <= p <= 1 + _SUM_TOLERANCE for p in values)
    if not sound or not abs(math.fsum(values) - 1) <= _SUM_TOLERANCE:
        raise ValueError(f"{who} must give {size} probabilities that sum to 1, got {belief!r:.80}")
    return values


def _original(labels: Relabelling, decision: Decision, player: int) -> Decision:
    """The decision under the scenario's own order of the options of ``player``."""
    action, belief = decision.action, decision.belief
    return replace(
        decision,
        action=None if action is None else labels.to_original(player, action),
        belief=None if belief is None else labels.belief_to_original(player, belief),
    )


class Guarded:
    """Hardly asks a player any more that is refused every time, as with a wrong key or an empty account.

    Some questions in a row may be refused for what they are, such as prompts that are too long, so that one
    question is let through again after 1, 2, 4, ... others; the first that is not refused ends all this.

    Args:
        player: whom to ask.
        patience: refusals in a row after which questions are kept back, >= 1.
    """

    def __init__(self, player: Player, *, patience: int = 5) -> None:
        if patience < 1:
            raise ValueError(f"patience must be >= 1, got {patience}")
        self._player = player
        self._patience = patience
        self._refused = 0
        self._gap = 0  # how many questions were kept back the last time
        self._back = 0  # how many are still to be
        self._times = 0

    @property
    def name(self) -> str:
        """That of the player inside."""
        return self._player.name

    async def decide(self, question: Question) -> Decision:
        """As the player inside, or `Outcome.REJECTED` at once."""
        if self._back:
            self._back -= 1
            return Decision(outcome=Outcome.REJECTED)
        times = self._times
        decision = await self._player.decide(question)
        if getattr(decision, "outcome", None) is not Outcome.REJECTED:  # the table checks what it is
            self._refused = self._gap = self._back = 0
        elif times == self._times:  # those that were under way together count once
            self._refused += 1
            if self._refused >= self._patience:
                self._gap = self._back = max(1, 2 * self._gap)
                self._times += 1
        return decision
