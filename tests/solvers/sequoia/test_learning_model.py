"""Q-functions under training: the base against enumeration, the oracle's networks against torch."""

import itertools

import numpy as np
import pytest
import torch

from games.bandits import Family, OneBitAnArm, cardinality, corrected_instance
from games.bandits.argmax_certificate import enumerated_argmax
from games.bandits.factors import factors_of
from games.bandits.problem import EVALUATION_START, CoupledBandit
from games.bandits.return_bound import starting_at_random
from solvers.sequoia import ArgmaxOracle
from solvers.sequoia.baselines.lagrange_policy import LagrangePolicy
from solvers.sequoia.baselines.multipliers import best_multipliers
from solvers.sequoia.learning import (
    AdditiveFamily,
    ConcaveFamily,
    DenseFamily,
    MultiplierBase,
    NoBase,
    RawIntegers,
    ResidualFamily,
    SharedFamily,
    SharedResidualFamily,
    value_base,
)
from tests.solvers.sequoia.small_bandits import BUILDERS

FAMILIES = {
    "dense": DenseFamily((6, 5)),
    "dense raw": DenseFamily((7,), RawIntegers()),
    "shared": SharedFamily(5, 6),
    "concave": ConcaveFamily(6),
    "additive": AdditiveFamily(),
    "mixed": AdditiveFamily(4),
    "residual": ResidualFamily((6,)),
    "deep residual": ResidualFamily((5, 4, 3), trained_base=True),
    "shared residual": SharedResidualFamily(4, 5),
}
PROBLEMS = ("knapsack", "exactly", "sigmoid", "equation")


def random_base(bandit, rng, discount=1.0):
    factors = factors_of(bandit)
    values = [rng.normal(size=(bandit.horizon + 1, factor.states)) for factor in factors]
    constants = rng.normal(size=bandit.horizon + 1)
    for table in (*values, constants):
        table[-1] = 0.0
    return value_base(factors, values, constants, discount=discount)


def random_rows(bandit, rng, count=20):
    states = rng.integers(bandit.arms.states, size=(count, bandit.num_arms))
    steps = rng.integers(bandit.horizon, size=(count, 1))
    return np.concatenate([states, steps], axis=1), rng.random((count, bandit.bits)) < 0.5


def shaken(model, rng, size=0.3):
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(torch.from_numpy(np.asarray(size * rng.normal(size=tensor.shape))))
    return model


def built(name, problem, seed=0):
    rng = np.random.default_rng(seed)
    bandit = BUILDERS[problem](rng, 4)
    base = random_base(bandit, rng)
    return bandit, base, FAMILIES[name].build(bandit, base, 2.0, rng=rng), rng


@pytest.mark.parametrize("problem", ["knapsack", "sigmoid"])
@pytest.mark.parametrize("discount", [1.0, 0.7])
def test_base_looks_one_step_ahead_exactly(problem, discount):
    rng = np.random.default_rng(1)
    bandit = BUILDERS[problem](rng, 3)
    base = random_base(bandit, rng, discount)
    rows, actions = random_rows(bandit, rng)
    states, steps = rows[:, :-1], rows[:, -1]
    moves = bandit.next_distributions(states, actions)
    expected = bandit.expected_reward(states, actions)
    for after in itertools.product(range(bandit.arms.states), repeat=bandit.num_arms):
        chance = np.prod([moves[:, arm, state] for arm, state in enumerate(after)], axis=0)
        worth = base.value(np.tile(after, (len(rows), 1)), steps + 1)
        expected = expected + discount * chance * worth
    np.testing.assert_allclose(base.action_value(states, steps, actions), expected, atol=1e-12)


