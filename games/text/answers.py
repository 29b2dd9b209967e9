"""What an object or a label means as the answer to a question."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from games.text.answer_form import PLACEHOLDERS
from games.text.decisions import Layer, Outcome, Reading
from games.text.literals import Table, Value, tables
from games.text.matching import Matcher, matcher
from games.text.questions import Aspect, Question
from games.text.untrusted import quoted

SUM_TOLERANCE = 0.02
"""How far from one the probabilities of a belief may sum."""

_ID_KEYS = frozenset({"id", "nonce"})
"""Keys, in lower case, whose value is the nonce."""

_ACTION_KEY = "action"
_OTHER_ACTION_KEYS = frozenset(
    {
        "answer",
        "choice",
        "move",
        "decision",
        "option",
        "final_answer",
        "final_action",
        "aktion",
        "antwort",
        "wahl",
    }
    | {"acción", "accion", "respuesta", "choix", "réponse", "reponse"}
)
_BELIEF_KEYS = frozenset(
    {"belief", "beliefs", "probabilities", "distribution", "prediction", "wahrscheinlichkeiten"}
    | {"probabilidades", "probabilités", "probabilites"}
)
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:e[+-]?[0-9]{1,3})?)\s*(%?)\s*", re.I)
_RATIO = re.compile(r"\s*([0-9]{1,9})\s?/\s?([0-9]{1,9})\s*")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reply is read for.

    Attributes:
        nonce: what an answer must carry.
        options: what it may be about.
        aspect: what it must say of them.
        labels: finds an option by its label.
    """

    nonce: str
    options: tuple[str, ...]
    aspect: Aspect
    labels: Matcher

    @classmethod
    def by(cls, question: Question) -> "Asked":
        """What ``question`` asks."""
        options = question.options
        return cls(question.nonce, options, question.aspect, matcher(options))

    def of_bound(self, table: Table, layer: Layer) -> Reading | None:
        """What ``table`` answers, itself or the outermost objects in it with the nonce as their id.

        None for a placeholder, and for an answer to the other aspect.
        """
        level = [table]
        while level:
            owners = [one for one in level if self._ids(one) == {self.nonce}]
            if owners:
                return merged(self.of_table(owner, layer) for owner in owners)
            level = self._within(level)
        return Reading(Outcome.UNREADABLE, layer=layer, detail="the object's id is not that of the question")

    def of_sole(self, table: Table, layer: Layer) -> Reading | None:
        """What ``table`` answers that needs no id, but has the right one if any; None as for `of_bound`."""
        return self.of_bound(table, layer) if self._ids(table) else self.of_table(table, layer)

    def of_table(self, table: Table, layer: Layer) -> Reading | None:
        """What ``table`` answers, whatever its id; None as for `of_bound`."""
        foreign = False
        level = [table]
        while level:
            pairs = [(key.strip().casefold(), value) for one in level for key, value in one.pairs]
            actions = [pair for pair in pairs if _names_action(*pair)]
            beliefs = [value for key, value in pairs if key in _BELIEF_KEYS]
            if self.aspect is Aspect.ACTION and actions:
                return self._of_actions(actions, layer)
            if self.aspect is Aspect.BELIEF and beliefs:
                return merged(self._of_belief(value, layer) for value in beliefs)
            foreign |= bool(actions or beliefs)
            level = self._within(level)
        known = tuple(pair for pair in table.pairs if self.labels.find(pair[0]) is not None)
        if self.aspect is Aspect.BELIEF and known:
            return self._of_belief(Table(known), layer)
        if foreign:
            return None
        return Reading(Outcome.UNREADABLE, layer=layer, detail="the object answers nothing")

    def of_label(self, label: str, layer: Layer) -> Reading | None:
        """What ``label`` means as an action; None for a placeholder."""
        position = self.labels.find(label)
        if position is not None and (label not in PLACEHOLDERS or label in self.options):
            return Reading(Outcome.ANSWERED, action=position, layer=layer)
        if label.strip() in PLACEHOLDERS:
            return None
        if not label.strip():
            return Reading(Outcome.UNREADABLE, layer=layer, detail="the label is empty")
        return Reading(Outcome.ILLEGAL, layer=layer, detail=f"{_shown(label)} is not among the options")

    def _ids(self, table: Table) -> set[str]:
        found = (value for key, value in table.pairs if key.strip().casefold() in _ID_KEYS)
        return {str(value).strip(" <>[]()").casefold() for value in found}

    def _within(self, level: list[Table]) -> list[Table]:
        """Objects one level below, but for those with an id of their own that is not the nonce."""
        below = [inner for one in level for _, value in one.pairs for inner in tables(value)]
        return [one for one in below if self._ids(one) <= {self.nonce}]

    def _of_actions(self, pairs: list[tuple[str, Value]], layer: Layer) -> Reading | None:
        """What the pairs, each with a key for actions, name together."""
        proper = [self._of_value(value, layer) for key, value in pairs if key == _ACTION_KEY]
        other = [self._of_value(value, layer) for key, value in pairs if key != _ACTION_KEY]
        if proper:  # beside the key that was asked for, another counts only where it names an option
            other = [reading for reading in other if reading and reading.outcome is Outcome.ANSWERED]
        return merged([*proper, *other])

    def _of_value(self, value: Value, layer: Layer) -> Reading | None:
        if isinstance(value, list) and value:
            return merged(self._of_value(item, layer) for item in value)
        if value is None or isinstance(value, (list, Table)):
            return Reading(Outcome.UNREADABLE, layer=layer, detail="the action is no label")
        return self.of_label(str(value), layer)

    def _of_belief(self, value: Value, layer: Layer) -> Reading | None:
        def failed(outcome: Outcome, detail: str) -> Reading:
            return Reading(outcome, layer=layer, detail=detail)

        if not isinstance(value, Table):
            return failed(Outcome.UNREADABLE, "the belief names no options")
        if any(isinstance(number, str) and number in PLACEHOLDERS for _, number in value.pairs):
            return None
        found = dict[int, float]()
        percent = False
        for label, written in value.pairs:
            number = _probability(written)
            if number is None:
                return failed(Outcome.UNREADABLE, f"{_shown(label)} has no probability")
            percent |= isinstance(written, str) and "%" in written
            position = self.labels.find(label)
            if position is None:
                if number != 0:
                    return failed(Outcome.ILLEGAL, f"{_shown(label)} is not among the options")
            elif found.setdefault(position, number) != number:
                return failed(Outcome.AMBIGUOUS, f"{_shown(label)} has two probabilities")
        total = math.fsum(found.values())
        if not percent and abs(total - 100) <= 100 * SUM_TOLERANCE:
            found = {position: number / 100 for position, number in found.items()}
        total = math.fsum(found.values())
        if not abs(total - 1) <= SUM_TOLERANCE:
            return failed(Outcome.UNREADABLE, f"the probabilities sum to {total:g}")
        belief = tuple(found.get(position, 0.0) / total for position in range(len(self.options)))
        return Reading(Outcome.ANSWERED, belief=belief, layer=layer)


