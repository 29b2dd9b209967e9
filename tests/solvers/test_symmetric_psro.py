"""One population for all seats: the same answers as with one each, for half of the questions."""

import numpy as np
import pytest

from games.adapters.open_spiel_tree import compile_open_spiel
from games.certificates import Certificate
from games.errors import UnsupportedGameError
from games.extensive import fold, from_normal_form, nash_conv, uniform_behaviors
from games.extensive.symmetry import symmetry_of
from games.normal_form import NormalFormGame, load_named
from games.normal_form.risk import RiskAversion
from games.results import SolveResult, Status
from solvers.psro import (
    PSRO,
    CallableMetaSolver,
    EmpiricalPayoffs,
    NashMetaSolver,
    ProjectedReplicatorMetaSolver,
    RiskAverseMetaSolver,
    UniformMetaSolver,
    run_psro,
)
from solvers.psro.variants.symmetric import SymmetricMetaSolver, SymmetricPayoffs, SymmetricPSRO

GOOFSPIEL = compile_open_spiel("goofspiel(num_cards=4,imp_info=True,points_order=descending)")
SYMMETRY = symmetry_of(GOOFSPIEL)


def as_tree(game):
    return fold(from_normal_form(game))


def table_of(form, plans):
    payoffs = EmpiricalPayoffs(form)
    for i, population in enumerate(plans):
        for plan in population:
            payoffs.add(i, plan)
    return payoffs.table


def test_the_equilibrium_of_two_populations_for_half_of_the_questions():
    one = run_psro(GOOFSPIEL, SymmetricPSRO(SYMMETRY), iterations=60)
    two = run_psro(GOOFSPIEL, iterations=60)
    assert one.status is two.status is Status.CERTIFIED
    for result in (one, two):
        assert result.certificate.bound <= 1e-9 * GOOFSPIEL.payoff_range
        assert nash_conv(GOOFSPIEL, result.unwrap().behaviors) <= 1e-8
        assert result.info["value_0"] == pytest.approx(0.0, abs=1e-9)
    solution = one.unwrap()
    responses, cells = solution.trace.queries[-1]
    assert responses == one.steps  # one for each iteration, not one for each player
    assert two.unwrap().trace.queries[-1, 0] == 2 * two.steps
    size = len(solution.plans[0])
    assert cells <= size * (size + 1) / 2  # each unordered pair once; the first one with the opening
    np.testing.assert_array_equal(*solution.profile)
    np.testing.assert_allclose(solution.meta_game.payoffs, table_of(GOOFSPIEL, solution.plans), atol=1e-12)
    for own, seated in zip(*solution.plans, strict=True):
        np.testing.assert_array_equal(SYMMETRY.to_seat(own, 1), seated)


