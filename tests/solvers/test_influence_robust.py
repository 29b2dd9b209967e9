"""Max-min ratio over several models against exact spreads."""

from itertools import combinations

import numpy as np
import pytest

from games.influence.diffusion import uniform_cascade, uniform_threshold, weighted_cascade
from games.influence.exact import exact_spread
from games.influence.families import at_most
from games.influence.family_problems import family_problem
from games.influence.graph import graph_from_arcs
from games.influence.maximin import model_ends
from solvers.influence.robust import solve_robust


def ratios(models, seeds, best):
    return np.array([exact_spread(m, seeds) / b for m, b in zip(models.values(), best, strict=True)])


@pytest.mark.parametrize("seed", range(3))
def test_certified_ratios_hold_for_true_optima(seed):
    rng = np.random.default_rng(seed)
    graph = graph_from_arcs(rng.integers(8, size=12), rng.integers(8, size=12), num_nodes=8)
    models = {
        "cascade": weighted_cascade(graph),
        "even": uniform_cascade(graph, 0.3),
        "threshold": uniform_threshold(graph),
        "timed": uniform_cascade(graph, 0.8, max_steps=1),
    }
    problem = family_problem(models["even"], range(8), at_most(2, 8))
    result = solve_robust(problem, models, sets=1 << 12, rng=np.random.default_rng(seed))
    answer = result.unwrap()
    pairs = list(combinations(range(8), 2))
    best = [max(exact_spread(m, s) for s in pairs) for m in models.values()]
    mixed = sum(p * ratios(models, s, best) for p, s in answer.mixture)
    low, high = answer.value_interval
    assert low <= mixed.min()  # a ratio to the bounds is one to the optima
    assert max(ratios(models, s, best).min() for s in pairs) >= low
    single = ratios(models, answer.single, best)
    for k, name in enumerate(models):
        assert answer.single_ends[name][1] <= single[k]
    assert mixed.min() >= 0.9
    assert result.certificate.bound == pytest.approx(high - low)


def test_opposed_models_are_hedged():
    """Each model has its own hub: the robust answer plays either half the time."""
    n = 21
    leaves = np.arange(2, n)
    first = uniform_cascade(graph_from_arcs(np.zeros(19, dtype=int), leaves, num_nodes=n), 1.0)
    second = uniform_cascade(graph_from_arcs(np.ones(19, dtype=int), leaves, num_nodes=n), 1.0)
    problem = family_problem(first, [0, 1], at_most(1, 2))
    answer = solve_robust(problem, {"first": first, "second": second}, tol=0.05).unwrap()
    assert [p for p, _ in answer.mixture] == pytest.approx([0.5, 0.5], abs=0.01)
    assert min(value for value, _ in answer.ends.values()) == pytest.approx((1 + 1 / 20) / 2, abs=0.02)
    assert min(value for value, _ in answer.single_ends.values()) == pytest.approx(1 / 20, abs=0.02)


def test_node_weights_of_the_problem_count():
    """Node 0 reaches more nodes, node 1 all that is worth anything."""
    model = uniform_cascade(graph_from_arcs([0, 0, 0, 1], [2, 3, 4, 5], num_nodes=6), 1.0)
    problem = family_problem(model, [0, 1], at_most(1, 2), node_weight=[0, 0, 0, 0, 0, 7.0])
    answer = solve_robust(problem, {"sure": model, "half": uniform_cascade(model.graph, 0.5)}).unwrap()
    assert answer.single == (1,)
    assert min(value for value, _ in answer.single_ends.values()) >= 0.9
    assert model_ends(problem, {"sure": model}, [7.0]).scale == pytest.approx([1.0])


def test_models_that_do_not_fit_are_refused():
    small = uniform_cascade(graph_from_arcs([0], [1]), 0.5)
    large = uniform_cascade(graph_from_arcs([0], [2]), 0.5)
    problem = family_problem(small, [0, 1], at_most(1, 2))
    with pytest.raises(ValueError, match="nodes"):
        model_ends(problem, {"large": large}, [1.0])
    with pytest.raises(ValueError, match="reference"):
        model_ends(problem, {"small": small}, [0.0])
    with pytest.raises(ValueError, match="confidence"):
        solve_robust(problem, {"small": small}, confidence=1.0)
