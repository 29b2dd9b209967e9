"""Machines: they move as the strategies of their names, and worths are those of all continuations."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form import catalogue
from games.social.machines import (
    Machine,
    alternating,
    always,
    coin,
    grim,
    tit_for_tat,
    win_stay_lose_shift,
    worth_of_continuing,
    worth_of_rounds,
)
from games.social.pattern_ceilings import best_play
from games.text.questions import Question
from games.text.situations import MatrixSituation
from marl.players.strategies import reciprocity

DILEMMA = catalogue.prisoners_dilemma()
MACHINES = [
    tit_for_tat(),
    tit_for_tat(0.3),
    grim(),
    win_stay_lose_shift(DILEMMA.payoffs[1]),
    always(0),
    always(1),
    alternating(),
    coin(),
]
GAMES = [DILEMMA, catalogue.stag_hunt(), catalogue.chicken(), catalogue.battle_of_the_sexes()]
moves = st.lists(st.integers(0, 1), max_size=8)


def named(machine):
    return machine.name


@pytest.mark.parametrize(
    ("machine", "strategy"),
    [
        (tit_for_tat(), reciprocity.TitForTat()),
        (tit_for_tat(0.3), reciprocity.TitForTat(0.3)),
        (grim(), reciprocity.grim),
        (always(0), reciprocity.always_kind),
        (always(1), reciprocity.always_unkind),
        (None, reciprocity.win_stay_lose_shift),
    ],
)
@pytest.mark.parametrize("game", GAMES[:3], ids=named)
@given(seen=moves, seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_machines_move_as_scripted_players_of_their_names(machine, strategy, game, seen, seed):
    machine = win_stay_lose_shift(game.payoffs[1]) if machine is None else machine
    rng = np.random.default_rng(seed)
    laws = machine.forecasts(np.array(seen, dtype=np.int64))
    history = ()
    for number in range(len(seen) + 1):
        situation = MatrixSituation(game, 1, history, None)
        np.testing.assert_allclose(laws[number], strategy(Question(situation, 0)))
        if number < len(seen):
            history += ((seen[number], int(rng.random() >= laws[number, 0])),)


@given(seen=moves)
def test_alternating_and_coin(seen):
    laws = alternating().forecasts(np.array(seen, dtype=np.int64))
    np.testing.assert_array_equal(laws[:, 1], np.arange(len(seen) + 1) % 2)
    assert (coin().forecasts(np.array(seen, dtype=np.int64)) == 0.5).all()


def earned(machine, payoffs, plan):
    """Expected payoff of each round of a fixed sequence of moves."""
    laws = machine.forecasts(np.array(plan, dtype=np.int64))[:-1]
    return np.array([payoffs[move] @ law for move, law in zip(plan, laws, strict=True)])


@pytest.mark.parametrize("machine", MACHINES, ids=named)
@pytest.mark.parametrize("game", GAMES, ids=named)
def test_worths_are_those_of_all_sequences_of_moves(game, machine):
    payoffs, rounds = game.payoffs[0], 5
    worth = worth_of_rounds(machine, payoffs, rounds)
    totals = {plan: earned(machine, payoffs, plan) for plan in product((0, 1), repeat=rounds)}
    assert worth.best == pytest.approx(max(total.sum() for total in totals.values()))
    assert worth.chance == pytest.approx(np.mean([total.sum() for total in totals.values()]))
    for begin in product((0, 1), repeat=2):
        state = machine.memory(np.array(begin, dtype=np.int64))
        for move in (0, 1):
            rest = max(total[2:].sum() for plan, total in totals.items() if plan[:3] == (*begin, move))
            assert worth.of(2, state)[move] == pytest.approx(rest)
    assert best_play(machine, payoffs, rounds).value * rounds == pytest.approx(worth.best)


@pytest.mark.parametrize("machine", MACHINES, ids=named)
@pytest.mark.parametrize("continuation", [0.0, 0.5, 0.9])
def test_open_ends_are_the_limit_of_long_discounted_play(machine, continuation):
    payoffs = DILEMMA.payoffs[0]
    worth = worth_of_continuing(machine, payoffs, continuation)
    now = machine.laws @ payoffs.T
    best, chance = np.zeros(len(now)), np.zeros(len(now))
    for _ in range(400):
        best = (now + continuation * best[machine.following]).max(axis=1)
        chance = (now + continuation * chance[machine.following]).mean(axis=1)
    np.testing.assert_allclose([worth.best, worth.chance], [best[0], chance[0]], rtol=1e-12)
    np.testing.assert_allclose(worth.of(7, 0), worth.of(0, 0))


def test_cooperation_pays_against_tit_for_tat_only_if_it_goes_on_likely_enough():
    """With payoffs 5, 3, 1 and 0: defecting once, or for ever, gains less from a probability of 2/3 on."""
    payoffs = DILEMMA.payoffs[0]
    for continuation, kind in ((0.6, False), (0.7, True)):
        values = worth_of_continuing(tit_for_tat(), payoffs, continuation).of(0, 0)
        assert (values[0] > values[1]) == kind
    known = worth_of_rounds(tit_for_tat(), payoffs, 10)
    assert known.best == 9 * 3 + 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Machine("x", np.eye(2), np.zeros((1, 2), dtype=np.int64)), "must fit"),
        (lambda: Machine("x", np.full((1, 2), 0.6), np.zeros((1, 2), dtype=np.int64)), "distributions"),
        (lambda: Machine("x", np.eye(2), np.full((2, 2), 2)), "states"),
        (lambda: tit_for_tat(1.5), "forgiveness"),
        (lambda: win_stay_lose_shift([1, 2]), "shape"),
        (lambda: worth_of_rounds(coin(), np.eye(2), 0), "rounds"),
        (lambda: worth_of_rounds(coin(), np.eye(3), 1), "shape"),
        (lambda: worth_of_continuing(coin(), np.eye(2), 1.0), "continuation"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