def test_one_step_is_the_step_of_two_populations():
    """While nothing is tied, both runs find the same policies in the same order."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(12, 12))
    form = as_tree(NormalFormGame.zero_sum(a - a.T))
    one = run_psro(form, SymmetricPSRO(symmetry_of(form))).unwrap()
    two = run_psro(form).unwrap()
    for mine, other in zip(one.plans, two.plans, strict=True):
        np.testing.assert_array_equal(mine, other)
    np.testing.assert_allclose(one.trace.nash_conv, two.trace.nash_conv, atol=1e-9)
    np.testing.assert_allclose(one.profile[0], two.profile[0], atol=1e-7)


def public_good():
    """The own payoff depends on the own gift and on how many others give; nobody knows who is who."""
    gifts = np.indices((3, 3, 3))
    total = gifts.sum(axis=0)
    return as_tree(NormalFormGame(np.sqrt(total) - 0.4 * gifts))


def test_three_players_share_a_population():
    form = public_good()
    method = SymmetricPSRO(symmetry_of(form), meta_solver=ProjectedReplicatorMetaSolver(gamma=0.0, tol=1e-8))
    result = run_psro(form, method, iterations=10)
    solution = result.unwrap()
    np.testing.assert_allclose(solution.meta_game.payoffs, table_of(form, solution.plans), atol=1e-12)
    for x in solution.profile:
        np.testing.assert_array_equal(x, solution.profile[0])
    assert np.ptp([result.info[f"value_{i}"] for i in range(3)]) <= 1e-9
    size = len(solution.plans[0])
    assert solution.trace.queries[-1, 1] <= size * (size + 1) * (size + 2) / 6


def test_a_resumed_run_repeats_an_uninterrupted_one(tmp_path):
    file = tmp_path / "run.json"

    def run(iterations, checkpoint):
        method = SymmetricPSRO(SYMMETRY)
        return run_psro(GOOFSPIEL, method, iterations=iterations, checkpoint=checkpoint).unwrap()

    run(4, file)
    resumed, whole = run(9, file), run(9, None)
    np.testing.assert_array_equal(resumed.meta_game.payoffs, whole.meta_game.payoffs)
    np.testing.assert_array_equal(resumed.profile, whole.profile)
    np.testing.assert_array_equal(resumed.trace.nash_conv, whole.trace.nash_conv)
    with pytest.raises(ValueError, match="other settings"):
        run_psro(GOOFSPIEL, PSRO(), iterations=9, checkpoint=file)


def test_mixtures_must_be_one_mixture_where_means_mean_nothing():
    game = load_named("chicken")  # its pure equilibria give the players different actions
    rng = np.random.default_rng(0)
    start = (np.array([0.9, 0.1]), np.array([0.1, 0.9]))
    apart = CallableMetaSolver(lambda game, start, rng: start, "start")
    with pytest.raises(UnsupportedGameError, match=r"start meta-solver .* differ by 0\.8"):
        SymmetricMetaSolver(apart).solve(game, start, rng=rng)
    same = SymmetricMetaSolver(RiskAverseMetaSolver(RiskAversion(0.0))).solve(game, (start[0],) * 2, rng=rng)
    np.testing.assert_allclose(*same.unwrap(), atol=1e-9)
    with pytest.raises(UnsupportedGameError, match="not symmetric"):
        SymmetricMetaSolver(UniformMetaSolver()).solve(NormalFormGame.zero_sum([[1.0, 2.0]]), (), rng=rng)


def test_in_constant_sum_games_the_mean_of_both_is_no_worse():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(6, 6))
    game = NormalFormGame.zero_sum(a - a.T)
    for _ in range(20):
        start = tuple(rng.dirichlet(np.ones(6), 2))
        apart = CallableMetaSolver(lambda game, start, rng: start, "start")
        plain = apart.solve(game, start, rng=rng)
        mean = SymmetricMetaSolver(apart).solve(game, start, rng=rng)
        assert mean.certificate.bound <= plain.certificate.bound + 1e-12
    assert SymmetricMetaSolver(NashMetaSolver()).solve(game, start, rng=rng).status is Status.CERTIFIED


def test_other_games_and_uneven_starts_are_refused():
    with pytest.raises(UnsupportedGameError, match="kuhn_poker"):
        symmetry_of(compile_open_spiel("kuhn_poker"))
    other = compile_open_spiel("goofspiel(num_cards=3,imp_info=True)")
    with pytest.raises(ValueError, match="symmetry is that of"):
        run_psro(other, SymmetricPSRO(SYMMETRY))
    form = as_tree(load_named("chicken"))
    starts = [[[1.0, 1.0, 0.0]], [[1.0, 0.0, 1.0]]]
    with pytest.raises(ValueError, match="player 1 are not those of player 0 in another seat"):
        run_psro(form, SymmetricPSRO(symmetry_of(form)), policies=starts)


def test_payoffs_of_uneven_populations_are_refused():
    payoffs = EmpiricalPayoffs(GOOFSPIEL)
    plans = [b.copy() for b in uniform_behaviors(GOOFSPIEL)]
    payoffs.add(0, plans[0])
    with pytest.raises(ValueError, match="player 1 are not those of player 0"):
        SymmetricPayoffs.of(SYMMETRY, payoffs)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e5, 1e7])
def test_large_payoffs_lose_digits_and_not_the_symmetry(offset):
    a = np.random.default_rng(0).normal(size=(7, 7))
    form = as_tree(NormalFormGame.bimatrix(a - a.T + offset, a.T - a + offset))
    result = run_psro(form, SymmetricPSRO(symmetry_of(form)), tol=1e-6)
    assert result.status is Status.CERTIFIED
    values = [result.info["value_0"], result.info["value_1"]]
    np.testing.assert_allclose(values, offset, atol=1e-5)


def test_a_certificate_that_does_not_hold_for_the_mean_is_not_passed_on():
    class Boaster:
        name = "boaster"

        def solve(self, game, start, *, rng):
            certificate = Certificate("nash_conv", 0.0)
            return SolveResult(start, Status.CERTIFIED, certificate, self.name, 1, 0.0)

    game = NormalFormGame.zero_sum([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    rng = np.random.default_rng(0)
    rock = SymmetricMetaSolver(Boaster()).solve(game, (np.array([1.0, 0.0, 0.0]),) * 2, rng=rng)
    assert (rock.status, rock.certificate.bound) == (Status.STATIONARY, 2.0)
    even = SymmetricMetaSolver(Boaster(), 1e-12).solve(game, (np.full(3, 1 / 3),) * 2, rng=rng)
    assert even.status is Status.CERTIFIED


def test_one_player_has_no_other_seat():
    form = as_tree(NormalFormGame(np.array([[1.0, 3.0, 2.0]])))
    with pytest.raises(UnsupportedGameError, match="one player"):
        SymmetricPSRO(symmetry_of(form))
