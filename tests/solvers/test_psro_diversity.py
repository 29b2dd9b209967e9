"""Policy-space diversity: the distance from the hull, the response that trades it, and whole runs."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive import uniform_behaviors
from games.extensive.evaluation import behaviors_of_plans, best_response_to_plans, realization_plans
from solvers.psro import PSRO, DiverseBestResponse, UniformMetaSolver, hull_distance, run_psro
from solvers.psro.variants.diversity import diverse_response, nature_weights, nearest_in_hull

KUHN = compile_open_spiel("kuhn_poker")
THREE = compile_open_spiel("kuhn_poker(players=3)")
LEDUC = compile_open_spiel("leduc_poker")


def random_plan(form, player, rng):
    plex = form.treeplexes[player]
    plan = np.ones(plex.num_sequences)
    for h in range(plex.num_infosets):
        block = slice(plex.start[h], plex.start[h + 1])
        plan[block] = plan[plex.parent[h]] * rng.dirichlet(np.ones(block.stop - block.start))
    return plan


def pure_plans(plex):
    """All of them; actions at information sets that the plan avoids are skipped."""
    found = set()
    for choice in itertools.product(
        *(range(plex.start[h], plex.start[h + 1]) for h in range(plex.num_infosets))
    ):
        plan = np.zeros(plex.num_sequences)
        plan[0] = 1.0
        for h, s in enumerate(choice):
            plan[s] = plan[plex.parent[h]]
        found.add(tuple(plan))
    return np.array(sorted(found))


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), player=st.sampled_from([0, 1]))
def test_nature_makes_a_plan_a_distribution_and_the_distance_a_sum_over_information_sets(seed, player):
    rng = np.random.default_rng(seed)
    for form in (KUHN, LEDUC):
        plex = form.treeplexes[player]
        weights = nature_weights(plex)
        x, other = (random_plan(form, player, rng) for _ in range(2))
        assert weights @ x == pytest.approx(1.0, abs=1e-12)
        smooth = realization_plans(form, uniform_behaviors(form))[player]
        y = nearest_in_hull(weights * x, other[None], smooth, 0.1)
        np.testing.assert_allclose(y, 0.9 * other + 0.1 * smooth, atol=1e-15)  # one policy: nothing to choose
        # The chain rule, from the root: nature's reach of each information set times the own reach.
        total, reach = 0.0, np.zeros(plex.num_sequences)
        reach[0] = 1.0
        for h in range(plex.num_infosets):
            parent, block = plex.parent[h], slice(plex.start[h], plex.start[h + 1])
            reach[block] = reach[parent] / np.count_nonzero(plex.parent == parent)
            mine, theirs = x[block] / x[parent], y[block] / y[parent]
            total += reach[plex.start[h]] * x[parent] * float(mine @ np.log(mine / theirs))
        assert hull_distance(form, player, x, other[None], smoothing=0.1) == pytest.approx(total, abs=1e-10)


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_nearest_member_is_found_by_cvxpy_too(seed):
    import cvxpy as cp

    rng = np.random.default_rng(seed)
    hull = np.array([random_plan(KUHN, 0, rng) for _ in range(4)])
    plan = random_plan(KUHN, 0, rng)
    weighted = nature_weights(KUHN.treeplexes[0]) * plan
    used = weighted > 0
    smooth = realization_plans(KUHN, uniform_behaviors(KUHN))[0]
    mixture = cp.Variable(4, nonneg=True)
    member = 0.05 * smooth[used] + 0.95 * (hull[:, used].T @ mixture)
    problem = cp.Problem(cp.Maximize(weighted[used] @ cp.log(member)), [cp.sum(mixture) == 1])
    problem.solve(solver=cp.CLARABEL)
    nearest = nearest_in_hull(weighted, hull, smooth, 0.05)
    mine = float(weighted[used] @ np.log(nearest[used]))
    # Expectation maximisation comes from below and may stop a little short.
    assert problem.value - 1e-3 <= mine <= problem.value + 1e-7


def test_members_of_the_hull_are_near_and_others_far():
    rng = np.random.default_rng(0)
    hull = pure_plans(KUHN.treeplexes[0])[rng.permutation(27)[:6]]
    inside = hull_distance(KUHN, 0, rng.dirichlet(np.ones(6)) @ hull, hull, smoothing=0.05)
    assert 0.0 <= inside <= -np.log(0.95) + 1e-6
    everything = pure_plans(KUHN.treeplexes[0])
    outside = [hull_distance(KUHN, 0, p, hull, smoothing=0.05) for p in everything]
    assert max(outside) > 1.0
    grown = [hull_distance(KUHN, 0, p, everything, smoothing=0.05) for p in everything]
    assert max(grown) <= -np.log(0.95) + 1e-6


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), price=st.sampled_from([0.0, 0.01, 0.1, 1.0]))
def test_the_response_is_the_best_pure_plan(seed, price):
    rng = np.random.default_rng(seed)
    gradient = rng.normal(size=KUHN.num_sequences[0])
    hull = np.array([random_plan(KUHN, 0, rng) for _ in range(3)])
    found = diverse_response(KUHN, 0, gradient, hull, price=price, smoothing=0.05)
    objectives = [
        float(gradient @ p) + price * hull_distance(KUHN, 0, p, hull, smoothing=0.05)
        for p in pure_plans(KUHN.treeplexes[0])
    ]
    best = max(objectives)
    assert best <= found.bound + 1e-4  # the bound is as good as the nearest members are
    assert found.objective <= best + 1e-9
    # The relaxation is not tight, so the best of its parts may be a second best.
    assert found.objective >= best - (1e-9 + 0.1 * price)


def test_without_a_price_it_is_a_best_response():
    rng = np.random.default_rng(1)
    state = PSRO(DiverseBestResponse(0.0)).init(LEDUC, rng=rng)
    for player in range(2):
        answer = DiverseBestResponse(0.0).respond(state.play, player, rng=rng)
        usual = best_response_to_plans(LEDUC, state.play.plans, player)
        np.testing.assert_array_equal(answer, usual.plan)
    whole = run_psro(LEDUC, iterations=6).unwrap().trace.nash_conv
    same = run_psro(LEDUC, PSRO(DiverseBestResponse(0.0)), iterations=6).unwrap().trace.nash_conv
    np.testing.assert_array_equal(whole, same)


def test_the_hull_is_wider_than_that_of_best_responses():
    everything = pure_plans(KUHN.treeplexes[0])
    distances = []
    for oracle in (DiverseBestResponse(0.0), DiverseBestResponse(1.0)):
        plans = run_psro(KUHN, PSRO(oracle), iterations=4, tol=0.0).unwrap().plans[0]
        # Without the uniform start, which is near everything.
        distances.append(np.mean([hull_distance(KUHN, 0, p, plans[1:], smoothing=0.05) for p in everything]))
    assert distances[1] < distances[0] - 0.02


def test_answers_lie_farther_out_than_best_responses():
    rng = np.random.default_rng(0)
    state = PSRO().init(LEDUC, rng=rng)
    farther = []
    for _ in range(4):
        for player in range(2):
            hull = state.payoffs.populations[player].plans
            plain = best_response_to_plans(LEDUC, state.play.plans, player).plan
            diverse = DiverseBestResponse(1.0).respond(state.play, player, rng=rng)
            far, near = (hull_distance(LEDUC, player, p, hull, smoothing=0.05) for p in (diverse, plain))
            farther.append(far - near)
        state = PSRO().step(state)
    assert min(farther) >= -1e-3
    assert np.mean(farther[2:]) > 0.2  # from the uniform start all pure plans are equally far


def test_answers_gain_at_least_half_of_what_a_best_response_does():
    rng = np.random.default_rng(0)
    state = PSRO().init(LEDUC, rng=rng)
    oracle = DiverseBestResponse(100.0)
    for _ in range(4):
        for player in range(2):
            answer = oracle.respond(state.play, player, rng=rng)
            begin, end = LEDUC.flat.sequence_offset[player], LEDUC.flat.sequence_offset[player + 1]
            changed = state.play.plans.copy()
            usual = best_response_to_plans(LEDUC, changed, player).value
            before = _value(changed, player)
            changed[begin:end] = answer
            assert _value(changed, player) - before >= 0.5 * (usual - before) - 1e-9
        state = PSRO(oracle).step(state)


def _value(plans, player):
    from games.extensive.evaluation import values_and_regrets

    return values_and_regrets(LEDUC, plans)[0][player]


def test_any_number_of_players_may_be_diverse():
    method = PSRO(DiverseBestResponse(0.2), UniformMetaSolver())
    solution = run_psro(THREE, method, iterations=3).unwrap()
    for plans in zip(*(p[-1:] for p in solution.plans), strict=True):
        behaviors_of_plans(THREE, plans)  # refuses what is no plan


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"weight": -1.0}, "weight"), ({"weight": float("nan")}, "weight"), ({"smoothing": 0.0}, "smoothing")],
)
def test_bad_parameters_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        DiverseBestResponse(**arguments)


def test_the_price_falls_with_the_population(monkeypatch):
    prices = []

    def noted(form, player, gradient, hull, *, price, smoothing):
        prices.append(price)
        return diverse_response(form, player, gradient, hull, price=price, smoothing=smoothing)

    monkeypatch.setattr("solvers.psro.variants.diversity.diverse_response", noted)
    rng = np.random.default_rng(0)
    state = PSRO().init(KUHN, rng=rng)
    for policies in (1, 2, 3):
        prices.clear()
        assert len(state.payoffs.populations[0]) == policies
        DiverseBestResponse(0.5).respond(state.play, 0, rng=rng)
        assert prices[0] == pytest.approx(0.5 * KUHN.payoff_range / policies)
        state = PSRO().step(state)
