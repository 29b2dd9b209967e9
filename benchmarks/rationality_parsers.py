"""Parsers of replies side by side, on the synthetic replies of ``tests/games/text/replies.jsonl``.

    python benchmarks/rationality_parsers.py

Counted over replies to questions about an action, most of them written to mislead a parser:

    right    the option that a careful person reads, or none where that person would read none
    unread   none, where there is an answer; it would be asked again
    wrong    an option that is not the answer: nobody would notice

The rules beside ours are those of public harnesses in a line or two each; each is handed the legal labels.
They know no id, so what an id guards against counts against them; the rule with the id shows how much of it
that is. They were made for prompts that ask for other forms, so their unread replies say little: compare the
wrong ones. The replies are ours, and our parser was mended where it failed on them; theirs were not.
``game-arena`` is run itself where it can be imported, best from an environment of its own (``pip install
game-arena lazy-loader``, and this repository on PYTHONPATH): its rule-based parser, followed by its exact
match against legal moves. Times are means over replies of fewer than 5,000 characters.
"""

import importlib.util
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from games.normal_form.game import NormalFormGame
from games.text.decisions import Outcome
from games.text.questions import Question
from games.text.reading import read
from games.text.situations import MatrixSituation

_PATH = Path(__file__).parents[1] / "tests/games/text/replies.jsonl"
_SHORT = 5_000
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Case:
    """A reply with its question, and the label that a careful person reads in it, or None."""

    question: Question
    reply: str
    truncated: bool
    outcome: Outcome
    label: str | None


Parser = Callable[[Case], str | None]
"""The label that it reads, or None."""


def load_cases() -> list[Case]:
    """The cases about actions."""
    rows = [json.loads(line) for line in _PATH.read_text(encoding="utf-8").splitlines()[1:]]
    return [_case(row) for row in rows if row["aspect"] == "action"]


def _case(row) -> Case:
    options = tuple(row["options"])
    game = NormalFormGame(np.zeros((2, len(options), 2)), actions=(options, ("l", "r")))
    question = Question(MatrixSituation(game), seed=7)
    reply = row["reply"]
    text = reply if isinstance(reply, str) else "".join(part * times for part, times in reply)
    text = text.replace("@ID@", question.nonce)
    return Case(question, text, row.get("truncated", False), Outcome[row["outcome"]], row.get("action"))


def ours(case: Case) -> str | None:
    """`games.text.reading.read`."""
    action = read(case.reply, case.question, truncated=case.truncated).action
    return None if action is None else case.question.options[action]


def _legal(label, options: Sequence[str]) -> str | None:
    matches = [option for option in options if option.casefold() == str(label).strip().casefold()]
    return matches[0] if len(matches) == 1 else None


def last_object(case: Case, nonce: str | None = None) -> str | None:
    """The last JSON object with the key; ``nonce`` asks for an id as well."""
    decoder, found, position = json.JSONDecoder(), None, case.reply.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(case.reply, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            if "action" in value and nonce in (None, value.get("id")):
                found = value["action"]
        position = case.reply.find("{", end)
    return _legal(found, case.question.options)


def last_object_with_id(case: Case) -> str | None:
    """The same for objects that carry the id."""
    return last_object(case, case.question.nonce)


def last_label(case: Case) -> str | None:
    """The last place where a regular expression finds a label."""
    labels = sorted(case.question.options, key=len, reverse=True)
    found = re.findall("|".join(map(re.escape, labels)), case.reply, re.IGNORECASE)
    return _legal(found[-1], labels) if found else None


def tagged(case: Case) -> str | None:
    """The last text in angle brackets."""
    found = re.findall(r"<([^<>]*)>", case.reply)
    return _legal(found[-1], case.question.options) if found else None


def game_arena() -> Parser | None:
    """The parsers of the package game-arena, one behind the other; None where it cannot be imported."""
    if importlib.util.find_spec("game_arena") is None:
        return None
    from game_arena.harness import parsers

    chain = parsers.ChainedMoveParser([parsers.RuleBasedMoveParser(), parsers.SoftMoveParser("any")])

    def parse(case: Case) -> str | None:
        return chain.parse(
            parsers.TextParserInput(
                text=case.reply, state_str="", legal_moves=case.question.options, player_number=0
            )
        )

    return parse


def judged(parser: Parser, case: Case) -> str:
    """Whether the parser is right, leaves the reply unread, or is silently wrong."""
    label = parser(case)
    if label == case.label:
        return "right"
    return "unread" if label is None else "wrong"


def main() -> None:
    """Print one line per parser."""
    cases = load_cases()
    short = [case for case in cases if len(case.reply) < _SHORT]
    rules: list[tuple[str, Parser | None]] = [
        ("counterplay", ours),
        ("last JSON object with the key (as in Kaggle's harness)", last_object),
        ("the same, with our id", last_object_with_id),
        ("last label by regular expression (as in GTBench)", last_label),
        ("last text in angle brackets (GTBench's tags)", tagged),
        ("game-arena, rule and exact match", game_arena()),
    ]
    answers = sum(case.label is not None for case in cases)
    print(f"{len(cases)} replies, {answers} of them with an answer")
    print(f"{'parser':<56} {'right':>6} {'unread':>6} {'wrong':>6} {'microseconds':>13}")
    spent = {name: 0.0 for name, rule in rules if rule}
    for _ in range(_ROUNDS):  # interleaved, so that a busy machine slows all alike
        for name, rule in rules:
            if rule is None:
                continue
            start = time.perf_counter()
            for case in short:
                rule(case)
            spent[name] += time.perf_counter() - start
    for name, rule in rules:
        if rule is None:
            print(f"{name:<56} not installed")
            continue
        counts = Counter(judged(rule, case) for case in cases)
        each = 1e6 * spent[name] / (_ROUNDS * len(short))
        print(f"{name:<56} {counts['right']:>6} {counts['unread']:>6} {counts['wrong']:>6} {each:>13.1f}")
    kinds = sum(
        read(case.reply, case.question, truncated=case.truncated).outcome is case.outcome for case in cases
    )
    print(f"kind of failure or answer named rightly by counterplay: {kinds} of {len(cases)}")


if __name__ == "__main__":
    main()
