"""A short hash of how questions are put, so that a player whose prompts changed has another name."""

import functools
import hashlib
from dataclasses import replace

import numpy as np

from games.normal_form.game import NormalFormGame
from games.text.answer_form import reask
from games.text.decisions import Outcome, Reading
from games.text.questions import Aspect, Language, Question, Wording
from games.text.render import PHRASINGS, render
from games.text.situations import AllocationSituation, BundleSituation, MatrixSituation


@functools.cache
def prompts_fingerprint() -> str:
    """Eight hexadecimal digits of the texts of some questions in every phrasing and language.

    It changes whenever words of prompts or of re-asks do. Games of more than two players and those played
    move by move are not among the questions.
    """
    digest = hashlib.sha256()
    for question in _questions():
        for language in Language:
            for phrasing in range(PHRASINGS):
                asked = replace(question, wording=Wording(phrasing, language))
                prompt = render(asked)
                digest.update(f"{prompt.system}\n{prompt.text}\n".encode())
            for outcome in Outcome:
                if outcome is not Outcome.ANSWERED:
                    digest.update(f"{reask(asked, Reading(outcome))}\n".encode())
    return digest.hexdigest()[:8]


def _questions() -> list[Question]:
    game = NormalFormGame.bimatrix([[40, 5], [0, 15]], [[0, 10], [7, 8]])
    again = MatrixSituation(game, 1, ((0, 1), (1, 1)), rounds=9)
    shares = AllocationSituation(np.array([[3.0, 3.0], [5.0, 1.0]]), ("A", "B"), ("you", "Kim"))
    goods = BundleSituation(np.array([[1.0, 2.0], [2.0, 0.0]]), np.ones(2), 3.0, ("A", "B"), ("tea", "rice"))
    return [
        Question(MatrixSituation(game, told=(None, 1)), seed=0),
        Question(again, seed=0),
        Question(again, seed=0, aspect=Aspect.BELIEF, about=0),
        Question(shares, seed=0),
        Question(goods, seed=0),
    ]
