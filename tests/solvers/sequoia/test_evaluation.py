"""Evaluation on common random numbers, its intervals, and how it is shown."""

import io
import math

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from games.bandits import starting_at_random
from games.bandits.problem import EVALUATION_START
from games.bandits.return_bound import ReturnBound
from games.errors import IllegalActionError
from solvers.report import plot_policies, policies_table
from solvers.sequoia import evaluate
from solvers.sequoia.baselines import RandomPolicy, RememberedPolicy, exact, idle, lagrange, myopic
from solvers.sequoia.evaluation import mean_interval
from tests.solvers.sequoia.small_bandits import BUILDERS


def renamed(name, policy):
    return RememberedPolicy(name, 3, policy)


@pytest.fixture(scope="module")
def bandit():
    return BUILDERS["knapsack"](np.random.default_rng(4), 6)


@pytest.fixture(scope="module")
def evaluation(bandit):
    base = lagrange(bandit)
    policies = [
        base,
        renamed("twin", base),
        exact(bandit),
        myopic(bandit),
        idle(bandit),
        RandomPolicy(bandit, rng=np.random.default_rng(0)),
    ]
    return evaluate(
        bandit,
        policies,
        episodes=400,
        rng=np.random.default_rng(1),
        bound=base.multipliers.bound,
        confidence=0.99,
    )


def test_twins_do_not_differ_at_all(evaluation):
    twin = evaluation["twin"].difference
    assert (twin.mean, twin.low, twin.high) == (0.0, 0.0, 0.0)
    np.testing.assert_array_equal(evaluation["twin"].values, evaluation["Lagrange"].values)


def test_the_sample_agrees_with_exact_values(bandit, evaluation):
    wanted = exact(bandit).per_step(starting_at_random(bandit, EVALUATION_START))
    reward = evaluation["exact"].reward
    assert reward.low <= wanted <= reward.high
    assert evaluation.bound.per_step >= wanted
    assert evaluation.share_below("exact") == pytest.approx(1 - reward.mean / evaluation.bound.per_step)


def test_the_best_is_not_beaten_beyond_chance(evaluation):
    for score in evaluation.scores:
        assert score.values.mean() <= evaluation["exact"].values.mean() + 0.02
        assert score.seconds_per_decision > 0
        assert score.certified is None


def test_intervals_are_those_of_student_and_pairing_narrows_them(evaluation):
    one, base = evaluation["exact"], evaluation["Lagrange"]
    paired = stats.ttest_rel(one.values, base.values).confidence_interval(0.99)
    assert (one.difference.low, one.difference.high) == pytest.approx((paired.low, paired.high))
    single = stats.ttest_1samp(one.values, 0.0).confidence_interval(0.99)
    assert (one.reward.low, one.reward.high) == pytest.approx((single.low, single.high))
    unpaired = stats.ttest_ind(one.values, base.values).confidence_interval(0.99)
    assert one.difference.high - one.difference.low < 0.5 * (unpaired.high - unpaired.low)


def test_one_episode_proves_nothing():
    interval = mean_interval(np.array([2.0]), 0.95)
    assert (interval.mean, interval.low, interval.high) == (2.0, -math.inf, math.inf)


def test_more_episodes_extend_the_fewer(bandit):
    few, many = (
        evaluate(bandit, [myopic(bandit)], episodes=count, rng=np.random.default_rng(3)) for count in (5, 9)
    )
    np.testing.assert_array_equal(few.scores[0].values, many.scores[0].values[:5])


def test_the_reference_may_be_any_policy(bandit):
    policies = [idle(bandit), myopic(bandit)]
    one = evaluate(bandit, policies, rng=np.random.default_rng(3), reference="myopic")
    other = evaluate(bandit, policies, rng=np.random.default_rng(3))
    assert one["null"].difference.mean == pytest.approx(-other["myopic"].difference.mean)


def test_shares_that_are_certified_are_told(bandit):
    class Sure:
        name = "sure"
        certified_share = 0.75

        def __call__(self, states, step):
            return np.zeros(states.shape, dtype=bool)

    found = evaluate(bandit, [Sure(), idle(bandit)], episodes=2, rng=np.random.default_rng(0))
    assert (found["sure"].certified, found["null"].certified) == (0.75, None)
    assert "75.0%" in shown(policies_table(found))


def shown(table):
    console = Console(width=140, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()


def test_the_table_lists_the_best_first_and_the_bound_last(evaluation):
    lines = shown(policies_table(evaluation, title="small")).splitlines()
    lines = [line.strip() for line in lines]
    rows = [line for line in lines if any(line.startswith(s.name) for s in evaluation.scores)]
    means = [evaluation[row.split("  ")[0].strip()].reward.mean for row in rows]
    assert len(rows) == len(evaluation.scores)
    assert means == sorted(means, reverse=True)
    assert any(line.startswith("any policy") and f"{evaluation.bound.per_step:.4g}" in line for line in lines)


def test_the_picture_has_a_bar_for_each_and_a_line_for_the_bound(evaluation):
    (axis,) = plot_policies(evaluation, title="small").axes
    assert len(axis.patches) == len(evaluation.scores)
    widths = [bar.get_width() for bar in axis.patches]
    assert widths == sorted(widths)
    line = next(line for line in axis.lines if line.get_label() == "no policy exceeds")
    assert line.get_xdata()[0] == evaluation.bound.per_step


def test_bad_input_is_named(bandit):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="different names"):
        evaluate(bandit, [], rng=rng)
    with pytest.raises(ValueError, match="different names"):
        evaluate(bandit, [idle(bandit), idle(bandit)], rng=rng)
    with pytest.raises(ValueError, match="reference must be one of"):
        evaluate(bandit, [idle(bandit)], rng=rng, reference="best")
    with pytest.raises(ValueError, match="confidence must lie"):
        evaluate(bandit, [idle(bandit)], rng=rng, confidence=1.0)
    with pytest.raises(KeyError, match="no policy is called 'best'"):
        evaluate(bandit, [idle(bandit)], episodes=2, rng=rng)["best"]
    with pytest.raises(ValueError, match="a positive bound is needed"):
        evaluate(bandit, [idle(bandit)], episodes=2, rng=rng).share_below("null")
    negative = evaluate(bandit, [idle(bandit)], episodes=2, rng=rng, bound=ReturnBound(-1.0, 6))
    assert "at most" in shown(policies_table(negative))
    with pytest.raises(IllegalActionError, match="is not in knapsack"):
        evaluate(bandit, [renamed("all", lambda s, t: np.ones((len(s), 3), dtype=bool))], rng=rng)
