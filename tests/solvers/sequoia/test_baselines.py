"""Baselines against exact dynamic programming, enumeration and each other."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits import (
    CoupledBandit,
    Family,
    OneBitAnArm,
    StateSets,
    allowed_actions,
    cardinality,
    corrected_instance,
    draw_noise,
    factors_of,
    joint_process,
    paper_instance,
    rollout,
    starting_in,
)
from solvers.registry import BANDIT_POLICIES
from solvers.sequoia import LinearEncoder, q_network
from solvers.sequoia.baselines import (
    Effort,
    ProjectedPPO,
    RandomPolicy,
    RememberedPolicy,
    SamplingPolicy,
    SeparableMaximiser,
    each_state,
    exact,
    exact_value,
    greedy_action,
    idle,
    iterative_myopic,
    iterative_network,
    lagrange,
    local_search_network,
    myopic,
    projected_ppo,
    random_actions,
    score_policy,
    separable,
)
from solvers.sequoia.baselines.lagrange_policy import pattern_values
from tests.solvers.sequoia.small_bandits import BUILDERS, random_arms

KINDS = st.sampled_from(sorted(BUILDERS))
# In the other families the released rules are the same.
FAMILIES = [(family, corrected_instance) for family in Family]
FAMILIES += [(family, paper_instance) for family in (Family.SCHEDULE, Family.PATH)]
QUICK = ["null", "random", "sampling", "myopic", "iterative_myopic", "lagrange"]
ONE_BIT = ["whittle", "whittle_discounted"]


def build(names, bandit, workers=1):
    return [
        BANDIT_POLICIES.get(name).load()(bandit, rng=np.random.default_rng(7), workers=workers)
        for name in names
    ]


def suited(bandit):
    return QUICK + (ONE_BIT if isinstance(bandit.effect, OneBitAnArm) else [])


@pytest.mark.parametrize("kind", ["cardinality", "equation", "sigmoid"])
def test_exact_equals_the_best_of_all_policies(kind):
    rng = np.random.default_rng(11)
    bandit = BUILDERS[kind](rng, 2)
    process = joint_process(bandit)
    moves = process.transitions()
    start = rng.integers(0, 2, 3)
    first = int(process.index(start))
    # All policies: an action now, and one for each of the eight states that may follow.
    numbers = range(len(process.actions))
    best = max(
        process.rewards[first, now] + moves[now, first] @ process.rewards[np.arange(8), list(later)]
        for now in numbers
        for later in itertools.product(numbers, repeat=8)
    )
    assert exact(bandit).per_step(starting_in(bandit, start)) == pytest.approx(best / 2, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(KINDS, st.integers(0, 10**6), st.integers(1, 4))
def test_nothing_beats_exact_dynamic_programming(kind, seed, horizon):
    bandit = BUILDERS[kind](np.random.default_rng(seed), horizon)
    best = exact(bandit)
    assert exact_value(best.process, best)[0] == pytest.approx(best.values[0], abs=1e-12)
    for policy in build(suited(bandit), bandit):
        reached = exact_value(best.process, policy)
        assert (reached <= best.values + 1e-9).all(), policy.name


@pytest.mark.parametrize(("family", "maker"), FAMILIES)
def test_nothing_beats_exact_dynamic_programming_on_four_arms(family, maker):
    drawn = maker(family, rng=np.random.default_rng(4), arms=4, budget=2)
    bandit = dataclasses.replace(drawn, horizon=10)
    best = exact(bandit)
    values = {}
    made = build(sorted(suited(bandit), key="lagrange".__eq__), bandit)
    for policy in made:
        values[policy.name] = exact_value(best.process, policy)[0]
        assert (values[policy.name] <= best.values[0] + 1e-9).all(), policy.name
    chances = np.where(best.process.states == 1, 0.2, 0.8) * (best.process.states < 2)
    start = chances.prod(axis=1)
    assert start @ values["Lagrange"] >= 0.97 * start @ best.values[0]
    assert made[-1].multipliers.bound.total >= start @ best.values[0] - 1e-9


@pytest.mark.parametrize(("family", "maker"), FAMILIES)
def test_all_play_allowed_actions_in_all_families(family, maker):
    drawn = maker(family, rng=np.random.default_rng(9), arms=8, budget=3)
    bandit = dataclasses.replace(drawn, horizon=8)
    noise = draw_noise(bandit, 4, rng=np.random.default_rng(0))
    for policy in build(suited(bandit), bandit):
        rollout(bandit, policy, noise)  # which checks every action


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_threads_change_nothing(kind):
    bandit = BUILDERS[kind](np.random.default_rng(2), 3)
    noise = draw_noise(bandit, 12, rng=np.random.default_rng(1))
    names = suited(bandit)
    for alone, together in zip(build(names, bandit), build(names, bandit, workers=2), strict=True):
        for _ in range(2):  # the second time from memory
            np.testing.assert_array_equal(
                rollout(bandit, alone, noise).actions, rollout(bandit, together, noise).actions
            )


@settings(max_examples=120, deadline=None)
@given(
    KINDS, st.integers(0, 10**6), st.booleans(), st.booleans(), st.sampled_from(["all", "profiles", "rows"])
)
def test_separable_maximum_equals_enumeration(kind, seed, split, whole, way):
    rng = np.random.default_rng(seed)
    bandit = BUILDERS[kind](rng, 1)
    factors = factors_of(bandit, most_states=2) if split else factors_of(bandit)
    scopes = [f.bits for f in factors][: 3 if whole else 1]
    tables = [rng.normal(size=(4, 2 ** len(bits))).round(2) for bits in scopes]
    with pytest.MonkeyPatch.context() as patch:
        if way != "all":
            patch.setattr(separable, "_ENUMERATED_BITS", 0)
        tests = 0 if way == "rows" else 4_000
        found = SeparableMaximiser(bandit.feasible, scopes, tests=tests).best(tables)
    assert bandit.feasible.contains(found).all()
    actions = allowed_actions(bandit.feasible)

    def score(bits_of):
        powers = [2 ** np.arange(len(bits))[::-1] for bits in scopes]
        return sum(
            table[:, bits_of[:, list(bits)].astype(int) @ power]
            for table, bits, power in zip(tables, scopes, powers, strict=True)
        )

    np.testing.assert_allclose(np.diagonal(score(found)), score(actions).max(axis=1), atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(KINDS, st.integers(0, 10**6))
def test_myopic_is_the_best_of_all_allowed_actions(kind, seed):
    rng = np.random.default_rng(seed)
    bandit = BUILDERS[kind](rng, 3)
    states = joint_process(bandit).states
    played = bandit.expected_reward(states, myopic(bandit)(states, 0))
    tried = bandit.expected_reward(states[:, None], allowed_actions(bandit.feasible))
    np.testing.assert_allclose(played, tried.max(axis=1), atol=1e-9)
    sampled = SamplingPolicy(bandit, samples=300, rng=rng)(states, 0)
    # Sampling only meets actions that leave nothing undone, and never does better.
    assert (bandit.expected_reward(states, sampled) <= played + 1e-9).all()
    if not bandit.feasible.downward:
        np.testing.assert_allclose(bandit.expected_reward(states, sampled), played, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(KINDS, st.integers(0, 10**6))
def test_greedy_ends_in_an_allowed_action_that_no_bit_improves(kind, seed):
    rng = np.random.default_rng(seed)
    action_set = BUILDERS[kind](rng, 1).feasible
    table = rng.normal(size=8)
    calls = []

    def values(actions):
        calls.append(len(actions))
        return table[actions @ np.array([4, 2, 1])]

    action = greedy_action(values, action_set)
    assert bool(action_set.contains(action))
    assert len(calls) <= action_set.size + 1
    longer = [action | bit for bit in np.eye(3, dtype=bool) if not (action & bit).any()]
    better = [a for a in longer if action_set.contains(a) and values(a[None]) > values(action[None])]
    assert not better


def test_greedy_finds_what_it_can_and_misses_complements():
    # Together the first two bits are worth 5, alone nothing; the third is worth 1.
    def values(actions):
        return 5.0 * (actions[:, 0] & actions[:, 1]) + actions[:, 2]

    assert greedy_action(values, cardinality(3, 2)).tolist() == [False, False, True]
    assert greedy_action(values, cardinality(3, 3)).tolist() == [False, False, True]
    assert greedy_action(values, cardinality(3, 3, exactly=True)).all()


def test_idle_does_as_little_as_is_allowed():
    rng = np.random.default_rng(0)
    free, bound = BUILDERS["cardinality"](rng, 2), BUILDERS["equation"](rng, 2)
    states = np.zeros((5, 3), dtype=np.int64)
    assert not idle(free)(states, 0).any()
    assert idle(bound)(states, 0).tolist() == [[True, False, False]] * 5


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_random_actions_are_allowed_and_leave_nothing_undone(kind):
    action_set = BUILDERS[kind](np.random.default_rng(3), 1).feasible
    actions = random_actions(action_set, 400, rng=np.random.default_rng(0))
    assert action_set.contains(actions).all()
    if action_set.downward:
        for bit in np.eye(3, dtype=bool):
            more = actions[~actions[:, bit.argmax()]] | bit
            assert not action_set.contains(more).any()


def test_random_actions_of_a_fixed_size_are_uniform():
    actions = random_actions(cardinality(4, 2, exactly=True), 6000, rng=np.random.default_rng(1))
    _, counts = np.unique(actions, axis=0, return_counts=True)
    assert len(counts) == 6
    # Chi squared with five degrees of freedom: 20.5 has probability 0.001.
    assert ((counts - 1000) ** 2 / 1000).sum() < 20.5


def test_random_policies_forget_and_follow_their_seed():
    bandit = BUILDERS["cardinality"](np.random.default_rng(0), 5)
    states = np.zeros((30, 3), dtype=np.int64)
    for kind in (RandomPolicy, SamplingPolicy):
        one, same, other = (kind(bandit, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
        first = one(states, 2)
        one(states, 3)
        np.testing.assert_array_equal(one(states, 2), first)
        np.testing.assert_array_equal(same(states, 2), first)
        if kind is RandomPolicy:
            assert (other(states, 2) != first).any()
            assert (one(states, 3) != first).any()


def growing(states, step):
    return cardinality(3, int(states.sum() > 0) + (step > 0))


def test_sets_of_the_state_are_obeyed():
    sets = StateSets(3, growing, key=lambda states, step: (bool(states.any()), step > 0))
    bandit = CoupledBandit(random_arms(np.random.default_rng(5)), OneBitAnArm(3), sets, horizon=3)
    noise = draw_noise(bandit, 20, rng=np.random.default_rng(0))
    rng = np.random.default_rng(1)
    policies = [
        idle(bandit),
        RandomPolicy(bandit, rng=rng),
        SamplingPolicy(bandit, samples=5, rng=rng),
        myopic(bandit, workers=2),
        iterative_myopic(bandit),
        lagrange(bandit, superset=cardinality(3, 2)),
    ]
    for policy in policies:
        rollout(bandit, policy, noise)
    states = joint_process_states()
    played = policies[3](states, 0)
    for state, action in zip(states, played, strict=True):
        tried = allowed_actions(growing(state, 0))
        wanted = bandit.expected_reward(np.broadcast_to(state, tried.shape), tried).max()
        assert bandit.expected_reward(state, action) == pytest.approx(wanted)
    with pytest.raises(ValueError, match="depend on the state"):
        exact(bandit)


def joint_process_states():
    return np.array([*itertools.product([0, 1], repeat=3)])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_lagrange_is_optimal_where_nothing_couples_the_arms(seed):
    rng = np.random.default_rng(seed)
    bandit = CoupledBandit(random_arms(rng), OneBitAnArm(3), cardinality(3, 3), horizon=4)
    best = exact(bandit)
    policy = lagrange(bandit, effort=Effort(gap=0.0))
    np.testing.assert_allclose(exact_value(best.process, policy), best.values, atol=1e-9)


def test_pattern_values_without_prices_are_those_of_dynamic_programming():
    bandit = CoupledBandit(
        random_arms(np.random.default_rng(8), 1), OneBitAnArm(1), cardinality(1, 1), horizon=4
    )
    (factor,) = factors_of(bandit)
    values = pattern_values(factor, np.zeros((4, 2)))
    np.testing.assert_allclose(values.max(axis=2), exact(bandit).values[:-1])


def net(seed, bits=3, arms=3):
    rng = np.random.default_rng(seed)
    weights = (rng.normal(size=(6, bits)), rng.normal(size=(1, 6)))
    return q_network(
        LinearEncoder(rng.normal(size=(6, arms))), weights, (rng.normal(size=6), np.zeros(1)), (0.0,)
    )


@settings(max_examples=30, deadline=None)
@given(KINDS, st.integers(0, 10**6))
def test_policies_of_a_network_are_allowed_and_search_improves_on_greedy(kind, seed):
    bandit = BUILDERS[kind](np.random.default_rng(seed), 2)
    network = net(seed)
    states = joint_process(bandit).states
    greedy = iterative_network(network, bandit)(states, 0)
    searched = local_search_network(network, bandit, workers=2)(states, 0)
    for state, one, other in zip(states, greedy, searched, strict=True):
        own = network.at(state)
        assert bandit.feasible.contains(one)
        assert bandit.feasible.contains(other)
        assert own.values(other[None])[0] >= own.values(one[None])[0] - 1e-9
        assert own.values(other[None])[0] <= own.values(allowed_actions(bandit.feasible)).max() + 1e-9


def test_network_policies_read_the_step():
    bandit = BUILDERS["cardinality"](np.random.default_rng(0), 3)
    # The first bit is worth 1 at step 0, the second at later steps.
    encoder = LinearEncoder(np.array([[0.0], [2.0]]))
    network = q_network(
        encoder,
        (np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.ones((1, 2))),
        (np.array([0.0, -1.5]), np.zeros(1)),
        (0.0,),
    )
    policy = local_search_network(network, bandit, read=lambda states, step: np.array([float(step > 0)]))
    states = np.zeros((1, 3), dtype=np.int64)
    assert policy(states, 0).tolist() == [[True, False, False]]
    assert policy(states, 1)[0].sum() == 1


QUICK_PPO = ProjectedPPO(rounds=60, lanes=16, epochs=3, minibatch=32)


def test_ppo_learns_and_repeats_itself():
    # Two arms, one may be pulled: pulling the second pays at once, the first pays nothing.
    arms = random_arms(np.random.default_rng(0), 2)
    still, go = np.tile([1.0, 0.0], (2, 2, 1)), np.tile([[1.0, 0.0], [0.0, 1.0]], (1, 1, 1)).repeat(2, 0)
    go = np.stack([still[0], np.tile([0.0, 1.0], (2, 1))])
    arms = type(arms)(still, go, np.array([[0.0, 1.0], [0.0, 1.0]]))
    bandit = CoupledBandit(arms, OneBitAnArm(2), cardinality(2, 1), horizon=4)
    policies = [
        projected_ppo(bandit, settings=QUICK_PPO, rng=np.random.default_rng(5), workers=workers)
        for workers in (1, 2)
    ]
    states = np.array([*itertools.product([0, 1], repeat=2)])
    for step in range(4):
        played = policies[0](states, step)
        assert played.tolist() == [[False, True]] * 4
        np.testing.assert_array_equal(policies[1](states, step), played)


def test_every_name_makes_a_policy():
    bandit = CoupledBandit(
        random_arms(np.random.default_rng(0)), OneBitAnArm(3), cardinality(3, 1), horizon=2
    )
    names = [entry.name for entry in BANDIT_POLICIES if entry.name != "ppo"]  # which learns for a while
    made = build(names, bandit)
    assert len({policy.name for policy in made}) == len(names)
    assert callable(BANDIT_POLICIES.get("ppo").load())
    for policy in made:
        assert policy(np.zeros((2, 3), dtype=np.int64), 1).shape == (2, 3)


def test_what_is_remembered_is_asked_once():
    asked = []

    def decide(state, step):
        asked.append((state.tolist(), step))
        return state > 0

    policy = RememberedPolicy("p", 2, each_state(decide, 1))
    states = np.array([[0, 1], [0, 1], [1, 1]])
    for step in (0, 0, 1):
        np.testing.assert_array_equal(policy(states, step), states > 0)
    assert asked == [([0, 1], 0), ([1, 1], 0), ([0, 1], 1), ([1, 1], 1)]
    # More states than are remembered are decided all the same.
    short = RememberedPolicy("p", 2, each_state(decide, 1), remembered=1)
    np.testing.assert_array_equal(short(states, 0), states > 0)


@pytest.mark.parametrize("family", [Family.SCHEDULE, Family.CAPACITY, Family.PATH])
def test_profiles_and_programs_find_equally_good_actions(family):
    feasible = corrected_instance(family, rng=np.random.default_rng(20), arms=20, budget=5).feasible
    weights = np.random.default_rng(1).normal(0.2, 1.0, (4, 20))
    tables = [np.stack([np.zeros(4), column], axis=1) for column in weights.T]
    scopes = [(bit,) for bit in range(20)]
    many, program = (SeparableMaximiser(feasible, scopes, tests=tests) for tests in (4_000, 0))
    found = many.best(tables)
    assert feasible.contains(found).all()
    worth = (program.best(tables) * weights).sum(axis=1)
    np.testing.assert_allclose((found * weights).sum(axis=1), worth, atol=1e-9)
    for row in range(4):  # whatever else is in the batch
        np.testing.assert_array_equal(many.best([table[row : row + 1] for table in tables])[0], found[row])


def test_bad_input_is_named():
    bandit = BUILDERS["sigmoid"](np.random.default_rng(0), 2)
    factors = factors_of(bandit)
    with pytest.raises(ValueError, match="scores must cover 1 or 2 steps"):
        score_policy("p", bandit, factors, [np.zeros((3, *f.rewards.shape)) for f in factors])
    with pytest.raises(ValueError, match=r"scores\[0\] must be finite"):
        score_policy("p", bandit, factors, [np.full((1, *f.rewards.shape), np.nan) for f in factors])
    with pytest.raises(ValueError, match="need one bit an arm"):
        build(["whittle"], bandit)
    with pytest.raises(ValueError, match="samples must be at least 1"):
        SamplingPolicy(bandit, samples=0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="workers must be at least 1"):
        iterative_myopic(bandit, workers=0)
    with pytest.raises(ValueError, match="workers must be at least 1"):
        SeparableMaximiser(bandit.feasible, [(0,)], workers=0)
    with pytest.raises(ValueError, match="tests at least 0"):
        SeparableMaximiser(bandit.feasible, [(0,)], tests=-1)
    with pytest.raises(ValueError, match="max_gradient must be positive"):
        ProjectedPPO(max_gradient=float("nan"))
    with pytest.raises(ValueError, match=r"scopes must name bits in 0\.\.2"):
        SeparableMaximiser(bandit.feasible, [(3,)])
    with pytest.raises(ValueError, match=r"tables\[0\] must have shape \(2, 2\)"):
        SeparableMaximiser(bandit.feasible, [(0,)]).best([np.zeros((2, 4))])
    with pytest.raises(ValueError, match="network must have 3 action bits"):
        iterative_network(net(0, bits=4), bandit)
    with pytest.raises(ValueError, match="rounds must be at least 1"):
        ProjectedPPO(rounds=0)
    with pytest.raises(ValueError, match="need clip in"):
        ProjectedPPO(clip=1.0)
    with pytest.raises(ValueError, match="policy must play allowed actions"):
        exact_value(joint_process(bandit), lambda states, step: np.zeros((len(states), 3), dtype=bool))
