"""Every reply of the file is read as a careful person would read it, and none silently wrong."""

import json
import time
from collections import Counter

import pytest

from games.text.decisions import Outcome
from games.text.questions import Aspect
from games.text.reading import read
from tests.games.text.replies import PATH, load_cases, question_about

CASES = load_cases()
SHORT = [case for case in CASES if sum(len(text) * times for text, times in case.parts) < 5_000]


def _said(reading, options):
    """The reading in words, so that it does not depend on the order of options."""
    action = None if reading.action is None else options[reading.action]
    belief = reading.belief and {
        label: pytest.approx(p, abs=1e-9) for label, p in zip(options, reading.belief, strict=True)
    }
    return reading.outcome, action, belief


def test_the_file_is_large_varied_and_says_that_it_is_synthetic():
    assert len(CASES) >= 260
    assert len({case.name for case in CASES}) == len(CASES)
    assert (
        "no model wrote any of them" in json.loads(PATH.read_text(encoding="utf-8").splitlines()[0])["about"]
    )
    outcomes = Counter(case.outcome for case in CASES)
    read_from_text = set(Outcome) - {
        Outcome.TRANSPORT,
        Outcome.TIMEOUT,
        Outcome.REJECTED,
        Outcome.BUDGET,
        Outcome.ERROR,
    }
    assert set(outcomes) == read_from_text
    assert min(outcomes.values()) >= 6


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reply_is_read_as_expected(case):
    question = case.question
    start = time.perf_counter()
    reading = read(case.reply(question), question, truncated=case.truncated)
    assert time.perf_counter() - start < 5
    assert _said(reading, case.options) == (case.outcome, case.action, case.belief), case.why


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.name)
def test_order_of_options_does_not_matter(case):
    turned = tuple(reversed(case.options))
    question = question_about(turned, case.aspect)
    reading = read(case.reply(question), question, truncated=case.truncated)
    assert _said(reading, turned) == (case.outcome, case.action, case.belief), case.why


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.name)
def test_answers_to_another_question_do_not_count(case):
    """With the nonce of another question, only replies that are nothing but an answer without id remain."""
    question = case.question
    other = question_about(case.options, case.aspect, seed=8)
    reply = case.reply(other)
    reading = read(reply, question, truncated=case.truncated)
    if other.nonce in reply:
        assert reading.outcome is not Outcome.ANSWERED
        assert reading.outcome is not Outcome.ILLEGAL
    else:
        assert reading.outcome is case.outcome


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.name)
def test_an_answer_on_a_new_line_revises_whatever_came_before(case):
    """Unless the reply was a thought that never ended."""
    question = case.question
    label = case.options[-1]
    entry = label if case.aspect is Aspect.ACTION else {label: 1}
    last = json.dumps({"id": question.nonce, case.aspect.value: entry}, ensure_ascii=False)
    reading = read(case.reply(question) + "\nSo my answer is\n" + last, question)
    if reading.outcome is not Outcome.TRUNCATED:
        position = reading.action if case.aspect is Aspect.ACTION else reading.belief.index(1)
        assert case.options[position] == label
    else:
        assert case.outcome is Outcome.TRUNCATED
