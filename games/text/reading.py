"""What a reply answers, without guessing.

After the spans in which a model thinks are gone, an answer is taken from, in this order:

1. the last object, in JSON or nearly so, whose ``id`` is the question's nonce, or the last tag
   ``ANSWER[nonce]: label``, whichever stands later;
2. the whole reply, where it is one label, one tag or one object without any id.

Nothing else counts, however much prose speaks for it: text of others may stand there. A later answer revises
an earlier one. Answers on one line, or in one array, are of equal standing and have to agree. If the last
thing that carries the nonce is no option or cannot be read, then so it is with the reply, since it revised
what stood before. The form itself, repeated with its placeholders, is no answer.

A reply that was cut is read only if its answer is complete and nothing follows it but closing marks: what
followed could have begun a revision.

Probabilities may be fractions or percentages. Options that are left out get 0, so the others must sum to one
by themselves, within `games.text.answers.SUM_TOLERANCE`, and are scaled to do so exactly.

The work is linear in the length of the reply, and bounded where a reply is made to be hard.
"""

import bisect
import html
import json
import re
from dataclasses import dataclass, replace

from games.text.answers import Asked, agree, merged
from games.text.decisions import Layer, Outcome, Reading
from games.text.literals import MAX_LENGTH, Allowance, Parsed, TooMuchWorkError, parse_object
from games.text.questions import Aspect, Question
from games.text.refusals import declines
from games.text.thoughts import spoken
from games.text.untrusted import visible

_TAG_WORD = "ANSWER|ANTWORT|RÉPONSE|REPONSE|RESPUESTA"
_BEFORE_NONCE = re.compile(rf"(?:{_TAG_WORD})[*_`]{{0,3}}\s?\[\s?[\"']?\Z", re.IGNORECASE)
_BEHIND_NONCE = re.compile(r"[\"']?\s?\][*_`\s]{0,4}[:：=][*_`]{0,3}\s{0,20}")
_TAG_ENDS = re.compile(rf"\n|(?:{_TAG_WORD})[*_`]{{0,3}}\s?\[", re.IGNORECASE)
_WHOLE_TAG = re.compile(rf"(?:\*\*)?(?:{_TAG_WORD})(?:\*\*)?\s?[:：](?P<label>[^\n]+)", re.IGNORECASE)
_FENCE = re.compile(r"(`{3,}|~{3,})\s?\w{0,20}\s?")
_END_TOKENS = re.compile(r"(?:\s*(?:</s>|<\|[a-z_]{1,20}\|>|<end_of_turn>|<eos>)){1,9}\Z", re.IGNORECASE)
_CLOSING_MARKS = re.compile(r"(?:[\s`~*_\"')\]}>.]|</\w{1,20}>|<\|\w{1,20}\|>)*+\Z")
_NESTED = re.compile(r"\s{0,64}[,}\]\"'\\]")
_OPENING = re.compile("[{｛]")

_ATTEMPTS = 200
"""Braces before a nonce at which its object may begin."""

_FEW = 1000
"""Fewer characters than these are looked at for whether any can be seen."""

_LOOK_BACK = 2000
"""Characters before a nonce in which an unclosed brace means that an object was begun."""


def read(text: str, question: Question, *, truncated: bool = False) -> Reading:
    """What ``text`` answers to ``question``.

    Args:
        text: the reply as it came.
        question: what was asked.
        truncated: whether the reply was cut at the most tokens allowed.

    Returns:
        The answer, or which failure it is: EMPTY, TRUNCATED (also a thought that never ends), ILLEGAL,
        AMBIGUOUS, UNREADABLE or REFUSAL.
    """
    said = spoken(text)
    if said is None:
        return Reading(Outcome.TRUNCATED, detail="the thinking never ends")
    if not said.strip() or (len(said) < _FEW and not visible(said).strip()):
        return Reading(Outcome.TRUNCATED if truncated else Outcome.EMPTY)
    asked = Asked.by(question)
    try:
        reading = _Search(said, asked, truncated).last()
        if reading is None or reading.outcome is Outcome.UNREADABLE:
            unescaped = _unescaped(said)
            again = _Search(unescaped, asked, truncated).last() if unescaped else None
            reading = replace(again, layer=Layer.LENIENT) if again else reading
        if reading is not None:
            return reading
        return Reading(Outcome.TRUNCATED) if truncated else _whole(said, asked)
    except TooMuchWorkError:
        return Reading(Outcome.UNREADABLE, detail="the reply is too tangled to read")


@dataclass(frozen=True, slots=True)
class _Found:
    """Something that carries the nonce, and what it answers; None where it answers nothing."""

    start: int
    end: int
    reading: Reading | None


