"""Policy iteration before learning, against exact values of small bandits."""

import dataclasses

import numpy as np
import pytest

from games.bandits import Family, cardinality, corrected_instance, draw_noise, from_arrays, rollout
from games.bandits.factors import factors_of
from games.bandits.joint import joint_process
from games.bandits.problem import EVALUATION_START
from solvers.sequoia import SequoiaSettings, train_sequoia
from solvers.sequoia.baselines.whittle_indices import whittle
from solvers.sequoia.evaluation import episode_values
from solvers.sequoia.learning import (
    AdditiveFamily,
    CosineRate,
    Improvement,
    LagrangianBase,
    NoBase,
    OraclePolicy,
    ResidualFamily,
    Validation,
    improvement,
    rollout_pairs,
)
from solvers.sequoia.learning.improvement import fit, improve, mixed
from solvers.sequoia.learning.policy import feasible_of
from solvers.sequoia.learning.rollout_pairs import PairSource
from solvers.sequoia.learning.score_policy import ScorePolicy, start_scores, total_scores
from solvers.sequoia.learning.validation import look_at
from solvers.sequoia.oracle import ArgmaxOracle
from tests.solvers.sequoia.small_bandits import BUILDERS

HORIZON = 4


def small(problem, seed=0):
    return BUILDERS[problem](np.random.default_rng(seed), HORIZON)


def source_of(bandit, *, spread=2.0, discount=1.0):
    base = NoBase()(bandit, discount)
    policy = ScorePolicy(bandit, base.layout.factors, base.scores)
    return base, policy, PairSource(bandit, base, policy, EVALUATION_START, spread)


def exact_q(bandit, policy, discount=1.0):
    """Q of a policy, of shape (H, states, actions)."""
    process = joint_process(bandit)
    ahead, found = np.zeros(len(process.states)), []
    for step in reversed(range(bandit.horizon)):
        found.append(process.rewards + discount * process.expectations(ahead))
        played = [number_of(process.actions, action) for action in policy(process.states, step)]
        ahead = found[-1][np.arange(len(played)), played]
    return process, np.array(found[::-1])


def number_of(actions, one):
    return int(np.flatnonzero((actions == one).all(axis=1))[0])


@pytest.mark.parametrize("problem", ["cardinality", "equation", "sigmoid"])
@pytest.mark.parametrize("discount", [1.0, 0.7])
def test_gains_are_those_of_the_exact_values(problem, discount):
    bandit = small(problem)
    _, policy, source = source_of(bandit, discount=discount)
    pairs = source.draw(20_000, rng=np.random.default_rng(1))
    process, q = exact_q(bandit, policy, discount)
    expected = np.empty(len(pairs))
    for place, row in enumerate(pairs.rows):
        own = q[row[-1], process.index(row[:-1])]
        other, played = (number_of(process.actions, a[place]) for a in (pairs.other, pairs.played))
        expected[place] = own[other] - own[played]
    error = pairs.gains - expected
    assert np.abs(error).max() > 1e-3  # they are samples
    assert abs(error.mean()) < 4.0 * error.std() / np.sqrt(len(pairs))
    # Not only on the whole: by step and size of the gain, too.
    for step in range(bandit.horizon):
        for high in (False, True):
            own = error[(pairs.rows[:, -1] == step) & ((expected > np.median(expected)) == high)]
            if own.size > 50:
                assert abs(own.mean()) < 4.5 * own.std() / np.sqrt(own.size) + 1e-12


def test_pairs_do_not_depend_on_the_workers():
    _, _, source = source_of(small("knapsack"))
    one, three = (source.draw(3_000, rng=np.random.default_rng(2), workers=w) for w in (1, 3))
    for name in ("rows", "played", "other", "gains"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))
    assert len(one) == 3_000
    assert (one.played != one.other).any(axis=1).all()


