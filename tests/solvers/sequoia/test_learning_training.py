"""Runs: defects of the released algorithm, equal results, resumption, limits, and what is learned."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from games.bandits import Family, cardinality, corrected_instance, draw_noise, rollout
from games.bandits.action_set import ActionSet
from games.bandits.problem import EVALUATION_START, CoupledBandit
from games.bandits.return_bound import starting_at_random
from games.bandits.state_sets import StateSets
from games.errors import FileFormatError
from games.results import Status
from marl.oracles.schedules import LinearDecay
from solvers.report.sequoia import plot_learning
from solvers.sequoia.baselines.dynamic_programming import exact, exact_value
from solvers.sequoia.learning import (
    AdditiveFamily,
    CosineRate,
    DenseFamily,
    HardTarget,
    Improvement,
    LagrangianBase,
    NoBase,
    ReluStability,
    ResidualFamily,
    SequoiaSettings,
    SequoiaTrainer,
    SoftTarget,
    Validation,
    WarmStart,
    WeightPenalty,
    resume_training,
    save_training,
    train_sequoia,
)
from solvers.sequoia.learning.targets import Targets
from solvers.sequoia.result import ArgmaxStatus, ShrinkingTolerance, Tolerance
from tests.solvers.sequoia.small_bandits import BUILDERS

QUICK = SequoiaSettings(
    family=ResidualFamily((6,)),
    base=NoBase(),
    rounds=4,
    lanes=4,
    n_steps=2,
    pool=32,
    batch=16,
    updates=5,
    warm_start=WarmStart(20, 2, 10, 16),
    improvement=None,
    validation=Validation(2, 8, patience=None),
    certified=1,
)


def small(problem="knapsack", horizon=5, seed=0):
    return BUILDERS[problem](np.random.default_rng(seed), horizon)


def run(settings=QUICK, bandit=None, workers=1, **options):
    return train_sequoia(
        bandit or small(), settings, rng=np.random.default_rng(7), workers=workers, **options
    )


def distance(one, other):
    return sum(float(np.abs(a - b).sum()) for a, b in zip(one.values(), other.values(), strict=True))


# Defects of the released algorithm.


@pytest.mark.parametrize("rule", [SoftTarget(), HardTarget(7), HardTarget(1000)])
def test_the_target_network_moves(rule):
    trainer = SequoiaTrainer(small(), dataclasses.replace(QUICK, target=rule), rng=np.random.default_rng(0))
    trainer.start()
    before = trainer.target.arrays()
    for _ in range(4):
        trainer.round()
    moved = distance(trainer.target.arrays(), before)
    assert trainer.updates == 20
    assert (moved > 0) == (rule != HardTarget(1000))
    if isinstance(rule, SoftTarget):  # after twenty updates at 5e-3 about a tenth of the way, not a millionth
        whole = distance(trainer.model.arrays(), before)
        assert 0.01 * whole < moved < 0.5 * whole
    if rule == HardTarget(7):  # the copy was made at update 14 and left alone since
        assert distance(trainer.target.arrays(), trainer.model.arrays()) > 0


def test_the_learning_rate_never_vanishes():
    rate = SequoiaSettings().learning_rate
    rates = [rate(progress) for progress in np.linspace(0.0, 1.0, 50)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == rate.start
    assert rates[-1] == pytest.approx(rate.end)
    assert rate.end > 1e-6
    assert rate(3.0) == pytest.approx(rate.end)
    with pytest.raises(ValueError, match="end"):
        CosineRate(1e-3, 0.0)


def test_remembered_maxima_belong_to_the_network_that_gave_them():
    """The oracle's answers after an update are those of the new network, though all states are the same."""
    trainer = SequoiaTrainer(small(), QUICK, rng=np.random.default_rng(0))
    trainer.start()
    rows = np.array([[0, 1, 0, 2], [1, 1, 1, 0]])
    trainer.round()
    before = trainer.maxima(rows, Tolerance(), None)
    snapshot = trainer.model.snapshot()  # which the next round plays
    trainer.round()
    after = trainer.maxima(rows, Tolerance(), None)
    own = snapshot.values(rows, np.array([answer.action for answer in after]))
    np.testing.assert_allclose([answer.value for answer in after], own, atol=1e-9)
    assert all(a.value != b.value for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("problem", list(BUILDERS))
def test_every_action_in_training_is_allowed(problem):
    bandit = small(problem)
    settings = dataclasses.replace(QUICK, epsilon=LinearDecay(1.0, 0.5, 1.0))
    trainer = SequoiaTrainer(bandit, settings, rng=np.random.default_rng(1))
    trainer.start()
    trainer.round()
    held = trainer.ring.arrays()
    assert len(trainer.ring) == 4 * 5
    assert bandit.feasible.contains(held["column_action"]).all()
    assert bandit.feasible.contains(held["column_last_action"]).all()


def test_nothing_follows_the_last_step():
    """Targets of the last step are the expected rewards alone, whatever the networks say."""
    bandit = small(horizon=3)
    trainer = SequoiaTrainer(bandit, QUICK, rng=np.random.default_rng(1))
    trainer.start()
    trainer.round()
    held = trainer.ring.arrays()
    last = held["column_row"][:, -1] == 2
    assert last.any()
    assert held["column_ended"][last].all()
    np.testing.assert_array_equal(held["column_followed"][last], 0.0)
    rows, actions = held["column_row"][last], held["column_action"][last]
    np.testing.assert_allclose(
        trainer.base.action_value(rows[:, :-1], rows[:, -1], actions),
        bandit.expected_reward(rows[:, :-1], actions),
        atol=1e-12,
    )
    assert (held["column_next_row"][held["column_ended"], -1] == 3).all()


# Runs.


@pytest.mark.parametrize("family", [ResidualFamily((6,)), DenseFamily((6,)), AdditiveFamily(2)])
def test_equal_seeds_give_equal_results_whatever_the_workers(family):
    settings = dataclasses.replace(QUICK, family=family)
    one, three = run(settings), run(settings, workers=3)
    for a, b in ((one, three), (one, run(settings))):
        assert a.solution.oracle.network.version == b.solution.oracle.network.version
        for name, array in a.solution.curve.arrays().items():
            if name != "round_seconds":
                np.testing.assert_array_equal(array, b.solution.curve.arrays()[name])
    other = train_sequoia(small(), settings, rng=np.random.default_rng(8))
    assert not np.array_equal(one.solution.curve.rounds.loss, other.solution.curve.rounds.loss)


def test_a_resumed_run_repeats_an_uninterrupted_one(tmp_path):
    settings = dataclasses.replace(QUICK, rounds=6)
    whole = run(settings)
    path = tmp_path / "run.json"
    first = SequoiaTrainer(small(), settings, rng=np.random.default_rng(7))
    first.start()
    for _ in range(3):
        first.round()
    save_training(path, first)
    resumed = run(settings, checkpoint=path)
    assert resumed.solution.oracle.network.version == whole.solution.oracle.network.version
    assert resumed.info == whole.info
    for name, array in whole.solution.curve.arrays().items():
        if name != "round_seconds":
            np.testing.assert_array_equal(array, resumed.solution.curve.arrays()[name])
    # Finished: going on from it does nothing more and says the same.
    again = run(settings, checkpoint=path)
    assert again.steps == 6
    assert again.info == whole.info


def test_spoilt_and_foreign_checkpoints_are_refused(tmp_path):
    path = tmp_path / "run.json"
    run(checkpoint=path)
    with pytest.raises(ValueError, match="settings differ"):
        run(dataclasses.replace(QUICK, lanes=5), checkpoint=path)
    with pytest.raises(ValueError, match="bandit, base differ"):
        run(bandit=small(seed=1), checkpoint=path)
    longer = dataclasses.replace(small(), horizon=6)
    with pytest.raises(ValueError, match="bandit, seed, base differ"):
        run(bandit=longer, checkpoint=path)
    narrower = dataclasses.replace(small().feasible, upper=np.zeros(small().feasible.variables))
    with pytest.raises(ValueError, match="bandit"):
        run(bandit=dataclasses.replace(small(), feasible=narrower), checkpoint=path)
    with pytest.raises(ValueError, match="seed differ"):
        # The scores kept would be compared with those of other episodes.
        resume_training(path, SequoiaTrainer(small(), QUICK, rng=np.random.default_rng(8)))
    header = json.loads(path.read_text())
    for key, value in (("rng", "{}"), ("rounds", "many"), ("seconds", None)):
        path.write_text(json.dumps(header | {key: value}))
        with pytest.raises(FileFormatError, match="not a whole checkpoint"):
            run(checkpoint=path)
    path.write_text(json.dumps(header))
    resume_training(path, SequoiaTrainer(small(), QUICK, rng=np.random.default_rng(7)))
    with pytest.raises(ValueError, match="json"):
        run(checkpoint=tmp_path / "run.npz")


def test_the_answer_never_falls_below_the_start_on_the_validation():
    settings = dataclasses.replace(
        QUICK, family=AdditiveFamily(), base=LagrangianBase(), validation=Validation(1, 16)
    )
    bandit = corrected_instance(Family.CAPACITY, rng=np.random.default_rng(0), arms=5, budget=1)
    trainer = SequoiaTrainer(bandit, settings, rng=np.random.default_rng(0))
    trainer.start()
    start = trainer.best.version
    with torch.no_grad():
        trainer.model.delta += 1e3 * torch.from_numpy(
            np.random.default_rng(1).normal(size=trainer.model.delta.shape)
        )
    trainer.round()
    looks = trainer.curve.looks
    assert looks.value[1] < looks.value[0]
    assert trainer.model.snapshot().version != start
    assert trainer.best.version == start
    assert (trainer.kept_look, trainer.stale) == (0, 1)


def test_limits_keep_the_best_answer_and_say_so():
    result = run(dataclasses.replace(QUICK, rounds=10_000), time_limit=0.2)
    assert result.status is Status.LIMIT
    assert 0 < result.steps < 10_000
    still = dataclasses.replace(
        QUICK, rounds=50, learning_rate=CosineRate(1e-12, 1e-12), validation=Validation(1, 4, patience=3)
    )
    resting = run(still)
    assert resting.status is Status.STATIONARY
    assert resting.steps == 3
    for wrong in ({"time_limit": 0.0}, {"checkpoint_every": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            run(**wrong)


def test_certificate_progress_and_policy():
    told = []
    result = run(progress=lambda step, total, **figures: told.append((step, total, set(figures))))
    assert told == [(k, 4, {"loss", "gap", "value", "gain"}) for k in range(1, 5)]
    assert result.certificate.measure == "argmax_gap"
    assert result.certificate.bound < 1e-2
    bandit = small()
    played = rollout(bandit, result.unwrap(), draw_noise(bandit, 6, rng=np.random.default_rng(0)))
    assert played.expected.shape == (6, 5)


def test_states_may_decide_what_is_allowed():
    def build(states, step):
        return cardinality(3, 1 + int(states[0] == 1 and step > 1))

    bandit = small("cardinality")
    changing = CoupledBandit(
        bandit.arms, bandit.effect, StateSets(3, build, lambda s, t: (s[0], t > 1)), horizon=5
    )
    result = run(bandit=changing)
    played = rollout(changing, result.unwrap(), draw_noise(changing, 20, rng=np.random.default_rng(0)))
    assert played.actions.sum(axis=2).max() == 2 or not isinstance(changing.feasible, ActionSet)


@pytest.mark.parametrize(("raised", "counts"), [(1e3, False), (-1e3, True)])
def test_the_dual_filter_leaves_out_what_cannot_raise_an_estimate(raised, counts):
    """Records whose estimate is far above (below) what the maxima allow are left out (counted)."""
    settings = dataclasses.replace(QUICK, dual_filter=True, n_steps=1)
    trainer = SequoiaTrainer(small(), settings, rng=np.random.default_rng(0))
    trainer.start()
    trainer.round()
    with torch.no_grad():
        trainer.model.body.constant += raised  # the oracle still has the network of the round
    drawn = trainer.ring.draw(64, beta=1.0, rng=np.random.default_rng(0))
    targets = Targets(trainer.target_source(), drawn, rng=np.random.default_rng(0))
    ended = drawn.records["ended"]
    assert 0 < ended.sum() < 64
    np.testing.assert_array_equal(targets.counted, ended | counts)
    statuses = {result.status for result in targets.results}
    assert statuses <= {ArgmaxStatus.OPTIMAL, ArgmaxStatus.ENOUGH}


def test_settings_out_of_range_are_refused_before_anything_is_solved():
    nan = float("nan")
    with pytest.raises(ValueError, match="alpha must be in"):
        dataclasses.replace(QUICK, alpha=2.0)
    with pytest.raises(ValueError, match="need errors >= 0"):
        Validation(errors=nan)
    for bad in ({"l1": nan}, {"l2": float("inf")}):
        with pytest.raises(ValueError, match="l1 and l2 must be finite"):
            WeightPenalty(**bad)
    with pytest.raises(ValueError, match="strength must be finite"):
        ReluStability(nan)


def test_penalties_keep_neurons_settled():
    def unsettled(penalties):
        settings = dataclasses.replace(
            QUICK,
            family=DenseFamily((24,)),
            learning_rate=CosineRate(2e-3, 1e-4),
            penalties=penalties,
            warm_start=WarmStart(60, 3, 400, 32),
        )
        trainer = SequoiaTrainer(small(), settings, rng=np.random.default_rng(0))
        trainer.start()
        rows = np.array([[0, 1, 0, 2], [1, 1, 1, 0], [0, 0, 0, 4]])
        hidden = trainer.model.body(rows[:, :-1], rows[:, -1]).hidden
        weight, bias = hidden.first_weight.detach().numpy(), hidden.first_bias.detach().numpy()
        lower, upper = bias + np.minimum(weight, 0).sum(axis=2), bias + np.maximum(weight, 0).sum(axis=2)
        return int(((lower < 0) & (upper > 0)).sum()), float(np.square(weight).sum())

    none, stable, small_weights = (
        unsettled(()),
        unsettled((ReluStability(0.3),)),
        unsettled((WeightPenalty(1e-3, 1e-2),)),
    )
    assert stable[0] < none[0]
    assert small_weights[1] < 0.5 * none[1]
    for wrong in (lambda: WeightPenalty(-1.0), lambda: ReluStability(-1.0)):
        with pytest.raises(ValueError, match="negative"):
            wrong()


# What is learned.


def per_step(bandit, best, policy):
    """Exact mean reward a step of a policy, and of the best one."""
    start = starting_at_random(bandit, EVALUATION_START)
    chances = start[np.arange(bandit.num_arms), best.process.states].prod(axis=1)
    return float(chances @ exact_value(best.process, policy)[0]) / bandit.horizon, best.per_step(start)


def test_a_plain_network_learns_what_one_step_cannot_see():
    """Three ladder arms, one pull, six steps: pulling the arm that pays most takes three pulls to pay."""
    bandit = corrected_instance(Family.CAPACITY, rng=np.random.default_rng(3), arms=3, budget=1)
    bandit = dataclasses.replace(bandit, feasible=cardinality(3, 1), horizon=8)
    best = exact(bandit)
    settings = SequoiaSettings(
        family=DenseFamily((24,)),
        base=NoBase(),
        rounds=12,
        updates=50,
        n_steps=8,
        learning_rate=CosineRate(5e-3, 5e-4),
        epsilon=LinearDecay(0.5, 0.1, 0.6),
        warm_start=WarmStart(200, 3, 200, 64),
        improvement=None,
        validation=Validation(4, 32),
        tolerance=ShrinkingTolerance(0.1, 0.8),
    )
    result = train_sequoia(bandit, settings, rng=np.random.default_rng(0))
    reached, most = per_step(bandit, best, result.unwrap())
    start, _ = per_step(
        bandit,
        best,
        SequoiaTrainer(
            bandit, dataclasses.replace(settings, family=AdditiveFamily()), rng=np.random.default_rng(0)
        ).policy(_myopic(bandit)),
    )
    assert start < 0.8 * most  # the start, which looks one step ahead
    assert reached > 0.95 * most


def _myopic(bandit):
    base = NoBase()(bandit, 1.0)
    return AdditiveFamily().build(bandit, base, 1.0, rng=np.random.default_rng(0)).snapshot()


@pytest.mark.slow
@pytest.mark.parametrize("family", list(Family))
def test_four_arms_come_within_two_percent_of_the_best(family):
    bandit = corrected_instance(family, rng=np.random.default_rng(11), arms=4, budget=2)
    best = exact(bandit)
    settings = SequoiaSettings(rounds=15, base=LagrangianBase(), improvement=Improvement(pairs=20_000))
    result = train_sequoia(bandit, settings, rng=np.random.default_rng(0))
    reached, most = per_step(bandit, best, result.unwrap())
    assert reached > 0.98 * most


def test_the_picture_shows_every_run():
    curve = run().solution.curve
    figure = plot_learning({"one": curve, "two": curve}, bound=1.0, title="runs")
    value, error, gap = figure.axes
    assert [text.get_text() for text in value.get_legend().get_texts()] == ["one", "two", "upper bound"]
    np.testing.assert_array_equal(value.lines[0].get_xdata(), [0, 2, 4])
    np.testing.assert_array_equal(error.lines[1].get_ydata(), curve.rounds.error)
    assert gap.get_yscale() == "log"
