"""The catalogue: every claim about a published game is checked by means independent of it."""

import numpy as np
import pygambit
import pytest
from scipy.optimize import linprog

from games.errors import UnknownNameError
from games.normal_form import (
    GAMES,
    NormalFormGame,
    expected_payoffs,
    known_game,
    known_games,
    load_named,
    nash_conv,
)
from games.normal_form.catalogue import (
    beauty_contest,
    catastrophic_chicken,
    colonel_blotto,
    hawk_dove,
    inspection_game,
    minority_game,
    ochs_matching_pennies,
    public_goods,
    pure_coordination,
    travelers_dilemma,
    volunteers_dilemma,
    weighted_rock_paper_scissors,
)

KNOWN = known_games()
IDS = [known.name for known in KNOWN]
each_game = pytest.mark.parametrize("known", KNOWN, ids=IDS)


def as_gambit(game):
    return pygambit.Game.from_arrays(*game.payoffs)


def gambit_profiles(result, gambit_game):
    return [[[float(p[s]) for s in q.strategies] for q in gambit_game.players] for p in result.equilibria]


def same_sets(ours, theirs, tol=1e-7):
    """Whether both lists hold the same profiles, in any order."""
    flat = [np.concatenate([np.ravel(x) for x in p]) for p in ours]
    other = [np.concatenate([np.ravel(x) for x in p]) for p in theirs]
    if len(flat) != len(other):
        return False
    distances = np.abs(np.array(flat)[:, None] - np.array(other)[None]).max(axis=2)
    return bool((distances.min(axis=0) < tol).all() and (distances.min(axis=1) < tol).all())


def is_symmetric(game):
    """Whether exchanging player 1 with any other changes nothing; exchanges generate all permutations."""
    if len(set(game.num_actions)) > 1:
        return False
    for i in range(1, game.num_players):
        order = list(range(game.num_players))
        order[0], order[i] = i, 0
        if not np.array_equal(np.swapaxes(game.payoffs[order], 1, i + 1), game.payoffs):
            return False
    return True


def zero_sum_value(matrix):
    """Value of a matrix game by the row player's linear program."""
    m, n = matrix.shape
    result = linprog(
        np.append(np.zeros(m), -1.0),
        A_ub=np.hstack([-matrix.T, np.ones((n, 1))]),
        b_ub=np.zeros(n),
        A_eq=[[*([1.0] * m), 0.0]],
        b_eq=[1.0],
        bounds=[(0, None)] * m + [(None, None)],
    )
    return -result.fun


def test_the_catalogue_is_as_large_as_promised_and_fully_documented():
    assert len(KNOWN) == len(GAMES) >= 24
    for known in KNOWN:
        assert known.source
        assert "Source:" in known.factory.__doc__


@each_game
def test_every_listed_profile_is_an_equilibrium(known):
    game = known.factory()
    assert known.equilibria
    for profile in known.equilibria:
        assert nash_conv(game, profile) <= 1e-12 * game.payoff_range
        assert all(abs(x.sum() - 1) < 1e-15 * x.size for x in profile)


@each_game
def test_listed_equilibria_are_read_only_and_distinct(known):
    rows = [np.concatenate(p) for p in known.equilibria]
    assert all(not x.flags.writeable for p in known.equilibria for x in p)
    for k, row in enumerate(rows):
        assert all(np.abs(row - other).max() > 1e-6 for other in rows[:k])


@each_game
def test_factory_gives_the_named_game(known):
    game = load_named(known.name)
    assert game.name == known.name
    np.testing.assert_array_equal(game.payoffs, known.factory().payoffs)
    assert known_game(known.name) is known
    # A label that is only a number means nothing, unless the action is a number (a claim or a guess).
    numeric = {"travelers-dilemma", "beauty-contest", "shapley-1974", "nau-irrational"}
    assert known.name in numeric or not any(label.isdigit() for a in game.actions for label in a)


