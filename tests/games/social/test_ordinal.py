"""The 144 ordinal games: counted anew, solved by another program, and called by their names."""

from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest

from games.social.ordinal import StrategicClass, ordinal_games

GAMES = ordinal_games()


def arrangements(ranks):
    """All ways to write a game down, as tuples."""
    return {
        tuple(ranks[:, ::rows, ::columns].ravel().tolist()) for rows, columns in product((1, -1), repeat=2)
    }


def players_swapped(ranks):
    return np.stack([ranks[1].T, ranks[0].T])


def test_every_pair_of_rankings_is_one_arrangement_of_one_game():
    found = Counter(form for game in GAMES for form in arrangements(game.ranks))
    everything = {(*a, *b) for a, b in product(permutations((1, 2, 3, 4)), repeat=2)}
    assert len(GAMES) == 144
    assert set(found) == everything
    assert set(found.values()) == {1}
    assert [game.number for game in GAMES] == list(range(1, 145))


def test_seventy_eight_are_left_when_players_change_places_too():
    kinds = {
        frozenset(arrangements(game.ranks) | arrangements(players_swapped(game.ranks))) for game in GAMES
    }
    assert len(kinds) == 78


def test_symmetric_games_are_their_own_mirror_images():
    mirrored = {
        game.number for game in GAMES if arrangements(players_swapped(game.ranks)) & arrangements(game.ranks)
    }
    assert mirrored == {game.number for game in GAMES if game.is_symmetric}
    assert len(mirrored) == 12


def test_classes_are_those_of_best_replies():
    """By definition, from the ranks alone: who has an action that is better in both columns or rows."""
    for game in GAMES:
        rows, columns = game.ranks
        dominant = sum(any((table[a] > table[1 - a]).all() for a in (0, 1)) for table in (rows, columns.T))
        stable = [
            (r, c) for r, c in product((0, 1), repeat=2)
            if rows[r, c] > rows[1 - r, c] and columns[r, c] > columns[r, 1 - c]
        ]  # fmt: skip
        assert list(game.pure_equilibria) == stable
        wanted = {
            (2, 1): StrategicClass.BOTH_DOMINANT,
            (1, 1): StrategicClass.ONE_DOMINANT,
            (0, 2): StrategicClass.TWO_EQUILIBRIA,
            (0, 0): StrategicClass.CYCLIC,
        }
        assert game.strategic_class is wanted[dominant, len(stable)]
    assert list(Counter(game.strategic_class for game in GAMES).values()) == [36, 72, 18, 18]


def test_supports_of_equilibria_are_the_rationalizable_actions():
    pygambit = pytest.importorskip("pygambit")
    for game in GAMES:
        other = pygambit.Game.from_arrays(*game.game.payoffs)
        supports = [set(), set()]
        for profile in pygambit.nash.enummixed_solve(other, rational=True).equilibria:
            for player, support in zip(other.players, supports, strict=True):
                mixture = [profile[strategy] for strategy in player.strategies]
                support |= {k for k, p in enumerate(mixture) if p > 0}
        assert tuple(map(tuple, map(sorted, supports))) == game.elimination.surviving


def symmetric(reward, sucker, temptation, punishment):
    own = np.array([[reward, sucker], [temptation, punishment]])
    return np.stack([own, own.T])


@pytest.mark.parametrize(
    ("name", "payoffs"),
    [
        ("prisoner's dilemma", (3, 1, 4, 2)),
        ("chicken", (3, 2, 4, 1)),
        ("stag hunt", (4, 1, 3, 2)),
        ("deadlock", (2, 1, 4, 3)),
        ("leader", (2, 3, 4, 1)),
        ("hero", (2, 4, 3, 1)),
        ("", (4, 3, 2, 1)),
    ],
)
def test_known_games_have_their_names(name, payoffs):
    forms = arrangements(symmetric(*payoffs))
    (game,) = [game for game in GAMES if forms & arrangements(game.ranks)]
    assert game.name == name


def test_dilemmas_conflicts_and_better_equilibria():
    for game in GAMES:
        cells = list(product((0, 1), repeat=2))
        better = {
            (a, b) for a, b in product(cells, repeat=2) if all(ranks[a] > ranks[b] for ranks in game.ranks)
        }
        equilibria = game.pure_equilibria
        assert game.is_dilemma == (len(equilibria) == 1 and any(b == equilibria[0] for _, b in better))
        ahead = [a for a in equilibria for b in equilibria if (a, b) in better]
        assert game.payoff_dominant == (ahead[0] if ahead else None)
        assert game.is_conflict == (not better)
    assert sum(game.is_dilemma for game in GAMES) == 7
    assert sum(game.payoff_dominant is not None for game in GAMES) == 9


def test_arranging_keeps_the_game():
    for game in GAMES[::7]:
        for rows, columns in product((False, True), repeat=2):
            other = game.arranged(swap_rows=rows, swap_columns=columns)
            assert (other.number, other.name, other.strategic_class, other.is_dilemma) == (
                game.number, game.name, game.strategic_class, game.is_dilemma,
            )  # fmt: skip
            moved = sorted((r ^ rows, c ^ columns) for r, c in game.pure_equilibria)
            assert sorted(other.pure_equilibria) == moved
            np.testing.assert_array_equal(other.game.payoffs, other.ranks)
