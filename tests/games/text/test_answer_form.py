"""What is demanded can be given: forms carry the nonce, name the options, and are no answers themselves."""

import itertools

import pytest

from games.text.answer_form import action_line, belief_line, instructions, reask
from games.text.decisions import Outcome, Reading
from games.text.questions import Aspect, Language, Reasoning, Wording
from games.text.reading import read
from tests.games.text.replies import question_about

WORDINGS = [
    Wording(language=language, reasoning=reasoning)
    for language, reasoning in itertools.product(Language, Reasoning)
]
OPTIONS = ("stag {x}", 'the "hare"', "$7 %s \\")


def _failed(outcome):
    return Reading(outcome)


@pytest.mark.parametrize("wording", WORDINGS, ids=str)
@pytest.mark.parametrize("aspect", Aspect)
def test_the_form_carries_the_nonce_and_every_option_and_is_no_answer(wording, aspect):
    question = question_about(OPTIONS, aspect, wording=wording)
    text = instructions(question)
    assert text.count(question.nonce) == 1
    for option in OPTIONS:
        assert option.replace("\\", "\\\\").replace('"', '\\"') in text
    assert read(text, question).outcome is Outcome.UNREADABLE
    answered = f"{text}\n{action_line(question, 1)}" if aspect is Aspect.ACTION else None
    assert answered is None or read(answered, question).action == 1


@pytest.mark.parametrize("aspect", Aspect)
def test_languages_and_reasoning_modes_differ(aspect):
    texts = {instructions(question_about(OPTIONS, aspect, wording=wording)) for wording in WORDINGS}
    assert len(texts) == len(WORDINGS)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("aspect", Aspect)
def test_each_failure_is_asked_again_in_its_own_words(language, aspect):
    question = question_about(OPTIONS, aspect, wording=Wording(language=language))
    asked = {
        outcome: reask(question, _failed(outcome)) for outcome in Outcome if outcome is not Outcome.ANSWERED
    }
    again = {outcome for outcome, text in asked.items() if text is not None}
    assert again == {
        Outcome.TRUNCATED,
        Outcome.EMPTY,
        Outcome.UNREADABLE,
        Outcome.AMBIGUOUS,
        Outcome.ILLEGAL,
    }
    texts = [text for text in asked.values() if text is not None]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert question.nonce in text
        assert "stag {x}" in text
        assert read(text, question).outcome is Outcome.UNREADABLE
    assert ("ANSWER[" in asked[Outcome.UNREADABLE]) is (aspect is Aspect.ACTION)


def test_an_answer_is_not_asked_again():
    assert reask(question_about(OPTIONS), Reading(Outcome.ANSWERED, action=0)) is None


def test_an_empty_reply_may_think_as_before():
    question = question_about(OPTIONS, wording=Wording(reasoning=Reasoning.STEP_BY_STEP))
    assert instructions(question) in reask(question, _failed(Outcome.EMPTY))


def test_many_options_are_listed_once_in_a_belief():
    options = tuple(str(k) for k in range(101))
    question = question_about(options, Aspect.BELIEF)
    text = instructions(question)
    assert text.count('"100"') == 1
    assert read(text, question).outcome is Outcome.UNREADABLE
    belief = [1 / 101] * 101
    assert read(belief_line(question, belief), question).belief == pytest.approx(belief)


def test_action_lines_begin_alike_and_none_begins_another():
    question = question_about(("go", "go left", "go left slowly"))
    lines = [action_line(question, position) for position in range(3)]
    assert len({line[: line.index("go")] for line in lines}) == 1
    assert not any(a != b and b.startswith(a) for a in lines for b in lines)


def test_a_belief_needs_a_number_per_option():
    with pytest.raises(ValueError, match="belief must hold 3 probabilities, got 2"):
        belief_line(question_about(OPTIONS, Aspect.BELIEF), [0.5, 0.5])


def test_an_option_like_a_placeholder_can_be_chosen():
    question = question_about(("<option>", "<p>"))
    assert [read(action_line(question, position), question).action for position in range(2)] == [0, 1]
