"""Players that compute: what they draw, what they refuse, and what they do against closed forms."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st

from games.errors import UnsupportedGameError
from games.normal_form.game import NormalFormGame
from games.normal_form.quantal import logit_residual
from games.social.desires import Desire
from games.text import (
    AllocationSituation,
    BundleSituation,
    MatrixSituation,
    Outcome,
    Question,
)
from marl.players import ScriptedPlayer, scripted_player
from marl.players.catalogue import RECIPES, Solved
from marl.players.strategies import (
    ByKind,
    CharnessRabin,
    CobbDouglas,
    DesireSeeker,
    EvenOdds,
    Frequencies,
    LevelOf,
    Logit,
    LogitEquilibrium,
    NGram,
    Noisy,
    Reasoner,
    SolvedProfile,
    TitForTat,
    best,
    grim,
    maximax,
    maximin,
    uniform,
)
from tests.marl.players.asked import (
    RING,
    about,
    belief_about,
    decide,
    permuted,
    random_game,
    weigh,
)

SHARES = AllocationSituation(
    np.array([[300.0, 300.0], [500.0, 100.0], [100.0, 500.0], [300.0, 400.0]]),
    ("a", "b", "c", "d"),
    ("you", "Kim"),
)


def test_actions_are_drawn_as_weighed_and_repeat():
    player = ScriptedPlayer("p", lambda question: np.array([0.2, 0.5, 0.0, 0.3]))
    questions = [Question(SHARES, seed) for seed in range(4000)]
    drawn = [decide(player, question).action for question in questions]
    assert drawn == [decide(player, question).action for question in questions]
    counts = Counter(drawn)
    assert counts[2] == 0
    for option, share in ((0, 0.2), (1, 0.5), (3, 0.3)):  # four standard deviations
        assert abs(counts[option] / 4000 - share) < 4 * (share * (1 - share) / 4000) ** 0.5
    assert weigh(player, questions[0]).probabilities == pytest.approx((0.2, 0.5, 0.0, 0.3))


@pytest.mark.parametrize("bad", [[0.5, 0.6], [1.0], [-0.5, 1.5], [float("nan"), 1.0]])
def test_what_is_no_distribution_is_refused(bad):
    player = ScriptedPlayer("bad one", lambda question: np.array(bad))
    with pytest.raises(ValueError, match="bad one must give a distribution over 2 options"):
        decide(player, about(RING))


def test_who_has_no_beliefs_declines_and_a_belief_cannot_be_weighed():
    decision = decide(ScriptedPlayer("p", grim), belief_about(RING, 1))
    assert (decision.belief, decision.outcome) == (None, Outcome.REFUSAL)
    with pytest.raises(ValueError, match="about an action"):
        weigh(ScriptedPlayer("p", uniform, uniform), belief_about(RING, 1))


# In the ring U is best against even odds, and V once the other is known to take its dominant Y.
@pytest.mark.parametrize(("level", "action"), [(1, 0), (2, 1), (3, 1), (4, 1)])
def test_levels_in_the_ring(level, action):
    player = scripted_player(f"level{level}")
    assert decide(player, about(RING)).action == action
    believed = decide(player, belief_about(RING, 1)).belief
    assert believed == ((0.5, 0.5) if level == 1 else (0.0, 1.0))
    assert decide(player, about(RING, told=(None, 1))).action == 1
    assert decide(player, about(RING, seat=1)).action == 1  # dominant


def test_level_0_and_uniform_take_everything_alike():
    for name in ("level0", "level:0", "uniform"):
        assert weigh(scripted_player(name), about(RING, told=(None, 1))).probabilities == (0.5, 0.5)
        assert decide(scripted_player(name), belief_about(RING, 1)).belief == (0.5, 0.5)


def brute_values(situation):
    """Worth of each own action in each outcome, by going through all joint actions."""
    game, seat = situation.game, situation.seat
    worth = [{} for _ in range(game.num_actions[seat])]
    for joint in itertools.product(*map(range, game.num_actions)):
        if any(
            t is not None and t != a and i != seat
            for i, (t, a) in enumerate(zip(told_of(situation), joint, strict=True))
        ):
            continue
        payoffs = game.payoffs[(slice(None), *joint)]
        value = payoffs[seat] if situation.desire is None else situation.desire.utilities(payoffs, seat)
        worth[joint[seat]][joint[:seat] + joint[seat + 1 :]] = float(value)
    return worth


def told_of(situation):
    return situation.told or (None,) * situation.game.num_players


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 3, 2)])
@pytest.mark.parametrize("desire", [None, *Desire])
def test_best_worst_and_even_against_brute_force(shape, desire):
    rng = np.random.default_rng(7)
    for _ in range(8):
        game = random_game(rng, shape)
        for seat in range(len(shape)):
            last = len(shape) - 1 if seat < len(shape) - 1 else 0
            for told in ((), tuple(1 if p == last else None for p in range(len(shape)))):
                situation = MatrixSituation(game, seat, told=told, desire=desire)
                worth = brute_values(situation)
                question = Question(situation, seed=1)
                for strategy, key in (
                    (maximin, lambda w: min(w.values())),
                    (maximax, lambda w: max(w.values())),
                    (Reasoner(EvenOdds()).strategy, lambda w: sum(w.values()) / len(w)),
                ):
                    values = np.array([key(w) for w in worth])
                    assert set(np.flatnonzero(strategy(question))) == set(
                        np.flatnonzero(values >= values.max() - 1e-9)
                    )


def test_logit_and_its_equilibrium():
    values = np.array([1.0, 2.0, 4.0])
    expected = np.exp(0.7 * values) / np.exp(0.7 * values).sum()
    np.testing.assert_allclose(Logit(0.7)(values), expected)
    np.testing.assert_allclose(Logit(0.0)(values), 1 / 3)
    assert Logit(1e6)(1e6 * values)[2] == 1.0
    # P(V) of the sheet: the other is logit against even odds, and so is the player against that.
    for precision, share in ((0.05, 0.36), (0.1, 0.30), (0.2, 0.38), (0.5, 0.97)):
        player = scripted_player(f"logit-level:2:{precision}")
        assert weigh(player, about(RING)).probabilities[1] == pytest.approx(share, abs=0.005)
    profile = LogitEquilibrium(0.3)(RING)
    assert logit_residual(RING, profile, 0.3) < 1e-8
    player = scripted_player("logit-equilibrium:0.3")
    np.testing.assert_allclose(weigh(player, about(RING)).probabilities, profile[0])
    np.testing.assert_allclose(decide(player, belief_about(RING, 1)).belief, profile[1])


def test_an_iteration_that_does_not_converge_says_so():
    pennies = NormalFormGame.zero_sum([[9.0, -3.0], [-1.0, 1.0]])
    with pytest.raises(UnsupportedGameError, match="residual"):
        decide(scripted_player("logit-equilibrium:50"), about(pennies))


def test_a_solved_profile_is_asked_once_per_game_and_hears_what_it_is_told():
    asked = []

    def solve(game):
        asked.append(game)
        return [np.array([0.25, 0.75]), np.array([0.4, 0.6])]

    player = SolvedProfile(solve)
    for seed in range(3):
        same = NormalFormGame(RING.payoffs.copy())
        np.testing.assert_array_equal(player.strategy(about(same, seed=seed)), [0.25, 0.75])
        np.testing.assert_array_equal(player.strategy(about(same, seat=1, seed=seed)), [0.4, 0.6])
        np.testing.assert_array_equal(player.beliefs(belief_about(same, 1)), [0.4, 0.6])
    assert len(asked) == 1
    np.testing.assert_array_equal(player.strategy(about(RING, told=(None, 0))), [1, 0])
    player.strategy(about(RING, seat=1, desire=Desire.ALTRUISM))
    np.testing.assert_array_equal(asked[-1].payoffs, [RING.payoffs[0], RING.payoffs[0]])


@pytest.mark.parametrize(
    ("desire", "option"),
    [
        (None, "b"),
        (Desire.SELF_INTEREST, "b"),
        (Desire.EQUALITY, "a"),
        (Desire.ALTRUISM, "c"),
        (Desire.COMMON_INTEREST, "d"),
    ],
)
def test_divisions_by_desire(desire, option):
    situation = AllocationSituation(SHARES.payoffs, SHARES.options, SHARES.people, desire)
    for name in ("rational", "level2", "equilibrium"):
        solved = Solved(profile=lambda game: [])
        assert SHARES.options[decide(scripted_player(name, solved), Question(situation, 0)).action] == option
    assert SHARES.options[decide(scripted_player("self-interest"), Question(situation, 0)).action] == "b"
    assert DesireSeeker(Desire.EQUALITY)(Question(SHARES, 0)).argmax() == 0


def test_charness_and_rabins_chooser():
    worth = []
    for x, y in SHARES.payoffs:
        weight = 0.4 if x > y else -0.2 if x < y else 0.0
        worth.append((1 - weight) * x + weight * y)
    expected = np.exp(0.01 * np.array(worth))
    found = CharnessRabin(0.4, -0.2, 0.01)(Question(SHARES, 0))
    np.testing.assert_allclose(found, expected / expected.sum())
    three = AllocationSituation(np.ones((2, 3)), ("a", "b"), ("you", "Kim", "Lee"))
    with pytest.raises(UnsupportedGameError, match="between two"):
        CharnessRabin(0.4, -0.2, 0.01)(Question(three, 0))


def test_cobb_douglas_takes_the_best_bundle():
    x = np.linspace(0, 10, 11)
    situation = BundleSituation(
        np.stack([x, (10 - x) / 2], axis=1),
        np.array([1.0, 2.0]),
        10.0,
        tuple(map(str, range(11))),
        ("tea", "rice"),
    )
    # Without constraints to whole numbers the share of income spent on a good is its weight.
    assert CobbDouglas((0.3, 0.7))(Question(situation, 0)).argmax() == 3
    assert CobbDouglas()(Question(situation, 0)).argmax() == 5
    assert decide(scripted_player("cobb-douglas:0.6:1.4"), Question(situation, 0)).action == 3
    with pytest.raises(ValueError, match="one per good, 2, got 3"):
        CobbDouglas((1.0, 1.0, 1.0))(Question(situation, 0))


def test_situations_without_a_rule_are_refused():
    for question in (Question(SHARES, 0),):
        for strategy in (
            grim,
            maximin,
            Reasoner(EvenOdds()).strategy,
            SolvedProfile(lambda game: []).strategy,
        ):
            with pytest.raises(UnsupportedGameError, match="AllocationSituation"):
                strategy(question)
    with pytest.raises(UnsupportedGameError, match="no strategy for a MatrixSituation"):
        ByKind(allocation=uniform)(about(RING))
    with pytest.raises(UnsupportedGameError, match="for AllocationSituation only, got Matrix"):
        DesireSeeker()(about(RING))


NUMBERS = {
    "k": "2",
    "precision": "0.1",
    "order": "2",
    "forgiveness": "0.3",
    "rho": "0.4",
    "sigma": "-0.1",
    "hazard": "0.01",
}


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(RECIPES)))
def test_what_matrix_players_do_does_not_depend_on_the_order_of_actions(seed, name):
    rng = np.random.default_rng(seed)
    game = random_game(rng, (2, 2))
    own, other = rng.permutation(2), rng.permutation(2)
    history = tuple((int(a), int(b)) for a, b in rng.integers(0, 2, (int(rng.integers(0, 6)), 2)))
    numbers = [NUMBERS[number] for number in RECIPES[name].numbers if number != "..."]
    player = scripted_player(":".join([name, *numbers]), Solved(profile=LogitEquilibrium(0.01)))
    shown = tuple((int(np.flatnonzero(own == a)[0]), int(np.flatnonzero(other == b)[0])) for a, b in history)
    plain = Question(MatrixSituation(game, history=history, rounds=None), seed=3)
    turned = Question(MatrixSituation(permuted(game, own, other), history=shown, rounds=None), seed=3)
    try:
        expected = player.strategy(plain)
    except UnsupportedGameError:
        with pytest.raises(UnsupportedGameError):
            player.strategy(turned)
        return
    np.testing.assert_allclose(player.strategy(turned), expected[own], atol=1e-9)
    assert expected.sum() == pytest.approx(1)


def test_ties_by_rounding_are_ties():
    np.testing.assert_array_equal(best(np.array([2.0, 2.0, 1.0])), [0.5, 0.5, 0])
    for scale in (1e-6, 1.0, 1e6):  # thirds do not sum to the same number in every order
        game = NormalFormGame.bimatrix(scale * np.array([[0.1, 0.2, 0.3], [0.3, 0.1, 0.2]]), np.zeros((2, 3)))
        np.testing.assert_array_equal(Reasoner(EvenOdds()).strategy(about(game)), [0.5, 0.5])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LevelOf(-1), "level"),
        (lambda: Logit(-1.0), "precision"),
        (lambda: Frequencies(prior=0.0), "prior"),
        (lambda: NGram(-1), "order"),
        (lambda: TitForTat(1.5), "forgiveness"),
        (lambda: Noisy(uniform, 2.0), "probability"),
        (lambda: CharnessRabin(float("nan"), 0.0, 1.0), "rho"),
        (lambda: CobbDouglas((0.0, 1.0)), "weights"),
    ],
)
def test_bad_numbers_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