def _names_action(key: str, value: Value) -> bool:
    # What other keys hold may be a wrapper around the answer.
    return key == _ACTION_KEY or (key in _OTHER_ACTION_KEYS and not any(tables(value)))


def _shown(label: str) -> str:
    return repr(quoted(label[:200], 60))


def merged(readings: Iterable[Reading | None]) -> Reading | None:
    """What readings of equal standing say together: the one that they agree on, or that they are ambiguous.

    None where there are none.
    """
    known = [reading for reading in readings if reading is not None]
    if not known:
        return None
    if any(not agree(known[0], reading) for reading in known):
        return Reading(Outcome.AMBIGUOUS, layer=known[0].layer, detail="different answers of equal standing")
    return known[0]


def agree(first: Reading, second: Reading) -> bool:
    """Whether two readings say the same, however they were read."""
    return (first.outcome, first.action, first.belief) == (second.outcome, second.action, second.belief)


def _probability(written: Value) -> float | None:
    """A number >= 0, its percent sign taken account of; None for anything else."""
    if not isinstance(written, str) or len(written) > 64:
        return None
    ratio = _RATIO.fullmatch(written)
    if ratio:
        return int(ratio[1]) / int(ratio[2]) if int(ratio[2]) else None
    found = _NUMBER.fullmatch(written)
    if found is None:
        return None
    number = float(found[1].replace(",", ".")) / (100 if found[2] else 1)
    return number if math.isfinite(number) and number >= 0 else None