@pytest.mark.parametrize("family", list(Family))
def test_without_base_q_is_the_expected_reward(family):
    rng = np.random.default_rng(2)
    bandit = corrected_instance(family, rng=rng, arms=9, budget=3)
    rows, actions = random_rows(bandit, rng)
    found = NoBase()(bandit, 1.0).action_value(rows[:, :-1], rows[:, -1], actions)
    np.testing.assert_allclose(found, bandit.expected_reward(rows[:, :-1], actions), atol=1e-12)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_oracle_sees_what_torch_trains(name, problem):
    bandit, _, model, rng = built(name, problem)
    shaken(model, rng)
    rows, actions = random_rows(bandit, rng)
    trained = model(rows, actions).detach().numpy()
    snapshot = model.snapshot()
    seen = [
        network.values(action[None])[0] for network, action in zip(snapshot.batch(rows), actions, strict=True)
    ]
    np.testing.assert_allclose(seen, trained, rtol=1e-11, atol=1e-10)
    assert snapshot.at(rows[3]).values(actions[3][None])[0] == pytest.approx(trained[3], abs=1e-10)
    np.testing.assert_allclose(snapshot.values(rows, actions), trained)


@pytest.mark.parametrize("name", list(FAMILIES))
@pytest.mark.parametrize("problem", ["sigmoid", "knapsack"])
def test_the_oracle_finds_the_best_action_of_every_family(name, problem):
    bandit, _, model, rng = built(name, problem, seed=3)
    snapshot = shaken(model, rng, 0.6).snapshot()
    rows, _ = random_rows(bandit, rng, 8)
    oracle = ArgmaxOracle(snapshot, bandit.feasible)
    for network, answer in zip(snapshot.batch(rows), oracle.solve_batch(rows), strict=True):
        _, best = enumerated_argmax(network.weights, network.biases, network.slopes, bandit.feasible)
        assert answer.value == pytest.approx(best, abs=1e-5)
        assert answer.upper >= best - 1e-9


@pytest.mark.parametrize("name", ["additive", "residual", "deep residual", "shared residual"])
def test_these_families_start_at_the_base(name):
    bandit, base, model, rng = built(name, "sigmoid")
    assert FAMILIES[name].starts_at_base
    rows, actions = random_rows(bandit, rng)
    wanted = base.action_value(rows[:, :-1], rows[:, -1], actions)
    np.testing.assert_allclose(model(rows, actions).detach().numpy(), wanted, atol=1e-12)


def test_mixing_keeps_the_order_of_actions():
    bandit, base, model, rng = built("mixed", "exactly")
    shaken(model.mixing, rng, 1.0)
    rows, _ = random_rows(bandit, rng, 6)
    every = np.array(list(itertools.product([False, True], repeat=bandit.bits)))
    for row in rows:
        many = np.tile(row, (len(every), 1))
        sums = base.action_value(many[:, :-1], many[:, -1], every)
        mixed = model(many, every).detach().numpy()
        np.testing.assert_array_equal(np.argsort(sums), np.argsort(mixed))
        assert not np.allclose(mixed, sums)


def test_concave_family_is_concave_along_lines():
    bandit, _, model, rng = built("concave", "knapsack")
    network = shaken(model, rng, 1.0).snapshot().at(random_rows(bandit, rng)[0][0])
    ends = rng.random((2, 200, bandit.bits))
    middle, sides = network.values(ends.mean(axis=0)), [network.values(end) for end in ends]
    assert (middle >= np.mean(sides, axis=0) - 1e-12).all()
    assert (middle > np.mean(sides, axis=0) + 1e-6).any()


