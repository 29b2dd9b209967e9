"""Patterns by definition, the learner against Bayes by enumeration, ceilings against brute force."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.social.pattern_ceilings import best_play, stationary_ceiling
from games.social.patterns import (
    Biased,
    Loop,
    PatternFamily,
    Reply,
    Sample,
    Switch,
    cyclic_game,
    kinds_of_patterns,
    standard_family,
)

RPS = cyclic_game()
PAYOFFS = RPS.payoffs[0]
NONE = np.empty(0, dtype=np.int64)
ALL = [pattern for patterns in kinds_of_patterns(3).values() for pattern in patterns]
TURNED = Switch(Loop((0, 1), 3), Reply(1, 3), 2)


def law(pattern, *moves):
    return pattern.forecasts(np.array(moves, dtype=np.int64))[-1].tolist()


def test_rock_paper_scissors_pays_as_everybody_knows():
    beats = {("paper", "rock"), ("rock", "scissors"), ("scissors", "paper")}
    for (i, a), (j, b) in product(enumerate(RPS.actions[0]), enumerate(RPS.actions[1])):
        own = 2 if (a, b) in beats else 0 if (b, a) in beats else 1
        assert RPS.payoffs[:, i, j].tolist() == [own, 2 - own]


@pytest.mark.parametrize("n", [3, 4, 5, 8])
def test_uniform_play_earns_the_same_against_everything(n):
    game = cyclic_game([f"a{k}" for k in range(n)], win=5, draw=2, loss=-1)
    np.testing.assert_allclose(game.payoffs[0].mean(axis=0), (5 - 1 + (n - 2) * 2) / n)
    np.testing.assert_array_equal(game.payoffs[0], game.payoffs[1].T)


def test_patterns_do_what_they_are_called():
    third = pytest.approx([1 / 3] * 3)
    assert law(Loop((2,), 3), 0, 1) == [0, 0, 1]
    assert [law(Loop((0, 1), 3), *[0] * t) for t in range(3)] == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert [np.argmax(law(Loop((0, 2, 1), 3), *[0] * t)) for t in range(5)] == [0, 2, 1, 0, 2]
    assert law(Reply(0, 3)) == third
    assert law(Reply(0, 3), 1, 2) == [0, 0, 1]
    assert law(Reply(1, 3), 1, 2) == [1, 0, 0]  # rock beats scissors
    assert law(Biased((0.6, 0.2, 0.2)), 1, 1) == [0.6, 0.2, 0.2]
    assert law(Sample(3)) == third
    assert law(Sample(3), 0, 0, 2, 0) == [0.75, 0, 0.25]
    assert [law(TURNED, *moves) for moves in ((), (2,), (2, 2), (2, 2, 0))] == [
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
        [0, 1, 0],
    ]


@pytest.mark.parametrize("pattern", [*ALL, TURNED], ids=lambda pattern: pattern.name)
def test_forecasts_are_distributions_that_look_at_the_past_only(pattern):
    rng = np.random.default_rng(8)
    moves = rng.integers(3, size=9)
    rows = pattern.forecasts(moves)
    assert rows.shape == (10, 3)
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    for t in range(10):
        np.testing.assert_array_equal(rows[: t + 1], pattern.forecasts(moves[:t]))


@pytest.mark.parametrize("pattern", [*ALL, TURNED], ids=lambda pattern: pattern.name)
def test_equal_memories_have_equal_futures(pattern):
    seen = {}
    for length in range(5):
        for moves in product(range(3), repeat=length):
            future = [
                pattern.forecasts(np.array([*moves, *more], dtype=np.int64))[length:].tobytes()
                for more in product(range(3), repeat=2)
            ]
            key = length, pattern.memory(np.array(moves, dtype=np.int64))
            assert seen.setdefault(key, future) == future


def test_the_family_holds_every_kind_with_the_same_weight():
    for n in (3, 4, 5):
        kinds, family = kinds_of_patterns(n), standard_family(n)
        assert len({pattern.name for pattern in family.patterns}) == len(family.patterns)
        start = 0
        for patterns in kinds.values():
            assert family.prior[start : start + len(patterns)].sum() == pytest.approx(1 / len(kinds))
            start += len(patterns)
        # Nothing favours a place of the cycle beforehand.
        np.testing.assert_allclose(family.predictive([], []), 1 / n)


def bayes(family, moves, seen):
    """Posterior predictive by summing over every path of hypotheses."""
    rounds = len(seen)
    total = np.zeros(family.num_actions)
    laws = [pattern.forecasts(np.array(moves, dtype=np.int64)) for pattern in family.patterns]
    for path in product(range(len(laws)), repeat=rounds + 1):
        weight = family.prior[path[0]]
        for t in range(rounds):
            stays = (1 - family.hazard) * (path[t] == path[t + 1])
            weight *= laws[path[t]][t, seen[t]] * (stays + family.hazard * family.prior[path[t + 1]])
        total += weight * laws[path[-1]][rounds]
    return total / total.sum()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=4),
    st.sampled_from([0.0, 0.1, 1.0]),
)
def test_predictive_is_bayes_by_enumeration(rounds, hazard):
    patterns = (Loop((0, 1), 3), Reply(1, 3), Biased((0.6, 0.2, 0.2)), Biased((1 / 3,) * 3))
    family = PatternFamily(patterns, np.array([1.0, 2, 3, 4]), hazard)
    moves, seen = [own for own, _ in rounds], [other for _, other in rounds]
    np.testing.assert_allclose(family.predictive(moves, seen), bayes(family, moves, seen), atol=1e-12)


def test_posterior_in_closed_form():
    family = PatternFamily((Loop((0,), 3), Biased((1 / 3,) * 3)), np.array([1.0, 1.0]))
    odds = family.posteriors([0] * 6, [0] * 6)
    np.testing.assert_allclose(odds[:, 0], [1 / (1 + 3.0**-t) for t in range(7)])
    np.testing.assert_allclose(family.predictives([0] * 6, [0] * 6)[3], np.array([82, 1, 1]) / 84)
    assert family.posteriors([0], [1])[-1].tolist() == [0, 1]


@pytest.mark.parametrize("pattern", ALL, ids=lambda pattern: pattern.name)
def test_the_learner_finds_every_pattern(pattern):
    rng = np.random.default_rng(11)
    moves = rng.integers(3, size=400)
    laws = pattern.forecasts(moves[:-1])
    seen = [rng.choice(3, p=row) for row in laws]
    found = standard_family().predictive(moves[:-1], seen[:-1])
    assert np.abs(found - laws[-1]).sum() < 0.05


def test_a_hazard_follows_a_switch_that_a_steady_learner_misses():
    moves = np.random.default_rng(2).integers(3, size=40)
    pattern = Switch(Loop((0,), 3), Loop((1,), 3), 20)
    seen = pattern.forecasts(moves)[:-1].argmax(axis=1)
    adapted = standard_family(hazard=0.05).predictives(moves, seen)[:, 1]
    steady = standard_family().predictives(moves, seen)[:, 1]
    assert adapted[24] > 0.8 > 0.55 > steady[24]


def brute_force(pattern, payoffs, rounds):
    """The best sequence of moves; patterns ignore their own luck, so no plan does better."""
    totals = []
    for moves in product(range(len(payoffs)), repeat=rounds):
        laws = pattern.forecasts(np.array(moves[:-1], dtype=np.int64))
        totals.append(sum(payoffs[a] @ row for a, row in zip(moves, laws, strict=True)))
    return max(totals) / rounds


@pytest.mark.parametrize("pattern", [*ALL, TURNED], ids=lambda pattern: pattern.name)
@pytest.mark.parametrize("rounds", [1, 2, 6])
def test_best_play_is_that_of_brute_force(pattern, rounds):
    plan = best_play(pattern, PAYOFFS, rounds)
    assert plan.value == pytest.approx(brute_force(pattern, PAYOFFS, rounds), abs=1e-12)
    moves = NONE
    for _ in range(rounds):
        moves = np.append(moves, plan.action(moves))
    laws = pattern.forecasts(moves[:-1])
    earned = np.mean([PAYOFFS[a] @ row for a, row in zip(moves, laws, strict=True)])
    assert earned == pytest.approx(plan.value, abs=1e-12)


@pytest.mark.parametrize(
    ("pattern", "ceiling"),
    [
        (Loop((1,), 3), 2),
        (Loop((0, 2, 1), 3), 2),
        (Reply(0, 3), 2),
        (Reply(1, 3), 2),
        (Biased((0.6, 0.2, 0.2)), 1.4),
        (Biased((0.5, 0.5, 0)), 1.5),
        (Biased((1 / 3,) * 3), 1),
        (TURNED, 2),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_stationary_ceilings_in_closed_form(pattern, ceiling):
    assert stationary_ceiling(pattern, PAYOFFS) == pytest.approx(ceiling)
    # A long game comes near, up to what the first rounds cost.
    assert best_play(pattern, PAYOFFS, 60).value == pytest.approx(ceiling, abs=2 / 60 + 1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=9, max_size=9), st.integers(0, 2))
def test_stationary_ceiling_against_a_reply_is_the_best_cycle(entries, lead):
    """Memory is the last move, so a cycle of moves earns u(a_k, a_{k-1} + lead) on average."""
    payoffs = np.array(entries, dtype=float).reshape(3, 3)
    means = [
        np.mean([payoffs[cycle[k], (cycle[k - 1] + lead) % 3] for k in range(size)])
        for size in (1, 2, 3)
        for cycle in product(range(3), repeat=size)
    ]
    assert stationary_ceiling(Reply(lead, 3), payoffs) == pytest.approx(max(means))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: cyclic_game(("a", "b")), "three actions"),
        (lambda: cyclic_game(win=0), "win > draw > loss"),
        (lambda: Loop((), 3), "sequence must hold"),
        (lambda: Loop((3,), 3), "sequence must hold"),
        (lambda: Reply(3, 3), "lead must lie"),
        (lambda: Biased((0.5, 0.6)), "sum to one"),
        (lambda: Switch(Loop((0,), 3), Loop((0,), 4), 1), "same number of actions"),
        (lambda: Switch(Loop((0,), 3), Loop((1,), 3), 0), "at be >= 1"),
        (lambda: PatternFamily((), np.array([])), "at least one"),
        (lambda: PatternFamily((Sample(3),), np.array([0.5, 0.5])), "prior must hold 1"),
        (lambda: PatternFamily((Sample(3),), np.array([1.0]), 2.0), "hazard"),
        (lambda: standard_family(2), "num_actions must be >= 3"),
        (lambda: standard_family().predictive([0], []), "equally long"),
        (lambda: standard_family().predictive([3], [0]), "moves must be"),
        (lambda: PatternFamily((Loop((0,), 3),), np.array([1.0])).predictive([0], [1]), "no pattern allows"),
        (lambda: best_play(Sample(3), PAYOFFS, 0), "rounds must be"),
        (lambda: best_play(Sample(3), np.ones((3, 2)), 1), "payoffs must have shape"),
        (lambda: stationary_ceiling(Sample(3), PAYOFFS, limit=50), "at most 50 memories"),
    ],
)
def test_bad_input_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