def test_a_set_without_alternatives_has_no_pairs():
    bandit = dataclasses.replace(small("cardinality"), feasible=cardinality(3, 0))
    assert source_of(bandit)[2].draw(10, rng=np.random.default_rng(0)) is None
    result = train_sequoia(bandit, quick(), rng=np.random.default_rng(0))
    assert not result.unwrap()(np.zeros((1, 3), dtype=np.int64), 0).any()


@pytest.mark.parametrize("problem", ["capacity", "sigmoid"])
def test_a_model_begins_at_given_scores(problem):
    bandit = small(problem)
    base = NoBase()(bandit, 1.0)
    rng = np.random.default_rng(3)
    scores = tuple(rng.normal(size=own.shape) for own in base.scores)
    model = ResidualFamily((4,)).build(bandit, base, 2.0, rng=rng)
    model.begin_at(scores)
    for one, other in zip(model.scores, scores, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    states = rng.integers(2, size=(50, 3))
    mine = OraclePolicy(ArgmaxOracle(model.snapshot(), feasible_of(bandit)))
    plain = ScorePolicy(bandit, base.layout.factors, scores)
    np.testing.assert_array_equal(mine(states, 2), plain(states, 2))
    fixed = ResidualFamily((4,), trained_base=False).build(bandit, base, 2.0, rng=rng)
    with pytest.raises(ValueError, match="trained table"):
        fixed.begin_at(scores)


def test_networks_on_different_bases_have_different_versions():
    bandit = small("cardinality")
    rng = np.random.default_rng(0)
    here, there = (AdditiveFamily().build(bandit, rule(bandit, 1.0), 1.0, rng=rng) for rule in RULES)
    assert here.snapshot().version != there.snapshot().version


RULES = (NoBase(), LagrangianBase())


def test_the_mixture_and_the_fit_find_additive_gains():
    bandit = small("knapsack")
    base, _, source = source_of(bandit)
    factors = base.layout.factors
    rng = np.random.default_rng(4)
    known = [tuple(rng.normal(size=own.shape) for own in base.scores) for _ in range(2)]
    pairs = source.draw(4_000, rng=rng)
    wanted = tuple(2.0 * one - 0.5 * two for one, two in zip(*known, strict=True))
    gains = total_scores(factors, wanted, pairs.rows, pairs.other)
    gains -= total_scores(factors, wanted, pairs.rows, pairs.played)
    pairs = dataclasses.replace(pairs, gains=gains)
    for one, other in zip(mixed(factors, known, pairs), wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
    model = AdditiveFamily().build(bandit, base, 0.5, rng=rng)
    effort = Improvement(pairs=4_000, epochs=30, batch=128, rate=CosineRate(0.1, 1e-3), shrinkage=0.0)
    error = fit(model, pairs, effort, rng=rng)
    assert error < 1e-3 * float((gains**2).mean()) / 0.25


def quick(**changes):
    settings = SequoiaSettings(
        family=ResidualFamily((8,)),
        base=NoBase(),
        rounds=2,
        lanes=2,
        pool=16,
        updates=2,
        improvement=Improvement(pairs=4_000, epochs=3, batch=128),
        validation=Validation(1, 64),
    )
    return dataclasses.replace(settings, **changes)


def test_it_finds_more_than_the_policy_it_starts_from(monkeypatch):
    """From scores that chance has spoilt, most of what they lost comes back."""
    bandit = corrected_instance(Family.CAPACITY, rng=np.random.default_rng(0), arms=8, budget=2)
    base = LagrangianBase()(bandit, 1.0)
    rng = np.random.default_rng(1)
    spoilt = tuple(own + 1.5 * rng.normal(size=own.shape) for own in base.scores)
    monkeypatch.setattr(improvement, "start_scores", lambda bandit, base: (spoilt,))
    noise = draw_noise(bandit, 256, rng=rng)
    model = ResidualFamily((8,)).build(bandit, base, 1.0, rng=rng)

    def value(policy):
        return look_at(bandit, policy, noise, base).value

    policy = OraclePolicy(ArgmaxOracle(model.snapshot(), bandit.feasible))
    whole, lost = value(policy), value(ScorePolicy(bandit, base.layout.factors, spoilt))
    seen = []
    effort = Improvement(iterations=2, pairs=15_000, epochs=6, batch=128, rate=CosineRate(0.03, 1e-4))
    start = EVALUATION_START

    def look():
        seen.append(value(OraclePolicy(ArgmaxOracle(model.snapshot(), bandit.feasible))))

    improve(model, bandit, base, effort, noise, start, rng=rng, workers=1, look=look)
    assert len(seen) == 2  # the best of the tables, then the network
    assert lost < seen[0] < seen[1]
    assert seen[1] - lost > 0.8 * (whole - lost)


def test_whittles_policy_is_a_start_where_arms_have_a_bit():
    bandit = small("capacity")
    base = NoBase()(bandit, 1.0)
    states = np.random.default_rng(1).integers(2, size=(40, 3))
    mine = ScorePolicy(bandit, base.layout.factors, start_scores(bandit, base)[1])
    np.testing.assert_array_equal(mine(states, 1), whittle(bandit)(states, 1))
    shared = small("sigmoid")
    assert len(start_scores(shared, NoBase()(shared, 1.0))) == 1


def test_a_checkpoint_before_the_first_round_resumes_to_the_same_policy(tmp_path):
    bandit = small("capacity")
    whole = train_sequoia(bandit, quick(), rng=np.random.default_rng(5))
    place = tmp_path / "run.json"
    first = train_sequoia(bandit, quick(), rng=np.random.default_rng(5), checkpoint=place, time_limit=1e-9)
    assert first.steps == 0
    second = train_sequoia(bandit, quick(), rng=np.random.default_rng(5), checkpoint=place)
    np.testing.assert_array_equal(second.unwrap().curve.looks.value, whole.unwrap().curve.looks.value)


def test_sets_that_need_programs_are_left_alone():
    """Twenty bits, no kinds, and rows that only a program can maximise over."""
    rng = np.random.default_rng(6)
    bandit = corrected_instance(Family.CAPACITY, rng=rng, arms=20, budget=3)
    rows = rng.normal(size=(6, 20))
    bandit = dataclasses.replace(bandit, feasible=from_arrays(20, rows, np.full(6, -np.inf), np.ones(6)))
    base = NoBase()(bandit, 1.0)
    assert not ScorePolicy(bandit, base.layout.factors, base.scores).quick
    free = dataclasses.replace(bandit, feasible=cardinality(20, 3))
    assert ScorePolicy(free, base.layout.factors, base.scores).quick


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"pairs": 0}, "pairs"), ({"spread": 0.0}, "spread"), ({"shrinkage": -1.0}, "shrinkage")],
)
def test_settings_say_what_is_wrong(changes, word):
    with pytest.raises(ValueError, match=word):
        Improvement(**changes)


def test_a_control_variate_leaves_the_mean_and_takes_the_luck():
    bandit = small("knapsack")
    base = LagrangianBase()(bandit, 1.0)
    policy = ScorePolicy(bandit, factors_of(bandit), base.scores)
    played = rollout(bandit, policy, draw_noise(bandit, 20_000, rng=np.random.default_rng(7)))
    plain, controlled = episode_values(played, None), episode_values(played, base)
    assert controlled.var() < 0.5 * plain.var()
    difference = plain - controlled
    assert abs(difference.mean()) < 4.0 * difference.std() / np.sqrt(difference.size)


def test_rare_alternatives_end_the_search_early(monkeypatch):
    """Fewer pairs than asked for, and the same ones for every number of workers."""
    monkeypatch.setattr(rollout_pairs, "_MOST_CHUNKS", 5)
    _, _, source = source_of(small("knapsack"))
    one, three = (source.draw(10**9, rng=np.random.default_rng(2), workers=w) for w in (1, 3))
    assert 0 < len(one) < 10**6
    np.testing.assert_array_equal(one.gains, three.gains)
