"""What a prompt says about payoffs is the game: nothing missing, nothing swapped, from every seat."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form.game import NormalFormGame
from games.text import Framing, Language, MatrixSituation, Question, Wording
from games.text.render import MOST_CELLS, PHRASINGS, render
from games.text.render.numbers import number
from games.text.render.voice import LANGUAGES
from tests.games.text.prompt_reader import NUMBER, assert_tells

WORDINGS = [Wording(phrasing, language) for language in Language for phrasing in range(PHRASINGS)]
ids = [f"{wording.language}-{wording.phrasing}" for wording in WORDINGS]
every_wording = pytest.mark.parametrize("wording", WORDINGS, ids=ids)


def text_of(game, seat, wording):
    return render(Question(MatrixSituation(game, seat), 1, wording=wording)).text


def random_game(sizes, seed, labels="abcdefghijklmnopqrstuvwxyz"):
    rng = np.random.default_rng(seed)
    payoffs = rng.integers(-99, 99, (len(sizes), *sizes)) + rng.choice([0.0, 0.25], (len(sizes), *sizes))
    names = iter(labels)
    return NormalFormGame(payoffs, tuple(tuple(next(names) for _ in range(n)) for n in sizes))


def ring_game(count, size, seed):
    """What player p gets depends on its own choice and on that of the next."""
    rng = np.random.default_rng(seed)
    tables = rng.permutation(count * size * size).reshape(count, size, size)
    payoffs = np.zeros((count, *(size,) * count))
    for joint in itertools.product(range(size), repeat=count):
        for p in range(count):
            payoffs[(p, *joint)] = tables[p, joint[p], joint[(p + 1) % count]]
    return NormalFormGame(payoffs, (tuple("xyz"[:size]),) * count)


@every_wording
@pytest.mark.parametrize("seat", [0, 1])
def test_two_players(wording, seat):
    game = random_game((2, 3), seed=seat)
    assert_tells(text_of(game, seat, wording), game, wording.language, seat)


@every_wording
@pytest.mark.parametrize("seat", [0, 1])
def test_two_players_with_the_same_labels(wording, seat):
    """Only the names of the players tell rows from columns here."""
    game = NormalFormGame(np.arange(18).reshape(2, 3, 3), (("R", "P", "S"),) * 2)
    assert_tells(text_of(game, seat, wording), game, wording.language, seat)


@every_wording
@pytest.mark.parametrize("seat", range(4))
def test_ring_shows_one_small_table_per_player(wording, seat):
    game = ring_game(4, 3, seed=7)
    cells = assert_tells(text_of(game, seat, wording), game, wording.language, seat)
    assert len(cells) == 4 * 9  # the tensor has 324 entries
    assert all(len(chosen) == 2 and len(paid) == 1 for chosen, paid in cells)


@every_wording
@pytest.mark.parametrize("sizes", [(2, 2, 2), (2, 3, 2, 2), (6, 6, 6)])
def test_three_and_more_players_who_all_matter(wording, sizes):
    game = random_game(sizes, seed=3)
    for seat in (0, len(sizes) - 1):
        assert_tells(text_of(game, seat, wording), game, wording.language, seat)


@every_wording
def test_payoffs_that_depend_on_nobody_or_on_one_alone(wording):
    payoffs = np.zeros((3, 2, 2, 2))
    payoffs[0] = 501
    payoffs[1] = np.array([601, 602])[:, None]
    payoffs[2] = np.array([[701, 702], [703, 704]])[:, None, :]
    game = NormalFormGame(payoffs, (("a", "b"), ("c", "d"), ("e", "f")))
    text = text_of(game, 1, wording)
    assert sorted(re.findall(r"[5-7]0\d", text)) == ["501", "601", "602", "701", "702", "703", "704"]
    assert re.search(r"\bc\b.*601", text)
    assert re.search(r"\bd\b.*602", text)


@every_wording
def test_alone(wording):
    game = NormalFormGame([[3, 7]], (("a", "b"),))
    text = text_of(game, 0, wording)
    assert re.search(r"\ba\b.*?\b3\b", text)
    assert re.search(r"\bb\b.*?\b7\b", text)


@every_wording
@pytest.mark.parametrize("seat", [0, 1])
def test_large_game_with_runs(wording, seat):
    """A guessing contest: whoever is nearer to two thirds of the mean wins."""
    guesses = np.arange(0, 40)
    aims = (
        np.abs(guesses[:, None] - (guesses[:, None] + guesses) / 3),
        np.abs(guesses - (guesses[:, None] + guesses) / 3),
    )
    won = np.where(aims[0] < aims[1], 10.0, np.where(aims[0] > aims[1], 0.0, 5.0))
    labels = tuple(map(str, guesses))
    game = NormalFormGame(np.stack([won, 10 - won]), (labels, labels))
    text = text_of(game, seat, wording)
    assert_tells(text, game, wording.language, seat)
    assert len(text) < 40 * 40 * 5  # fewer characters than five per cell, though each holds two payoffs


def test_large_game_without_runs_is_told_whole():
    game = random_game((101, 101), 0, labels=map(str, range(202)))
    text = text_of(game, 1, Wording())
    assert_tells(text, game, Language.ENGLISH, 1)
    assert len(text) < 30 * 101 * 101


def test_refuses_what_nobody_could_read():
    game = NormalFormGame(np.zeros((2, 200, 200)))
    with pytest.raises(ValueError, match=rf"at most {MOST_CELLS} cells .* got 40000"):
        text_of(game, 0, Wording())


@every_wording
def test_mirrored(wording):
    """The second player reads of a game what the first would read of it with the seats swapped."""
    game = random_game((2, 3), seed=5)
    swapped = NormalFormGame(game.payoffs[::-1].transpose(0, 2, 1), game.actions[::-1])
    assert text_of(game, 1, wording) == text_of(swapped, 0, wording)


@every_wording
def test_no_hint_of_the_answer(wording):
    """Apart from the amounts, the text is the same whichever action is best."""
    rng = np.random.default_rng(0)
    texts = set()
    for _ in range(12):
        payoffs = rng.permutation(np.arange(1, 13)).reshape(2, 2, 3)
        game = NormalFormGame(payoffs, (("U", "V"), ("X", "Y", "Z")))
        texts.add(re.sub(NUMBER, "#", text_of(game, 0, wording)))
    assert len(texts) == 1


@pytest.mark.parametrize("phrasing", range(PHRASINGS))
@given(
    payoffs=st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=8, max_size=8),
    seat=st.integers(0, 1),
    language=st.sampled_from(Language),
)
@settings(max_examples=30, deadline=None)
def test_any_amounts(phrasing, payoffs, seat, language):
    game = NormalFormGame(np.reshape(payoffs, (2, 2, 2)), (("U", "V"), ("X", "Y")))
    assert_tells(text_of(game, seat, Wording(phrasing, language)), game, language, seat)


def test_framings_change_the_story_words_only():
    game = random_game((2, 3), seed=9)
    for wording in WORDINGS:
        words = LANGUAGES[wording.language]
        texts = set()
        for framing in Framing:
            cast = words.casts[framing]
            text = text_of(game, 0, Wording(wording.phrasing, wording.language, framing))
            assert text.startswith(cast.two)
            texts.add(text.removeprefix(cast.two).replace(cast.other, "<other>"))
        assert len(texts) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (-2.5, "-2.5"),
        (1e14, "1" + "0" * 14),
        (1 / 3, "0." + "3" * 12),
    ],
)
def test_numbers(value, text):
    assert number(value) == text