@each_game
def test_tags_tell_the_truth(known):
    game = known.factory()
    assert ("2-player" in known.tags) == (game.num_players == 2)
    assert ("n-player" in known.tags) == (game.num_players > 2)
    assert ("zero-sum" in known.tags) == game.is_zero_sum() == (known.value is not None)
    assert ("constant-sum" in known.tags) == (game.constant_sum() not in (None, 0.0))
    assert ("symmetric" in known.tags) == is_symmetric(game)


@pytest.mark.parametrize("known", [k for k in KNOWN if k.value is not None], ids=lambda k: k.name)
def test_values_agree_with_a_linear_program_and_every_equilibrium(known):
    game = known.factory()
    assert zero_sum_value(game.payoffs[0]) == pytest.approx(known.value, abs=1e-9)
    for profile in known.equilibria:
        assert expected_payoffs(game, profile)[0] == pytest.approx(known.value, abs=1e-12)


@pytest.mark.parametrize("known", [k for k in KNOWN if "2-player" in k.tags], ids=lambda k: k.name)
def test_two_player_lists_agree_with_gambits_enumeration(known):
    # Gambit lists the extreme equilibria; where there are finitely many, these are all of them.
    gambit_game = as_gambit(known.factory())
    theirs = gambit_profiles(pygambit.nash.enummixed_solve(gambit_game, rational=False), gambit_game)
    assert same_sets(known.equilibria, theirs)


@pytest.mark.parametrize(
    "known", [k for k in KNOWN if "n-player" in k.tags and k.complete], ids=lambda k: k.name
)
def test_complete_lists_of_many_players_agree_with_gambits_polynomials(known):
    gambit_game = as_gambit(known.factory())
    theirs = gambit_profiles(pygambit.nash.enumpoly_solve(gambit_game), gambit_game)
    assert same_sets(known.equilibria, theirs, tol=1e-5)


def test_pure_equilibria_agree_with_gambit_where_the_list_is_incomplete():
    for name in ("minority-game", "seltens-horse"):
        known = known_game(name)
        gambit_game = as_gambit(known.factory())
        theirs = gambit_profiles(pygambit.nash.enumpure_solve(gambit_game), gambit_game)
        pure = [p for p in known.equilibria if all(x.max() == 1 for x in p)]
        stacked = {tuple(np.concatenate(p)) for p in pure}
        assert stacked <= {tuple(np.concatenate(p)) for p in theirs}


@pytest.mark.parametrize("name", ["minority-game", "seltens-horse", "two-finger-morra", "colonel-blotto"])
def test_incomplete_lists_are_truly_incomplete(name):
    """Somewhere between two listed equilibria that differ in one player's play lies an unlisted one."""
    known = known_game(name)
    game = known.factory()
    unlisted = {
        "minority-game": ((1, 0), (0, 1), (0.3, 0.7)),
        "seltens-horse": ((0, 1), (0, 1), (0.9, 0.1)),
        "two-finger-morra": ((0, 0.59, 0.41, 0),) * 2,
        "colonel-blotto": (
            known.equilibria[0][0],
            (known.equilibria[0][1] + known.equilibria[1][1]) / 2,
        )
        if name == "colonel-blotto"
        else (),
    }[name]
    assert not known.complete
    assert nash_conv(game, unlisted) <= 1e-12 * game.payoff_range


def test_published_numbers():
    chicken = load_named("chicken")
    assert expected_payoffs(chicken, known_game("chicken").equilibria[2])[0] == pytest.approx(14 / 3)
    shapley = load_named("shapley")
    np.testing.assert_allclose(expected_payoffs(shapley, known_game("shapley").equilibria[0]), 1 / 3)
    assert known_game("oneill").value == -1 / 5
    assert load_named("oneill").actions[0][0] == "joker"
    stag = load_named("stag-hunt")
    np.testing.assert_array_equal(stag.payoffs[0], [[4, -1], [3, 2]])
    np.testing.assert_array_equal(stag.payoffs[1], stag.payoffs[0].T)
    # The paper reports that kickers should go left 38.54 % and goalkeepers 41.99 % of the time.
    kick, dive = known_game("penalty-kick").equilibria[0]
    assert (round(kick[0], 4), round(dive[0], 4)) == (0.3854, 0.4199)