class _Search:
    """Looks for answers that carry the nonce, from the end of a text."""

    __slots__ = ("_allowance", "_asked", "_openings", "_spots", "_text", "_truncated")

    def __init__(self, text: str, asked: Asked, truncated: bool) -> None:
        self._text = text
        self._asked = asked
        self._truncated = truncated
        self._allowance = Allowance()
        self._spots = [found.start() for found in re.finditer(asked.nonce, text, re.IGNORECASE)]
        self._openings = [found.start() for found in _OPENING.finditer(text)] if self._spots else []

    def last(self) -> Reading | None:
        """The last answer, or why it is none; None where nothing with the nonce answers anything."""
        last: Reading | None = None
        edge = len(self._text)  # where the earliest of what was found begins
        for spot in reversed(self._spots):
            if spot >= edge:
                continue
            found = self._at(spot)
            if last is not None and self._is_above(found.end if found else spot, edge):
                break
            if found is None:
                continue
            edge = found.start
            if found.reading is None:
                continue
            if last is None:
                last = found.reading
                if self._truncated and not _CLOSING_MARKS.match(self._text, found.end):
                    return Reading(Outcome.TRUNCATED, detail="the reply goes on behind its answer")
            elif not agree(last, found.reading):
                return merged((last, found.reading))
        return last

    def _is_above(self, end: int, start: int) -> bool:
        """Whether what begins at ``start`` revises what ends at ``end``, rather than stands beside it."""
        between = self._text[end:start]
        return "\n" in between and between.strip() != ","

    def _at(self, spot: int) -> _Found | None:
        """What carries the nonce at ``spot``; None where prose only mentions it."""
        self._allowance.spend(0)
        found = self._object(spot) or self._tag(spot)
        if found is not None:
            return found
        since = max(0, spot - _LOOK_BACK)
        if self._text.rfind("{", since, spot) > self._text.rfind("}", since, spot):
            return _Found(spot, spot + len(self._asked.nonce), self._incomplete("an object cannot be read"))
        return None

    def _object(self, spot: int) -> _Found | None:
        """The outermost object around ``spot`` that can be read."""
        best: tuple[int, Parsed] | None = None
        number = bisect.bisect_left(self._openings, spot)
        for start in reversed(self._openings[max(0, number - _ATTEMPTS) : number]):
            if start < spot - MAX_LENGTH:
                break
            parsed = parse_object(self._text, start, self._allowance)
            if parsed is None or parsed.end <= spot:
                continue
            best = start, parsed
            if not _NESTED.match(self._text, parsed.end):
                break
        if best is None:
            return None
        start, parsed = best
        reading = self._asked.of_bound(parsed.table, Layer.OBJECT if parsed.strict else Layer.LENIENT)
        first, behind = (bisect.bisect_left(self._spots, edge) for edge in (start, parsed.end))
        if any(self._tagged(other) for other in self._spots[first:behind]):
            reading = Reading(Outcome.AMBIGUOUS, detail="an answer tag stands inside of an object")
        return _Found(start, parsed.end, reading)

    def _tagged(self, spot: int) -> re.Match[str] | None:
        return _BEFORE_NONCE.search(self._text, max(0, spot - 20), spot)

    def _tag(self, spot: int) -> _Found | None:
        """The tag whose nonce is at ``spot``."""
        before = self._tagged(spot)
        behind = _BEHIND_NONCE.match(self._text, spot + len(self._asked.nonce))
        if before is None or behind is None:
            return None
        begin = behind.end()
        ends = _TAG_ENDS.search(self._text, begin)
        end = ends.start() if ends else len(self._text)
        label = self._text[begin:end].strip()
        if not label or (self._truncated and ends is None):
            return _Found(before.start(), end, self._incomplete("an answer tag has no label"))
        parsed = parse_object(self._text, begin, self._allowance) if label[0] in "{｛" else None
        if parsed is not None:
            end = max(end, parsed.end)
        return _Found(before.start(), end, self._of_tag(label, parsed))

    def _of_tag(self, label: str, parsed: Parsed | None) -> Reading | None:
        if parsed is not None:
            return self._asked.of_sole(parsed.table, Layer.TAG)
        return _of_words(label, self._asked, Layer.TAG, self._allowance)

    def _incomplete(self, detail: str) -> Reading:
        return Reading(Outcome.TRUNCATED if self._truncated else Outcome.UNREADABLE, detail=detail)


def _of_words(words: str, asked: Asked, layer: Layer, allowance: Allowance) -> Reading | None:
    """What words without braces answer: a label, or labels with their probabilities."""
    if asked.aspect is Aspect.ACTION:
        return asked.of_label(words, layer)
    braced = "{" + words + "}"
    parsed = parse_object(braced, 0, allowance)
    reading = asked.of_table(parsed.table, layer) if parsed and parsed.end == len(braced) else None
    return reading or Reading(Outcome.UNREADABLE, layer=layer, detail="it names no probabilities")


def _unescaped(text: str) -> str | None:
    """The text with one layer of escapes undone, where quotation marks are escaped throughout."""
    if "&quot;" in text or "&#34;" in text:
        return html.unescape(text)
    bare = text.strip()
    if bare.startswith('"{') and bare.endswith('}"'):
        try:
            return str(json.loads(bare, strict=False))
        except ValueError:
            return None
    return None


def _whole(text: str, asked: Asked) -> Reading:
    """What a reply without the nonce answers: it must be the answer and nothing else."""
    bare = _unwrapped(text)
    allowance = Allowance()
    reading: Reading | None = None
    parsed = parse_object(bare, 0, allowance) if bare[:1] in ("{", "｛") else None
    if parsed is not None:
        if parsed.end == len(bare):
            reading = asked.of_sole(parsed.table, Layer.WHOLE)
    else:
        tag = _WHOLE_TAG.fullmatch(bare)
        reading = _of_words(tag["label"].strip() if tag else bare, asked, Layer.WHOLE, allowance)
        if reading is not None and reading.outcome is not Outcome.ANSWERED and not tag:
            reading = None  # prose rather than a wrong answer
    if reading is not None:
        return reading
    if declines(bare):
        return Reading(Outcome.REFUSAL)
    return Reading(Outcome.UNREADABLE, detail="no answer with the id of the question")


def _unwrapped(text: str) -> str:
    """The text without end tokens, and without the fence or the backticks around all of it."""
    bare = text.strip()
    bare = (bare[:-200] + _END_TOKENS.sub("", bare[-200:])).strip()
    first, _, rest = bare.partition("\n")
    fence = _FENCE.fullmatch(first)
    if fence and rest.endswith(fence[1]):
        bare = rest.removesuffix(fence[1])
    return bare.strip("` \n")
