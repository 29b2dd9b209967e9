"""The language files: complete, with the same fields in every language, and different from one another."""

import re
from dataclasses import fields
from string import Formatter

import pytest

from games.social.desires import Desire
from games.text import Aspect, Framing, Language, MatrixSituation, Question, Reasoning, Wording
from games.text.render import PHRASINGS, render
from games.text.render.voice import LANGUAGES
from games.text.render.words import Cast, Layout, Phrasing, Words
from tests.games.text.test_render_payoffs import random_game

TEXTS = [field.name for field in fields(Words) if field.name not in ("goals", "casts", "phrasings")]
PIECES = [field.name for field in fields(Phrasing) if field.name != "layout"]


def holes(template):
    return sorted(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def test_every_language_has_every_phrasing_framing_and_desire():
    assert set(LANGUAGES) == set(Language)
    assert PHRASINGS == 5
    for words in LANGUAGES.values():
        assert len(words.phrasings) == PHRASINGS
        assert {phrasing.layout for phrasing in words.phrasings} == set(Layout)
        assert set(words.casts) == set(Framing)
        assert set(words.goals) == set(Desire)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_has_the_same_fields_in_every_language(name):
    assert len({tuple(holes(getattr(words, name))) for words in LANGUAGES.values()}) == 1


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_has_the_same_fields_in_every_phrasing_and_language(name):
    pieces = [getattr(p, name) for words in LANGUAGES.values() for p in words.phrasings]
    assert len({tuple(holes(piece)) for piece in pieces}) == 1
    assert len(set(pieces)) == len(pieces)  # to rephrase is to say it otherwise


@pytest.mark.parametrize("name", [field.name for field in fields(Cast)])
def test_a_framing_has_the_same_fields_in_every_language(name):
    pieces = [getattr(cast, name) for words in LANGUAGES.values() for cast in words.casts.values()]
    assert len({tuple(holes(piece)) for piece in pieces}) == 1


@pytest.mark.parametrize("language", Language)
def test_goals_differ(language):
    words = LANGUAGES[language]
    assert len({*words.goals.values(), words.for_other}) == 5
    assert not any(holes(goal) for goal in words.goals.values())


FORMAL = {
    Language.GERMAN: r"\b(Ihre?[nmrs]?|Ihnen|Sie (?:wähl|erhal|sind|haben))",
    Language.FRENCH: r"(?i)\b(vous|votre|vos)\b",
    Language.SPANISH: r"(?i)\b(usted|ustedes)\b",
}


@pytest.mark.parametrize("language", FORMAL)
@pytest.mark.parametrize("phrasing", range(PHRASINGS))
@pytest.mark.parametrize("aspect", Aspect)
def test_one_form_of_address_throughout(language, phrasing, aspect):
    """The situation, the question and the demand for an answer come from different files."""
    game = random_game((2, 2), 0)
    about = 1 if aspect is Aspect.BELIEF else None
    wording = Wording(phrasing, language, persona="x", reasoning=Reasoning.STEP_BY_STEP)
    situation = MatrixSituation(game, 0, ((0, 1),), None, (None, 1), Desire.ALTRUISM)
    prompt = render(Question(situation, 1, aspect, about, wording))
    assert not re.search(FORMAL[language], prompt.system + prompt.text)


@pytest.mark.parametrize("phrasing", [-1, PHRASINGS])
def test_refuses_a_phrasing_that_does_not_exist(phrasing):
    situation = MatrixSituation(random_game((2, 2), 0))
    with pytest.raises(ValueError, match=rf"phrasing must lie in range\({PHRASINGS}\), got {phrasing}"):
        render(Question(situation, 1, wording=Wording(phrasing)))
