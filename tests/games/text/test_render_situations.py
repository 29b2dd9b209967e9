"""Prompts of every kind of situation: complete, literal, and from nothing but what the situation holds."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form.game import NormalFormGame
from games.social.desires import Desire
from games.text import (
    AllocationSituation,
    Aspect,
    BundleSituation,
    Exchange,
    Language,
    MatrixSituation,
    PlaySituation,
    Question,
    Remark,
    Wording,
)
from games.text.render import PHRASINGS, render
from games.text.render.voice import LANGUAGES
from tests.games.text.prompt_reader import GRAMMARS, NUMBER, names_of
from tests.games.text.test_render_payoffs import every_wording

# Marks of templates, of tables and of quotations, none of which may be taken for more than itself.
AWKWARD = ("{you}", "$1 %s", "{0.__class__}", "a|b", "`x`", "%(label)s", "{", "}}", "ünï ◆", "Don't")
RPS = NormalFormGame(
    [[[1, 0, 2], [2, 1, 0], [0, 2, 1]], [[1, 2, 0], [0, 1, 2], [2, 0, 1]]], (("R", "P", "S"),) * 2
)


PLAIN = Wording()


def text_of(situation, wording=PLAIN, **asked):
    return render(Question(situation, 1, wording=wording, **asked)).text


class Rules:
    """A game of which only the number of players may show."""

    num_players = 2


def play(**changes):
    situation = PlaySituation(
        Rules(), 1, "The rules.", "You hold a king.", (3, 5), ("bet", "pass"), b"K", np.zeros(2, np.float32),
        np.array([True, True]),
    )  # fmt: skip
    return replace(situation, **changes)


SITUATIONS = [
    MatrixSituation(RPS, 1, ((0, 1), (1, 2)), 10, (1, None), Desire.EQUALITY, (Remark(0, "Hello."),)),
    AllocationSituation([[3, 4], [5, 1]], ("A", "B"), ("", "Bob"), Desire.ALTRUISM),
    BundleSituation([[1, 2], [3, 0]], [2, 3.5], 10, ("A", "B"), ("apples", "pears")),
    play(remarks=(Remark(0, "Hello."),)),
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: type(s).__name__)
@every_wording
def test_every_option_stands_in_quotation_marks(situation, wording):
    text = text_of(situation, wording)
    assert all(f'"{label}"' in text for label in situation.options)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: type(s).__name__)
def test_phrasings_and_languages_differ(situation):
    texts = {text_of(situation, Wording(k, lang)) for k in range(PHRASINGS) for lang in Language}
    assert len(texts) == PHRASINGS * len(Language)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: type(s).__name__)
def test_same_question_same_text_and_earlier_exchanges_stay_out(situation):
    earlier = (Exchange("SECRET", "SECRET"),)
    assert text_of(situation) == text_of(replace(situation), earlier=earlier)


def read_history(text, language, seat):
    """Rounds as (own label, other's label, own payoff, other's payoff)."""
    words = GRAMMARS[language]
    names = names_of(language, 2, seat)
    rounds = []
    for line in text.split("\n"):
        if table := re.match(rf"\| \d+ \| (\w+) \| (\w+) \| ({NUMBER}) \| ({NUMBER}) \|$", line):
            rounds.append((table[1], table[2], float(table[3]), float(table[4])))
        entry = rf'\d+ - {words.you}: "(\w+)", {names[1 - seat]}: "(\w+)" -> .*: ({NUMBER}), .*: ({NUMBER})$'
        if listed := re.search(entry, line):
            rounds.append((listed[1], listed[2], float(listed[3]), float(listed[4])))
    return rounds


@every_wording
@given(
    history=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=12).map(tuple),
    seat=st.integers(0, 1),
    more=st.none() | st.integers(1, 20),
)
@settings(max_examples=6, deadline=None)
def test_history_is_complete_and_from_the_own_seat(wording, history, seat, more):
    payoffs = np.arange(12).reshape(2, 2, 3)
    game = NormalFormGame(payoffs, (("U", "V"), ("X", "Y", "Z")))
    rounds = None if more is None else len(history) + more
    text = text_of(MatrixSituation(game, seat, history, rounds), wording)
    expected = [
        (
            game.actions[seat][joint[seat]],
            game.actions[1 - seat][joint[1 - seat]],
            payoffs[(seat, *joint)],
            payoffs[(1 - seat, *joint)],
        )
        for joint in history
    ]
    assert read_history(text, wording.language, seat) == expected
    own, other = sum(row[2] for row in expected), sum(row[3] for row in expected)
    you, opponent = (names_of(wording.language, 2, seat)[p] for p in (seat, 1 - seat))
    assert f": {you}: {own}, {opponent}: {other}." in text
    assert re.search(rf"\b{len(history) + 1}\b", text)
    assert rounds is None or re.search(rf"\b{rounds}\b", text)


@every_wording
def test_history_of_three(wording):
    game = NormalFormGame(100 + np.arange(24).reshape(3, 2, 2, 2), (("a", "b"), ("c", "d"), ("e", "f")))
    text = text_of(MatrixSituation(game, 1, ((1, 0, 1), (0, 0, 0)), 3), wording)
    paid = [game.payoffs[(p, 1, 0, 1)] for p in (1, 0, 2)]
    line = next(line for line in text.split("\n") if re.search(r"\b1 (?:\||-) .*\bc\b.*\bb\b.*\bf\b", line))
    assert [float(x) for x in re.findall(r"\b1\d\d\b", line)] == paid


@every_wording
@pytest.mark.parametrize("seat", [0, 1])
def test_told_action_names_the_other_and_its_action(wording, seat):
    told = tuple(None if p == seat else 2 for p in range(2))
    plain, known = (text_of(MatrixSituation(RPS, seat, told=t), wording) for t in ((), told))
    (added,) = set(known.split("\n\n")) - set(plain.split("\n\n"))
    assert '"S"' in added
    assert names_of(wording.language, 2, seat)[1 - seat] in added


@every_wording
def test_own_action_that_is_already_taken(wording):
    situation = MatrixSituation(RPS, 0, told=(1, None))
    text = text_of(situation, wording, aspect=Aspect.BELIEF, about=1)
    assert LANGUAGES[wording.language].told_you.format(label="P") in text


@every_wording
@pytest.mark.parametrize("seat", [0, 2])
def test_belief_question_names_whom_it_is_about(wording, seat):
    game = NormalFormGame(np.arange(24).reshape(3, 2, 2, 2), (("a", "b"), ("c", "d"), ("e", "f")))
    asked = text_of(MatrixSituation(game, seat), wording, aspect=Aspect.BELIEF, about=1).split("\n\n")[-2]
    assert names_of(wording.language, 3, seat)[1] in asked
    assert '"c", "d"' in asked
    assert not re.search(r'"[abef]"', asked)


@every_wording
def test_desires_are_told_apart(wording):
    texts = {text_of(MatrixSituation(RPS, desire=desire), wording) for desire in (None, *Desire)}
    assert len(texts) == 5
    altruist = text_of(MatrixSituation(RPS, 1, desire=Desire.ALTRUISM), wording)
    (aim,) = set(altruist.split("\n\n")) - set(text_of(MatrixSituation(RPS, 1), wording).split("\n\n"))
    assert names_of(wording.language, 2, 1)[0] in aim


@every_wording
def test_allocations_are_read_back(wording):
    payoffs = np.array([[301, 302, 303], [504, 105, 106], [-707, 808, 909]])
    text = text_of(AllocationSituation(payoffs, ("U", "V", "W"), ("Me", "Bob", "")), wording)
    read = {label: [] for label in "UVW"}
    for line in text.split("\n"):
        if paid := re.findall(r"-?\b\d\d\d\b", line):
            (label,) = re.findall(r"\b[UVW]\b", line)
            read[label] += map(int, paid)  # one line holds all three, or there is a table for each
    assert read == dict(zip("UVW", payoffs.tolist(), strict=True))
    person = LANGUAGES[wording.language].person.format(number=3)
    assert text.index("Bob") < text.index(person)
    assert "Me" not in text.split()


@every_wording
def test_bundles_are_read_back(wording):
    bundles = np.array([[11, 12.5], [13, 0]])
    situation = BundleSituation(bundles, [2, 3.5], 99, ("U", "V"), ("apples", "pears"))
    text = text_of(situation, wording)
    lines = text.split("\n")
    for label, bundle, cost in zip("UV", bundles, bundles @ [2, 3.5], strict=True):
        line = next(x for x in lines if re.match(rf'(- "{label}" - |\| {label} \| )', x))
        assert [float(x) for x in re.findall(NUMBER, line)] == [*bundle, cost]
    prices = next(x for x in lines if re.findall(NUMBER, x) == ["2", "3.5"])
    assert prices
    assert text.index("apples") < text.index("pears")
    assert re.search(r"\b99 \w+", text)
    assert all(line.count("|") == 5 for line in lines if line.startswith("|"))


def test_play_depends_on_nothing_hidden():
    """Whatever the engine knows beyond the words given does not reach the text."""
    other = play(
        game=type("Other", (Rules,), {})(),
        information_state=b"hidden",
        observation=np.ones(7, np.float32),
        mask=np.array([False, True, True]),
        legal=(8, 9),
    )
    for wording in (Wording(), Wording(1, Language.GERMAN)):
        assert text_of(play(), wording) == text_of(other, wording)
    for change in ({"rules": "Others."}, {"known": "A queen."}, {"options": ("bet", "fold")}):
        assert text_of(play()) != text_of(play(**change))


@every_wording
def test_play_keeps_rules_and_knowledge_literally(wording):
    text = text_of(play(rules="Rules {x}\n  | $1 | %s", known="Board:\n.X.\n{}O."), wording)
    assert "Rules {x}\n  | $1 | %s" in text
    assert "Board:\n.X.\n{}O." in text


@every_wording
def test_awkward_labels_names_units_and_personas_stay_as_they_are(wording):
    payoffs = np.arange(2 * 10 * 2, dtype=float).reshape(2, 10, 2)
    game = NormalFormGame(payoffs, (AWKWARD, ("x", "y|z")), ("{p}", "%d $q"))
    odd = replace(wording, unit="{unit} %s $", persona="a {persona} %s")
    situation = MatrixSituation(game, 0, ((0, 1), (3, 0)), 5, (None, 1))
    prompt = render(Question(situation, 1, wording=odd))
    assert all(f'"{label}"' in prompt.text for label in (*AWKWARD, "y|z"))
    assert all(name in prompt.text for name in ("{p}", "%d $q", "{unit} %s $"))
    assert "a {persona} %s" in prompt.system
    assert prompt.text.count("$1 %s") >= 2


@every_wording
@given(
    text=st.text(max_size=80) | st.sampled_from(["a\nb", "> x\n\nNow choose", 'x\r{"id": 1}', "{you} %s $x"])
)
@settings(max_examples=8, deadline=None)
def test_remarks_cannot_pass_for_the_rest(wording, text):
    """Each line of theirs bears the mark, and all the rest is what it is without the remark."""
    words = LANGUAGES[wording.language]
    plain = text_of(MatrixSituation(RPS), wording).split("\n\n")
    blocks = text_of(MatrixSituation(RPS, remarks=(Remark(1, text),)), wording).split("\n\n")
    (theirs,) = [block for block in blocks if block.startswith(words.remarks)]
    blocks.remove(theirs)
    assert blocks == plain
    _, wrote, *lines = theirs.split("\n")
    assert names_of(wording.language, 2, 0)[1] in wrote
    assert lines
    assert all(line.startswith(">") for line in lines)


def test_remark_of_a_player_in_play():
    text = text_of(play(remarks=(Remark(0, "Give up {now}."),)))
    assert "Written by the other participant:\n> Give up {now}." in text


@pytest.mark.parametrize(
    ("language", "word"), [*zip(Language, ("points", "Punkte", "points", "puntos"), strict=True)]
)
def test_unit(language, word):
    for situation in SITUATIONS[:3]:
        assert re.search(rf"\b{word}\b", text_of(situation, Wording(language=language)))
        dollars = text_of(situation, Wording(language=language, unit="$"))
        assert "$" in dollars
        assert not re.search(rf"\b{word}\b", dollars)


def test_persona_is_all_of_the_system_text():
    assert render(Question(MatrixSituation(RPS), 1)).system == ""
    assert (
        render(Question(MatrixSituation(RPS), 1, wording=Wording(persona="a nurse"))).system
        == "You are a nurse."
    )


def test_players_with_names_of_their_own():
    game = NormalFormGame(RPS.payoffs, RPS.actions, ("Ann", "Ben"))
    text = text_of(MatrixSituation(game, 1))
    assert "You are Ben." in text
    assert "At the same time Ann chooses" in text


def test_answer_is_demanded_last_with_the_nonce():
    question = Question(SITUATIONS[0], 77)
    assert question.nonce in render(question).text.split("\n\n")[-1]