def test_shared_encoders_fit_any_number_of_arms_and_follow_their_order():
    rng = np.random.default_rng(5)
    small, large = (
        corrected_instance(Family.CAPACITY, rng=np.random.default_rng(0), arms=arms, budget=3)
        for arms in (6, 11)
    )
    one = shaken(SharedFamily(5, 6).build(small, NoBase()(small, 1.0), 1.0, rng=rng), rng)
    other = SharedFamily(5, 6).build(large, NoBase()(large, 1.0), 1.0, rng=rng)
    other.restore(one.arrays())
    rows, actions = random_rows(large, rng)
    order = rng.permutation(large.num_arms)
    arms = large.arms
    turned = CoupledBandit(
        type(arms)(arms.passive[order], arms.active[order], arms.rewards[order]),
        OneBitAnArm(large.num_arms),
        cardinality(large.num_arms, 3),
    )
    third = SharedFamily(5, 6).build(turned, NoBase()(turned, 1.0), 1.0, rng=rng)
    third.restore(one.arrays())
    again = third(np.concatenate([rows[:, order], rows[:, -1:]], axis=1), actions[:, order])
    np.testing.assert_allclose(again.detach().numpy(), other(rows, actions).detach().numpy(), atol=1e-12)


def test_snapshots_stay_and_versions_follow_the_weights():
    bandit, _, model, rng = built("residual", "knapsack")
    rows, actions = random_rows(bandit, rng)
    before = model.snapshot()
    values = before.values(rows, actions)
    assert model.snapshot().version == before.version
    shaken(model, rng)
    assert model.snapshot().version != before.version
    np.testing.assert_array_equal(before.values(rows, actions), values)
    assert np.abs(model.snapshot().values(rows, actions) - values).max() > 1e-3


def test_the_lagrangian_base_promises_the_bound_and_starts_at_its_policy():
    bandit = corrected_instance(Family.INTERVENTIONS, rng=np.random.default_rng(1), arms=6, budget=2)
    start = starting_at_random(bandit, EVALUATION_START)
    found = best_multipliers(bandit, start)
    base = MultiplierBase(found)(bandit, 1.0)
    # The mean of V over the starts is the bound: V is linear in the distribution of each factor's state.
    states = EVALUATION_START.draw(bandit.num_arms, 20_000, np.random.default_rng(0))
    values = base.value(states, np.zeros(len(states), dtype=np.int64))
    assert values.mean() == pytest.approx(found.bound.total, abs=5 * values.std() / np.sqrt(len(states)))
    rows, _ = random_rows(bandit, np.random.default_rng(2), 30)
    model = AdditiveFamily().build(bandit, base, 1.0, rng=np.random.default_rng(0))
    oracle = ArgmaxOracle(model.snapshot(), bandit.feasible)
    played = np.array([answer.action for answer in oracle.solve_batch(rows)])
    policy = LagrangePolicy(bandit, found)
    theirs = np.array([policy(row[None, :-1], int(row[-1]))[0] for row in rows])
    worth = [base.action_value(rows[:, :-1], rows[:, -1], actions) for actions in (played, theirs)]
    np.testing.assert_allclose(worth[0], worth[1], atol=1e-4)  # up to the oracle's tolerance
    # No allowed action is worth more than V.
    assert (worth[0] <= base.value(rows[:, :-1], rows[:, -1]) + 1e-9).all()
    assert repr(MultiplierBase(found)) == MultiplierBase(found).name


def test_bad_tables_and_widths_are_named():
    rng = np.random.default_rng(0)
    bandit = BUILDERS["knapsack"](rng, 3)
    factors = factors_of(bandit)
    tables = [np.zeros((4, factor.states)) for factor in factors]
    with pytest.raises(ValueError, match="values of 3 factors"):
        value_base(factors, tables[:-1], np.zeros(4))
    with pytest.raises(ValueError, match=r"values\[0\]"):
        value_base(factors, [tables[0] + 1.0, *tables[1:]], np.zeros(4))
    with pytest.raises(ValueError, match="end in 0"):
        value_base(factors, tables, np.ones(4))
    for wrong in (lambda: DenseFamily(()), lambda: ResidualFamily((0,)), lambda: SharedFamily(0)):
        with pytest.raises(ValueError, match="widths"):
            wrong()
    with pytest.raises(ValueError, match="bends"):
        AdditiveFamily(-1)