def test_claims_two_to_ten():
    game = travelers_dilemma()
    assert game.actions[0] == tuple(str(k) for k in range(2, 11))
    assert tuple(game.payoffs[:, 0, 8]) == (4, 0)
    assert tuple(game.payoffs[:, 8, 8]) == (10, 10)


@pytest.mark.parametrize("places", [1, 2, 4])
def test_coordination_has_an_equilibrium_for_every_set_of_places(places):
    gambit_game = as_gambit(pure_coordination(places))
    theirs = pygambit.nash.enummixed_solve(gambit_game, rational=False).equilibria
    assert len(theirs) == 2**places - 1


@pytest.mark.parametrize("wins", [(1.0, 3.0, 2.0), (1e-6, 2e-6, 5e-6), (7e5, 1e5, 2e5)])
def test_weighted_rock_paper_scissors_closed_form(wins):
    paper_rock, scissors_paper, rock_scissors = wins
    x = np.array([scissors_paper, rock_scissors, paper_rock]) / sum(wins)
    game = weighted_rock_paper_scissors(*wins)
    assert nash_conv(game, (x, x)) <= 1e-12 * game.payoff_range


@pytest.mark.parametrize(
    ("game", "profile"),
    [
        (catastrophic_chicken(-7.0), ((9 / 10, 1 / 10),) * 2),
        (hawk_dove(3.0, 12.0), ((1 / 4, 3 / 4),) * 2),
        (hawk_dove(3.0, 2.0), ((1, 0),) * 2),
        (inspection_game(10.0, 5.0, 1.0, 2.0), ((2 / 5, 3 / 5), (1 / 5, 4 / 5))),
        (ochs_matching_pennies(9.0), ((1 / 2, 1 / 2), (1 / 10, 9 / 10))),
        (volunteers_dilemma(4, 8.0, 1.0), ((1 / 2, 1 / 2),) * 4),
        (public_goods(3, 2.9), ((1, 0),) * 3),
        (minority_game(5), ((1 / 2, 1 / 2),) * 5),
        (beauty_contest(1), ((1, 0),) * 2),
        (travelers_dilemma(2, 100, 2), (np.eye(99)[0],) * 2),
    ],
    ids=lambda x: x.name if isinstance(x, NormalFormGame) else "",
)
def test_parameters_keep_their_closed_forms(game, profile):
    assert nash_conv(game, profile) <= 1e-12 * game.payoff_range


def test_blotto_beaten_regiments_are_counted():
    game = colonel_blotto()
    rows, columns = game.actions
    pay = {(r, c): game.payoffs[0, i, j] for i, r in enumerate(rows) for j, c in enumerate(columns)}
    assert (pay["4-0", "3-0"], pay["4-0", "0-3"], pay["2-2", "3-0"]) == (4, 0, -2)
    assert (pay["3-1", "2-1"], pay["2-2", "2-1"]) == (3, 2)


@pytest.mark.parametrize(
    "build",
    [
        lambda: catastrophic_chicken(2.0),
        lambda: catastrophic_chicken(float("nan")),
        lambda: hawk_dove(0.0, 1.0),
        lambda: pure_coordination(0),
        lambda: inspection_game(wage=9.0),
        lambda: inspection_game(effort=0.0),
        lambda: ochs_matching_pennies(0.0),
        lambda: travelers_dilemma(5, 4),
        lambda: travelers_dilemma(2, 10, 0),
        lambda: beauty_contest(0),
        lambda: weighted_rock_paper_scissors(1.0, -1.0, 1.0),
        lambda: colonel_blotto(0, 3),
        lambda: minority_game(4),
        lambda: minority_game(10**9 + 1),
        lambda: public_goods(4, 4.0),
        lambda: volunteers_dilemma(3, 1.0, 1.0),
        lambda: volunteers_dilemma(1),
    ],
)
def test_bad_parameters_are_refused(build):
    with pytest.raises(ValueError, match=r"got|limit"):
        build()


def test_unknown_names_suggest_near_matches():
    with pytest.raises(UnknownNameError, match="did you mean 'chicken'"):
        load_named("chiken")
    with pytest.raises(UnknownNameError, match="did you mean 'stag-hunt'"):
        known_game("staghunt")
