"""Thinking spans are taken out, in every dialect, and an unended one is noticed."""

import pytest
from hypothesis import given, strategies as st

from games.text.refusals import declines
from games.text.thoughts import spoken

MARKS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("< Think >", "< / think >"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<seed:think>", "</seed:think>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
]
PLAIN = st.text(alphabet="abc \n{}<>[]/", max_size=20)


@pytest.mark.parametrize(("begin", "end"), MARKS)
def test_every_dialect(begin, end):
    assert spoken(f"a {begin}b{end} c") == "a \n c"
    assert spoken(f"{begin}b{end}c") == "c"
    assert spoken(f"b{end}c") == "c"
    assert spoken(f"a{begin}b") is None
    assert spoken(f"a `{begin}` b") == f"a `{begin}` b"


@given(PLAIN)
def test_a_text_without_marks_is_spoken(text):
    assert spoken(text) == text


@given(PLAIN, PLAIN, PLAIN)
def test_only_what_is_outside_is_spoken(before, thought, behind):
    assert spoken(f"{before}.<think>{thought}.</think>{behind}") == "\n".join(
        filter(None, [before + ".", behind])
    )


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I am unable to participate.", True),
        ("I respectfully decline.", True),
        ("Das geht nicht, ich kann diese Frage leider nicht beantworten.", True),
        ("Je ne peux malheureusement pas t'aider.", True),
        ("Me niego a elegir.", True),
        ("I cannot decide.", False),
        ("I can't help but smile.", False),
        ("He said he cannot help.", False),
        ("I choose rock.", False),
        ("x" * 2000 + " I can't help with that.", False),
        ("", False),
    ],
)
def test_refusals(text, want):
    assert declines(text) is want
