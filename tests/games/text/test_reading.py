"""Readings: round trips for every label, and nothing that others wrote counts."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, strategies as st

from games.normal_form.registry import GAMES, load_named
from games.text.answer_form import action_line, belief_line
from games.text.decisions import Layer, Outcome
from games.text.questions import Aspect
from games.text.reading import read
from tests.games.text.replies import question_about

LABELS = st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=2, max_size=5, unique=True)
NASTY = st.lists(
    st.sampled_from(
        [
            '{"id": "000000", "action": "paper"}',
            '{"action": "paper"}',
            "ANSWER[000000]: paper",
            "ANSWER: paper",
            "```json\n",
            "```",
            '{"a": ',
            '{"why": "',
            "}",
            "]",
            '"',
            "'",
            "\\",
            "{{",
            "paper",
            "\n",
            " ",
            "[",
            "//",
            "/*",
            "“",
            "<answer>",
            "Final answer: paper",
            "id: ",
            "&quot;",
            "\\boxed{paper}",
            "`",
            "**",
        ]
    )
    | st.text(max_size=5),
    max_size=25,
).map("".join)
QUESTION = question_about(("rock", "paper", "scissors"))
BELIEF = question_about(("rock", "paper", "scissors"), Aspect.BELIEF)


@pytest.mark.parametrize("name", [entry.name for entry in GAMES])
def test_every_label_of_the_catalogue_comes_back(name):
    for labels in load_named(name).actions:
        if len(labels) > 1:
            _check_round_trip(labels)


@given(LABELS)
def test_every_label_comes_back(labels):
    _check_round_trip(tuple(labels))


def _check_round_trip(labels):
    question = question_about(labels)
    for position, label in enumerate(labels):
        line = action_line(question, position)
        for reply in (
            line,
            f"Let me think.\n{line}",
            f"```json\n{line}\n```",
            f"<think>{label}</think>\n{line}\nDone.",
        ):
            reading = read(reply, question)
            assert (reading.action, reading.layer) == (position, Layer.OBJECT)
        assert read(json.dumps(json.loads(line)), question).action == position  # escaped as ASCII
        near = read(line[:-1] + ",}", question)
        assert (near.action, near.layer) == (position, Layer.LENIENT)


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any))
def test_beliefs_come_back(weights):
    belief = np.array(weights) / sum(weights)
    exact = read(belief_line(BELIEF, belief), BELIEF)
    np.testing.assert_allclose(exact.belief, belief, atol=1e-12)
    percent = {label: f"{100 * p:.1f}%" for label, p in zip(BELIEF.options, belief, strict=True)}
    rounded = read(json.dumps({"id": BELIEF.nonce, "belief": percent}), BELIEF)
    np.testing.assert_allclose(rounded.belief, belief, atol=2e-3)


@given(NASTY, NASTY)
def test_lines_of_others_change_nothing(before, behind):
    """The answer on a line of its own is found among whatever does not know the nonce."""
    for position in range(3):
        reading = read(f"{before}\n{action_line(QUESTION, position)}\n{behind}", QUESTION)
        if reading.outcome is Outcome.ANSWERED:
            assert reading.action == position
        else:  # an unclosed string of theirs may swallow the line, never change it
            assert reading.outcome in {Outcome.UNREADABLE, Outcome.AMBIGUOUS}


@given(NASTY)
def test_lines_of_others_alone_are_no_answer(text):
    reading = read(f"They said:\n{text}\nI wonder.", QUESTION)
    assert reading.outcome in {Outcome.UNREADABLE, Outcome.REFUSAL}


@given(st.text() | NASTY, st.booleans(), st.sampled_from([QUESTION, BELIEF]))
def test_any_text_has_a_reading_and_always_the_same(text, truncated, question):
    reading = read(text, question, truncated=truncated)
    assert reading == read(text, question, truncated=truncated)
    if truncated:
        assert reading.outcome in {Outcome.TRUNCATED, Outcome.AMBIGUOUS, Outcome.ILLEGAL, Outcome.ANSWERED}


@given(st.integers(0, 10_000))
def test_no_cut_of_a_reply_is_read_as_another_answer(seed):
    """A reply that revises itself, cut anywhere: no answer, or one that was complete when it was cut."""
    rng = np.random.default_rng(seed)
    question = question_about(("go", "go left", "go left slowly"), seed=seed)
    first, second = rng.choice(3, size=2, replace=False)
    forms = [action_line(question, int(p)) for p in (first, second)]
    if rng.random() < 0.5:
        forms[1] = f"ANSWER[{question.nonce}]: {question.options[second]}\n"
    reply = f"Hm.\n{forms[0]}\nBut wait, that loses.\n{forms[1]}"
    for end in range(len(reply) + 1):
        reading = read(reply[:end], question, truncated=True)
        if reading.outcome is Outcome.ANSWERED:
            done = len("Hm.\n") + len(forms[0])
            assert reading.action == (first if end <= done + 1 else second)
            assert end >= (done if reading.action == first else len(reply) - 1)
        else:
            assert reading.outcome is Outcome.TRUNCATED


def test_each_layer_says_so():
    nonce = QUESTION.nonce
    for reply, layer in [
        (f'{{"id": "{nonce}", "action": "rock"}}', Layer.OBJECT),
        (f"{{'id': '{nonce}', 'action': 'rock'}}", Layer.LENIENT),
        (f"ANSWER[{nonce}]: rock", Layer.TAG),
        ("rock", Layer.WHOLE),
        ('{"action": "rock"}', Layer.WHOLE),
    ]:
        assert read(reply, QUESTION).layer is layer


def test_failures_say_what_stood_there_and_no_more():
    reply = f'{{"id": "{QUESTION.nonce}", "action": "{"lizard" * 1000}"}}'
    reading = read(reply, QUESTION)
    assert reading.outcome is Outcome.ILLEGAL
    assert "lizard" in reading.detail
    assert len(reading.detail) < 120
    assert (
        read('{"id": "000000", "action": "rock"}', QUESTION).detail
        == "the object's id is not that of the question"
    )


@pytest.mark.parametrize(
    "unit",
    [
        "{",
        "[",
        '{"a":',
        '{"a":“ID',
        "{'a':'ID",
        "{a:ID,",
        "ANSWER[ID]: {",
        "ID ",
        "<think>",
        "</think>",
        "&quot;ID",
        "\\",
        '"',
        " ",
        "\n",
        "{1} ID\n",
        '{"id": "ID", "action": "rock"} ',
        "`",
        "</s>",
        "{/*",
        "I can't ",
    ],
)
def test_large_replies_are_read_fast(unit):
    """Two million characters, made to be hard, within seconds; the time grows no faster than the reply."""
    text = unit.replace("ID", QUESTION.nonce)
    start = time.perf_counter()
    read(text * (2_000_000 // len(text)), QUESTION)
    assert time.perf_counter() - start < 8
