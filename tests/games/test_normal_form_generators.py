"""Generators: seeds, and the structural property each family promises."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form import NormalFormGame, exact_potential
from games.normal_form.generators import (
    common_interest_game,
    coordination_game,
    covariant_game,
    dominance_solvable_game,
    potential_game,
    random_game,
    random_integer_game,
    random_symmetric,
    random_symmetric_zero_sum,
    random_zero_sum,
)
from games.normal_form.model_generators import (
    bertrand_game,
    congestion_game,
    cournot_game,
    graphical_game,
    minimum_effort_game,
    polymatrix_game,
    random_edges,
)
from games.normal_form.sizes import MAX_PAYOFFS, check_sizes, equal_sizes
from games.normal_form.structure import exact_potential as structure_exact_potential

GENERATORS = {
    "random": lambda rng: random_game((3, 2, 4), rng=rng),
    "integer": lambda rng: random_integer_game((3, 4), rng=rng),
    "zero-sum": lambda rng: random_zero_sum(3, 5, rng=rng),
    "symmetric-zero-sum": lambda rng: random_symmetric_zero_sum(5, rng=rng),
    "symmetric": lambda rng: random_symmetric(3, 3, rng=rng),
    "common-interest": lambda rng: common_interest_game((3, 4), rng=rng),
    "coordination": lambda rng: coordination_game(3, 3, rng=rng),
    "potential": lambda rng: potential_game((2, 3, 2), rng=rng),
    "covariant": lambda rng: covariant_game((4, 5), rng=rng, correlation=-0.3),
    "dominance-solvable": lambda rng: dominance_solvable_game((3, 3, 2), rng=rng),
    "congestion": lambda rng: congestion_game(3, 2, rng=rng),
    "cournot": lambda rng: cournot_game(2, 6, rng=rng),
    "bertrand": lambda rng: bertrand_game(2, 6, rng=rng),
    "minimum-effort": lambda rng: minimum_effort_game(3, 4, rng=rng),
    "graphical": lambda rng: graphical_game(4, 2, [(0, 1), (2, 3)], rng=rng),
    "polymatrix": lambda rng: polymatrix_game(4, 2, [(0, 1), (1, 2)], rng=rng),
}
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


def is_equilibrium(game, cell):
    """Whether no player gains by moving from ``cell``, by the definition."""
    for i in range(game.num_players):
        moves = game.payoffs[i][tuple(slice(None) if j == i else a for j, a in enumerate(cell))]
        if moves[cell[i]] < moves.max():
            return False
    return True


def pure_equilibria(game):
    return [c for c in itertools.product(*map(range, game.num_actions)) if is_equilibrium(game, c)]


@pytest.mark.parametrize("generate", GENERATORS.values(), ids=GENERATORS.keys())
def test_seeds_decide_everything(generate):
    first, again, other = (generate(np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.payoffs, again.payoffs)
    assert not np.array_equal(first.payoffs, other.payoffs)
    assert isinstance(first, NormalFormGame)
    assert first.name != "game"


@pytest.mark.parametrize("generate", GENERATORS.values(), ids=GENERATORS.keys())
def test_the_global_generator_is_left_alone(generate):
    before = np.random.get_state()[1].copy()  # noqa: NPY002  (the legacy state is what must not move)
    generate(np.random.default_rng(3))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_payoff_intervals():
    rng = np.random.default_rng(5)
    game = random_game((30, 30), rng=rng, low=2.0, high=3.0)
    assert 2.0 <= game.payoffs.min() < 2.05
    assert 2.95 < game.payoffs.max() < 3.0
    whole = random_integer_game((30, 30), rng=rng, low=-1, high=1)
    assert set(np.unique(whole.payoffs)) == {-1.0, 0.0, 1.0}


@few
@given(seeds)
def test_zero_sum_families(seed):
    rng = np.random.default_rng(seed)
    assert random_zero_sum(3, 4, rng=rng).is_zero_sum()
    skew = random_symmetric_zero_sum(4, rng=rng)
    np.testing.assert_array_equal(skew.payoffs[0], -skew.payoffs[0].T)
    assert skew.is_zero_sum()
    assert covariant_game((3, 2, 4), rng=rng, correlation=-0.5).is_zero_sum()


@few
@given(seeds, st.integers(2, 4))
def test_symmetric_games_ignore_who_is_who(seed, players):
    game = random_symmetric(players, 3, rng=np.random.default_rng(seed))
    for order in itertools.permutations(range(players)):
        # Player i of the permuted game is player order[i] of the original.
        moved = np.transpose(game.payoffs[list(order)], (0, *(1 + k for k in order)))
        np.testing.assert_array_equal(moved, game.payoffs)
    assert np.unique(game.payoffs[0]).size > 3


@few
@given(seeds)
def test_common_interest_and_full_correlation_agree_on_everything(seed):
    rng = np.random.default_rng(seed)
    for game in (
        common_interest_game((2, 3, 2), rng=rng),
        covariant_game((2, 3, 2), rng=rng, correlation=1.0),
    ):
        np.testing.assert_array_equal(game.payoffs, np.stack([game.payoffs[0]] * 3))


@pytest.mark.parametrize("correlation", [-0.5, -0.2, 0.0, 0.6, 1.0])
def test_covariant_moments(correlation):
    game = covariant_game((40, 40, 40), rng=np.random.default_rng(11), correlation=correlation)
    cells = game.payoffs.reshape(3, -1)
    wanted = np.full((3, 3), correlation) + (1 - correlation) * np.eye(3)
    # 64 000 cells: the standard error of each entry is below 0.006.
    np.testing.assert_allclose(np.cov(cells), wanted, atol=0.025)
    np.testing.assert_allclose(cells.mean(axis=1), 0.0, atol=0.02)


@few
@given(seeds)
def test_every_common_choice_is_a_strict_equilibrium_of_coordination(seed):
    game = coordination_game(3, 3, rng=np.random.default_rng(seed))
    assert {(k, k, k) for k in range(3)} <= set(pure_equilibria(game))
    assert all((game.payoffs[:, k, k, k] > 0).all() for k in range(3))
    off = game.payoffs[:, ~np.logical_and(*np.diff(np.indices((3, 3, 3)), axis=0) == 0)]
    assert (off <= 0).all()


def deviations_match(game, potential, tol):
    """The definition of an exact potential, checked deviation by deviation."""
    for i, n in enumerate(game.num_actions):
        u, p = np.moveaxis(game.payoffs[i], i, 0), np.moveaxis(potential, i, 0)
        for a, b in itertools.product(range(n), repeat=2):
            np.testing.assert_allclose(u[b] - u[a], p[b] - p[a], atol=tol)


@few
@given(seeds, st.lists(st.integers(1, 4), min_size=1, max_size=4), st.sampled_from([1e-6, 1.0, 1e6]))
def test_potential_games_have_the_potential_found(seed, sizes, scale):
    game = potential_game(sizes, rng=np.random.default_rng(seed))
    scaled = NormalFormGame(game.payoffs * scale)
    potential = exact_potential(scaled)
    assert potential is not None
    assert potential.shape == tuple(sizes)
    assert potential.flat[0] == 0
    deviations_match(scaled, potential, 1e-12 * scale)
    best = np.unravel_index(potential.argmax(), potential.shape)
    assert best in pure_equilibria(scaled) or np.ptp(potential) == 0


@few
@given(seeds)
def test_congestion_and_cournot_have_exact_potentials(seed):
    rng = np.random.default_rng(seed)
    for game in (congestion_game(3, 2, rng=rng), congestion_game(2, 3, rng=rng), cournot_game(3, 5, rng=rng)):
        potential = exact_potential(game)
        assert potential is not None
        deviations_match(game, potential, 1e-12)
        assert pure_equilibria(game)


def test_games_without_an_exact_potential():
    assert exact_potential(NormalFormGame.zero_sum([[1, -1], [-1, 1]])) is None
    assert exact_potential(random_game((2, 2, 2), rng=np.random.default_rng(0))) is None
    assert structure_exact_potential is exact_potential
    # A gain that differs by a millionth of the range is not rounding.
    u = np.array([[0.0, 0.0], [0.0, 1.0]])
    assert exact_potential(NormalFormGame.bimatrix(u, u)) is not None
    assert exact_potential(NormalFormGame.bimatrix(u, u + 1e-6 * u)) is None
    with pytest.raises(ValueError, match="tolerance"):
        exact_potential(NormalFormGame.bimatrix(u, u), tolerance=-1.0)


@few
@given(seeds, st.lists(st.integers(1, 4), min_size=2, max_size=3))
def test_elimination_of_dominated_actions_leaves_one_cell(seed, sizes):
    game = dominance_solvable_game(sizes, rng=np.random.default_rng(seed))
    left = [list(range(n)) for n in sizes]
    changed = True
    while changed:
        changed = False
        for i in range(len(sizes)):
            here = np.moveaxis(game.payoffs[i][np.ix_(*left)], i, 0).reshape(len(left[i]), -1)
            for k in range(len(left[i])):
                if any((here[m] > here[k]).all() for m in range(len(left[i]))):
                    del left[i][k]
                    changed = True
                    break
    assert [len(a) for a in left] == [1] * len(sizes)
    assert pure_equilibria(game) == [tuple(a[0] for a in left)]


def test_some_dominance_solvable_games_take_several_rounds():
    """In one round every action would have to be dominated on the full game."""
    game = dominance_solvable_game((5, 5), rng=np.random.default_rng(0))
    rows = game.payoffs[0]
    dominated = [any((rows[m] > rows[k]).all() for m in range(5)) for k in range(5)]
    assert sum(dominated) < 4


def test_congestion_costs_grow_with_the_crowd():
    game = congestion_game(2, 2, rng=np.random.default_rng(1))
    assert game.actions[0] == ("r1", "r2", "r1+r2")
    u = game.payoffs[0]
    assert u[0, 0] < u[0, 1]  # sharing resource 1 costs more than having it alone
    assert u[2, 2] == pytest.approx(u[0, 0] + u[1, 1])
    assert u[2, 0] == pytest.approx(u[0, 0] + u[1, 0])


def test_cournot_grid_equilibrium_is_near_the_closed_form():
    """With a fine grid the best reply to (a - c)-shares is within one step of the continuous one."""
    rng, check = np.random.default_rng(4), np.random.default_rng(4)
    game = cournot_game(2, 201, rng=rng)
    a, c = check.uniform(1.0, 2.0), check.uniform(0.0, 0.5, 2)
    wanted = (a + c.sum() - 3 * c) / 3  # q_i = (a - 2 c_i + c_j) / 3
    grid = np.linspace(0.0, a / 2, 201)
    distances = [np.abs(grid[list(cell)] - wanted).max() for cell in pure_equilibria(game)]
    assert min(distances) <= grid[1]
    assert game.payoffs.max() < a * a


def test_bertrand_cheapest_sell_and_share():
    game = bertrand_game(3, 5, rng=np.random.default_rng(2))
    u = game.payoffs
    assert (u[0, 2, 1, 3], u[2, 2, 1, 3]) == (0, 0)
    assert u[1, 2, 1, 3] != 0
    assert u[1, 1, 1, 3] == pytest.approx(u[1, 2, 1, 3] / 2)
    assert u[1, 1, 1, 1] == pytest.approx(u[1, 2, 1, 3] / 3)
    assert not u[:, 4, 4, 4].any()  # at the intercept nobody buys


def test_minimum_effort_common_efforts_are_the_pure_equilibria():
    game = minimum_effort_game(3, 4, rng=np.random.default_rng(8))
    assert pure_equilibria(game) == [(k, k, k) for k in range(4)]
    welfare = [game.payoffs[:, k, k, k].sum() for k in range(4)]
    assert welfare == sorted(welfare)


def test_graphical_payoffs_depend_on_neighbours_only():
    game = graphical_game(4, 3, [(0, 1), (2, 1)], rng=np.random.default_rng(6))
    neighbours = {0: {0, 1}, 1: {0, 1, 2}, 2: {1, 2}, 3: {3}}
    for i in range(4):
        for j in range(4):
            constant = np.ptp(game.payoffs[i], axis=j).max() == 0
            assert constant == (j not in neighbours[i])


def test_polymatrix_payoffs_are_sums_over_edges():
    edges = [(1, 0), (1, 2)]
    game = polymatrix_game(4, 3, edges, rng=np.random.default_rng(6))
    middle = game.payoffs[1][..., 0]  # depends on players 0, 1 and 2
    # No interaction between players 0 and 2: mixed second differences vanish.
    mixed = middle - middle[:1] - middle[:, :, :1] + middle[:1, :, :1]
    np.testing.assert_allclose(mixed, 0.0, atol=1e-15)
    assert np.ptp(middle, axis=0).min() > 0
    assert not game.payoffs[3].any()


def test_the_order_of_edges_does_not_matter():
    one = polymatrix_game(3, 2, [(0, 1), (1, 2)], rng=np.random.default_rng(0))
    two = polymatrix_game(3, 2, [(2, 1), (1, 0), (0, 1)], rng=np.random.default_rng(0))
    np.testing.assert_array_equal(one.payoffs, two.payoffs)


def test_random_edges():
    rng = np.random.default_rng(0)
    assert random_edges(5, 0.0, rng=rng) == ()
    assert len(random_edges(5, 1.0, rng=rng)) == 10
    some = random_edges(60, 0.3, rng=rng)
    assert all(i < j for i, j in some)
    assert 0.25 < len(some) / 1770 < 0.35


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: random_game((), rng=RNG), "1 to 63 players, got 0"),
        (lambda: random_game((2,) * 64, rng=RNG), "1 to 63 players, got 64"),
        (lambda: random_game((2, 0), rng=RNG), "at least one action"),
        (lambda: random_game((10**6, 10**6), rng=RNG), "limit"),
        (lambda: random_game((2, 2), rng=RNG, low=1.0, high=1.0), "low < high"),
        (lambda: random_game((2, 2), rng=RNG, low=float("nan")), "low < high"),
        (lambda: random_zero_sum(2, 2, rng=RNG, low=-1e308, high=1e308), "low < high"),
        (lambda: random_integer_game((2, 2), rng=RNG, low=1, high=0), "high must be"),
        (lambda: random_symmetric(0, 2, rng=RNG), "players must lie"),
        (lambda: random_symmetric(10**12, 2, rng=RNG), "players must lie"),
        (lambda: coordination_game(40, 2, rng=RNG), "limit"),
        (lambda: covariant_game((3,), rng=RNG, correlation=0.0), "two players"),
        (lambda: covariant_game((3, 3, 3), rng=RNG, correlation=-0.51), r"lie in \[-0.5, 1\]"),
        (lambda: covariant_game((3, 3), rng=RNG, correlation=float("nan")), "lie in"),
        (lambda: dominance_solvable_game((3,), rng=RNG), "two players"),
        (lambda: congestion_game(2, 0, rng=RNG), "resources"),
        (lambda: congestion_game(2, 10**9, rng=RNG), "limit"),
        (lambda: cournot_game(2, 1, rng=RNG), "quantities"),
        (lambda: bertrand_game(2, 1, rng=RNG), "prices"),
        (lambda: random_edges(0, 0.5, rng=RNG), "players"),
        (lambda: random_edges(3, 1.5, rng=RNG), "probability"),
        (lambda: graphical_game(3, 2, [(0, 3)], rng=RNG), r"edges must join .* got \(0, 3\)"),
        (lambda: polymatrix_game(3, 2, [(1, 1)], rng=RNG), "edges must join"),
    ],
)
def test_bad_arguments_are_refused(build, match):
    with pytest.raises(ValueError, match=match):
        build()


def test_sizes():
    assert check_sizes([np.int64(2), 3]) == (2, 3)
    assert equal_sizes(3, 2) == (2, 2, 2)
    assert check_sizes((MAX_PAYOFFS,)) == (MAX_PAYOFFS,)
    with pytest.raises(ValueError, match="limit"):
        check_sizes((MAX_PAYOFFS + 1,))
    with pytest.raises(TypeError):
        check_sizes((2.5, 2))
