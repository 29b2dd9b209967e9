"""The replies of ``replies.jsonl`` with their questions, and questions about labels."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from games.normal_form.game import NormalFormGame
from games.text.decisions import Outcome
from games.text.questions import Aspect, Question, Wording
from games.text.situations import MatrixSituation

PATH = Path(__file__).with_name("replies.jsonl")


def question_about(options, aspect=Aspect.ACTION, *, seed=7, wording=Wording()):  # noqa: B008 - frozen
    """A question whose answer is about ``options``."""
    mine, theirs = (options, ("l", "r")) if aspect is Aspect.ACTION else (("l", "r"), options)
    game = NormalFormGame(np.zeros((2, len(mine), len(theirs))), actions=(tuple(mine), tuple(theirs)))
    about = None if aspect is Aspect.ACTION else 1
    return Question(MatrixSituation(game), seed, aspect, about, wording)


@dataclass(frozen=True, slots=True)
class Case:
    """A reply, and what a careful person would read in it."""

    name: str
    options: tuple[str, ...]
    aspect: Aspect
    parts: tuple[tuple[str, int], ...]
    truncated: bool
    outcome: Outcome
    action: str | None
    belief: dict[str, float] | None
    why: str

    @property
    def question(self):
        """What was asked."""
        return question_about(self.options, self.aspect)

    def reply(self, question):
        """The reply, with the nonce of ``question``."""
        return "".join(text * times for text, times in self.parts).replace("@ID@", question.nonce)


def load_cases():
    """Every case of the file, in order."""
    lines = PATH.read_text(encoding="utf-8").splitlines()[1:]  # the first says what the file is
    return [_case(json.loads(line)) for line in lines]


def _case(row):
    reply = row["reply"]
    return Case(
        name=row["id"],
        options=tuple(row["options"]),
        aspect=Aspect(row["aspect"]),
        parts=((reply, 1),) if isinstance(reply, str) else tuple((text, times) for text, times in reply),
        truncated=row.get("truncated", False),
        outcome=Outcome[row["outcome"]],
        action=row.get("action"),
        belief=row.get("belief"),
        why=row["why"],
    )
