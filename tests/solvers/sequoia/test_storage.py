"""Policies on disk: they play the same actions again, and files that were changed are refused or caught."""

import shutil
import subprocess
import sys
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from games.bandits import (
    EVALUATION_START,
    Family,
    RestlessArms,
    allowed_actions,
    cardinality,
    corrected_instance,
    draw_noise,
    lagrangian_bound,
    rollout,
    starting_at_random,
)
from games.bandits.q_bound import program_bound, spread
from games.bandits.q_functions import AdditiveValues, LocalQ, least_prices
from games.certificates import Certificate
from games.checking_bandits import CheckEffort, check_bandit_policy
from games.errors import FileFormatError
from games.results import SolveResult, Status
from games.storage import bandit_policies, read_bundle, write_bundle
from games.storage.bandit_policies import LOOK_RECORDS, ROUND_RECORDS, SCHEMA, load_plain_policy
from games.storage.bandits import bandit_arrays, fingerprint
from solvers.sequoia import ArgmaxOracle, SequoiaPolicy, Tolerance, evaluate, load_policy, save_policy
from solvers.sequoia.baselines import lagrange
from solvers.sequoia.learning import (
    AdditiveFamily,
    ConcaveFamily,
    DenseFamily,
    LagrangianBase,
    LearningCurve,
    NoBase,
    OneHot,
    OraclePolicy,
    RawIntegers,
    ResidualFamily,
    RoundRecords,
    SharedFamily,
    SharedResidualFamily,
    ValidationRecords,
)
from solvers.sequoia.learning.origin import QOrigin
from solvers.sequoia.learning.policy import feasible_of
from solvers.sequoia.storage import playing

PLAIN = ResidualFamily((4,), trained_base=False)
FAMILIES = [
    PLAIN,
    ResidualFamily((4, 3), RawIntegers(), trained_base=True),
    DenseFamily((5, 3, 2)),
    SharedFamily(4, 3),
    ConcaveFamily(4, RawIntegers()),
    AdditiveFamily(),
    AdditiveFamily(3),
    SharedResidualFamily(4, 3, trained_base=True),
]
QUICK = CheckEffort(episodes=40, decisions=3)


@cache
def instance(kind=Family.CAPACITY):
    return corrected_instance(kind, rng=np.random.default_rng(5), arms=6, budget=2)


@cache
def base_of(bandit):
    return LagrangianBase()(bandit, 1.0)


def result_of(bandit, family, base=None, seed=0):
    """As from a training, but with random numbers in the place of learned ones."""
    rng = np.random.default_rng(seed)
    values = base_of(bandit) if base is None else base(bandit, 1.0)
    origin = QOrigin(family, values, 0.7)
    model = origin.build(bandit)
    model.restore({name: rng.normal(0.0, 0.3, array.shape) for name, array in model.arrays().items()})
    player = OraclePolicy(ArgmaxOracle(model.snapshot(), feasible_of(bandit)), tolerance=Tolerance(1e-5))
    curve = LearningCurve.empty().with_round({name: 0.5 for name in ROUND_RECORDS})
    curve = curve.with_look({name: 2.0 for name in LOOK_RECORDS})
    policy = SequoiaPolicy(player, curve, origin, workers=1)
    certificate = Certificate("argmax_gap", 1e-9)
    return SolveResult(policy, Status.LIMIT, certificate, "sequoia", 1, 0.5, {"value": 1.0})


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    saved(folder / "policy.json")
    return folder


@pytest.fixture
def copied(original, tmp_path):
    """A file that may be spoilt."""
    return shutil.copytree(original, tmp_path / "copy") / "policy.json"


def saved(path, bandit=None, result=None, episodes=30):
    bandit = bandit or instance()
    result = result or result_of(bandit, PLAIN)
    save_policy(path, bandit, result, episodes=episodes, rng=np.random.default_rng(1))
    return bandit, result.unwrap()


def rewritten(path, change):
    """The file with other contents under fresh fingerprints, as somebody would write who knows the format."""
    header, arrays = read_bundle(path, schema=SCHEMA, version=1)
    change(header, arrays)
    problem = bandit_arrays(arrays)
    rest = {name: array for name, array in arrays.items() if name not in problem}
    for part, own in (("bandit", problem), ("policy", rest)):
        kept = {key: value for key, value in header[part].items() if key != "sha256"}
        header[part]["sha256"] = fingerprint(kept, own)
    write_bundle(path, header, arrays)


def checked(path):
    stored = load_plain_policy(path)
    return check_bandit_policy(stored, playing(stored), effort=QUICK, rng=np.random.default_rng(9))


@pytest.mark.parametrize(
    ("kind", "family"),
    [(kind, FAMILIES[0]) for kind in Family] + [(Family.INTERVENTIONS, family) for family in FAMILIES[1:]],
)
def test_the_same_actions_come_back(tmp_path, kind, family):
    path = tmp_path / "policy.json"
    bandit, policy = saved(path, instance(kind), result_of(instance(kind), family), episodes=8)
    again_bandit, again = load_policy(path)
    noise = draw_noise(bandit, 12, rng=np.random.default_rng(2))
    first, second = (rollout(b, p, noise) for b, p in ((bandit, policy), (again_bandit, again)))
    np.testing.assert_array_equal(first.actions, second.actions)
    np.testing.assert_array_equal(first.expected, second.expected)
    assert again.tolerance == policy.tolerance
    assert again.origin.family == family
    for name, array in policy.curve.arrays().items():
        np.testing.assert_array_equal(again.curve.arrays()[name], array)


@pytest.mark.parametrize("kind", [Family.CAPACITY, Family.INTERVENTIONS])
@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_numpy_finds_the_q_of_torch_and_programs_its_greatest(tmp_path, kind, family):
    path = tmp_path / "policy.json"
    bandit, policy = saved(path, instance(kind), result_of(instance(kind), family), episodes=2)
    q = load_plain_policy(path).result.unwrap().q
    actions = allowed_actions(bandit.feasible)
    rng = np.random.default_rng(4)
    for step in (0, 11, 19):
        states = rng.integers(bandit.arms.states, size=bandit.num_arms)
        rows = np.repeat(np.append(states, step)[None], len(actions), axis=0)
        local = q.at(states, step)
        own = local.values(actions)
        theirs = policy.oracle.network.values(rows, actions)
        np.testing.assert_allclose(own, theirs, rtol=1e-12, atol=1e-12)
        bound = program_bound(local, bandit.feasible, seconds=10.0)
        assert bound.settled
        assert bound.upper == pytest.approx(own.max(), abs=1e-6)
        assert np.ptp(own) <= spread(local, bandit.feasible.most) + 1e-9


@pytest.mark.parametrize("base", [LagrangianBase(), NoBase()])
def test_prices_from_values_bound_no_worse_than_the_prices_behind_them(base):
    bandit = instance(Family.INTERVENTIONS)
    values = base(bandit, 1.0)
    factors = values.layout.factors
    plain = AdditiveValues(factors, values.coefficients, values.values, values.constants, 1.0)
    start = starting_at_random(bandit, EVALUATION_START)
    groups = [factor.arms for factor in factors]
    found = lagrangian_bound(bandit, groups, least_prices(plain), start).total
    known = lagrange(bandit).multipliers.bound.total
    if isinstance(base, LagrangianBase):
        assert found <= known + 1e-9 * known
    else:
        assert found >= known - 1e-9 * known
    played = rollout(bandit, lagrange(bandit), draw_noise(bandit, 40, rng=np.random.default_rng(0)))
    assert played.values.mean() * bandit.horizon < found * 1.02


def test_with_discount_there_is_no_bound(tmp_path):
    bandit = instance()
    result = result_of(bandit, AdditiveFamily(), base=lambda bandit, discount: NoBase()(bandit, 0.9))
    saved(tmp_path / "p.json", bandit, result)
    stored = load_plain_policy(tmp_path / "p.json")
    assert stored.claim.bound is None
    report = check_bandit_policy(stored, playing(stored), effort=QUICK, rng=np.random.default_rng(0))
    assert report.agrees, report.messages
    assert not any("no policy earns" in message for message in report.messages)


@pytest.mark.parametrize("kind", Family)
def test_honest_files_agree(tmp_path, kind):
    path = tmp_path / "deep" / "policy.json"
    saved(path, instance(kind), result_of(instance(kind), PLAIN))
    report = checked(path)
    assert report.agrees, report.messages
    assert report.recomputed.bound <= 1e-9
    assert "3 of 3 fresh decisions settled by trying all actions" in report.messages[-1]


def test_larger_sets_are_settled_by_a_program(tmp_path):
    bandit = corrected_instance(Family.CAPACITY, rng=np.random.default_rng(5), arms=24, budget=6)
    path = tmp_path / "policy.json"
    saved(path, bandit, result_of(bandit, PLAIN, base=NoBase()), episodes=4)
    report = checked(path)
    assert report.agrees, report.messages
    assert "3 of 3 fresh decisions settled by a mixed-integer program" in report.messages[-1]
    stored = load_plain_policy(path)
    hurried = CheckEffort(episodes=4, decisions=2, seconds=1e-6)
    report = check_bandit_policy(stored, playing(stored), effort=hurried, rng=np.random.default_rng(0))
    assert report.agrees
    assert report.recomputed.bound == np.inf
    assert "0 of 2 fresh decisions settled" in report.messages[-1]
    assert "not proven here" in report.messages[-1]


def scaled(name, factor):
    def change(header, arrays):
        arrays[name] = arrays[name] * factor

    return change


def roomier(header, arrays):
    arrays["set_capacities"] = arrays["set_capacities"] + 5


def tighter(header, arrays):
    arrays["set_capacities"] = np.maximum(arrays["set_capacities"] - 3, 0)


def richer(header, arrays):
    header["claim"]["mean"] += 1.0


def lower_bound(header, arrays):
    header["claim"]["bound"] *= 0.99


def beyond_the_bound(header, arrays):
    header["claim"]["mean"] = header["claim"]["bound"] / 20 + 1.0
    header["claim"]["episodes"] = 2


def in_other_units(header, arrays):
    """All that is told, a billion times smaller."""
    for key in ("mean", "error", "bound"):
        header["claim"][key] *= 1e-9
    header["policy"]["unit"] *= 1e-9
    for name in ("arm_rewards", "base_coefficients", "base_values", "base_constants", "prices"):
        arrays[name] = arrays[name] * 1e-9
    arrays["decision_values"] = arrays["decision_values"] * 1e-9
    header["result"]["certificate"]["bound"] *= 1e-9


def other_kind(header, arrays):
    header["policy"]["kind"] = "dense"  # whose arrays have the same names


def other_values(header, arrays):
    arrays["decision_values"] = arrays["decision_values"] + 1e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (scaled("net_body_output", -40.0), "by the weights in the file"),
        (scaled("base_coefficients", 1.01), "by the weights in the file"),
        (other_kind, "by the weights in the file"),
        (other_values, "on record"),
        (roomier, "another action is played"),
        (tighter, "the action is not in capacity"),
        (richer, "is too high"),
        (lower_bound, "the prices prove"),
        (scaled("prices", 0.9), "the prices prove"),
        (beyond_the_bound, "exceeds that bound"),
    ],
)
def test_changed_files_with_fresh_fingerprints_are_caught(copied, change, words):
    rewritten(copied, change)
    report = checked(copied)
    assert not report.agrees
    assert any(words in message for message in report.messages), report.messages
    rewritten(copied, in_other_units)
    report = checked(copied)
    assert any(words in message for message in report.messages), report.messages


def test_checks_do_not_depend_on_units(copied):
    rewritten(copied, in_other_units)
    report = checked(copied)
    assert report.agrees, report.messages
    stored = load_plain_policy(copied)

    def idle(states, step):
        return np.zeros((len(states), stored.bandit.bits), dtype=bool)

    report = check_bandit_policy(stored, idle, effort=QUICK, rng=np.random.default_rng(0))
    assert any("below the greatest" in message for message in report.messages)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e9])
def test_programs_bound_q_in_all_units(scale):
    rng = np.random.default_rng(0)
    action_set = cardinality(8, 3)
    for _ in range(3):
        local = LocalQ(
            constant=scale,
            linear=scale * rng.normal(size=8),
            products=((0, 1),),
            terms=scale * rng.normal(size=1),
            weights=(rng.normal(size=(6, 8)), rng.normal(size=(4, 6))),
            biases=(rng.normal(size=6), rng.normal(size=4)),
            output=scale * rng.normal(size=4),
            bent=None,
        )
        greatest = local.values(allowed_actions(action_set)).max()
        bound = program_bound(local, action_set, seconds=10.0)
        assert bound.settled
        assert bound.upper == pytest.approx(greatest, abs=1e-6 * scale)


def test_gaps_that_only_the_tolerance_allows_are_told(copied):
    rewritten(copied, put("policy", "tolerance", "absolute", value=1e9))
    rewritten(copied, put("claim", "mean", value=0.0))
    stored = load_plain_policy(copied)

    def idle(states, step):
        return np.zeros((len(states), stored.bandit.bits), dtype=bool)

    report = check_bandit_policy(stored, idle, effort=QUICK, rng=np.random.default_rng(0))
    assert report.agrees, report.messages
    assert "by the tolerance in the file and not by the gap claimed" in report.messages[-1]


def test_few_episodes_are_no_excuse(tmp_path):
    path = tmp_path / "policy.json"
    bandit = instance()
    saved(path, bandit, result_of(bandit, AdditiveFamily(), base=lambda bandit, _: NoBase()(bandit, 0.9)))

    def richer_by_two(header, arrays):
        header["claim"].update(mean=header["claim"]["mean"] + 1.5, episodes=2, error=0.0)

    rewritten(path, richer_by_two)
    report = checked(path)
    assert not report.agrees
    assert "is too high" in report.messages[-1]
    rewritten(path, put("claim", "error", value=0.2))  # admitted to be uncertain
    assert checked(path).agrees


def test_a_policy_is_saved_with_its_own_bandit(tmp_path):
    bandit = instance(Family.INTERVENTIONS)
    arms = bandit.arms
    other = replace(bandit, arms=RestlessArms(arms.passive, arms.active, arms.rewards[::-1].copy()))
    result = result_of(bandit, SharedFamily(4, 3))  # whose network reads rewards
    with pytest.raises(ValueError, match="bandit must be the one the policy was trained on"):
        saved(tmp_path / "policy.json", other, result)
    assert not (tmp_path / "policy.json").exists()


def test_a_policy_that_does_not_take_the_best_is_caught(original):
    stored = load_plain_policy(original / "policy.json")
    bandit = stored.bandit

    def idle(states, step):
        return np.zeros((len(states), bandit.bits), dtype=bool)

    def greedy(states, step):
        return np.ones((len(states), bandit.bits), dtype=bool)

    report = check_bandit_policy(stored, idle, effort=QUICK, rng=np.random.default_rng(0))
    assert not report.agrees
    assert any("below the greatest" in message for message in report.messages)
    assert report.recomputed.bound > 0.01
    report = check_bandit_policy(stored, greedy, effort=QUICK, rng=np.random.default_rng(0))
    assert not report.agrees
    assert "is not in capacity" in report.messages[-1]
    assert report.recomputed.bound == np.inf


@pytest.mark.parametrize(
    "change", [scaled("net_body_output", 2.0), scaled("arm_rewards", 1.5), scaled("round_loss", 2.0)]
)
def test_changed_arrays_do_not_fit_the_fingerprints(copied, change):
    header, arrays = read_bundle(copied, schema=SCHEMA, version=1)
    change(header, arrays)
    write_bundle(copied, header, arrays)
    with pytest.raises(FileFormatError, match="sha256"):
        load_plain_policy(copied)


def put(*keys, value):
    def change(header, arrays):
        held = header
        for key in keys[:-1]:
            held = held[key]
        held[keys[-1]] = value

    return change


def array(name, value):
    def change(header, arrays):
        arrays[name] = value(arrays[name]) if callable(value) else value

    return change


def no_decisions(header, arrays):
    for name in ("decision_states", "decision_actions", "decision_values"):
        arrays[name] = arrays[name][:, :0].copy()


def drop(name):
    def change(header, arrays):
        del arrays[name]

    return change


def spoilt(held):
    held = held.copy()
    held.flat[0] = np.nan
    return held


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("colour", value="red"), "colour: is no known key"),
        (put("bandit", "colour", value="red"), "bandit.colour: is no known key"),
        (put("bandit", "actions", "colour", value="red"), "actions.colour: is no known key"),
        (put("policy", "colour", value="red"), "policy.colour: is no known key"),
        (put("policy", "tolerance", "colour", value=1), "tolerance.colour: is no known key"),
        (put("claim", "colour", value=1), "claim.colour: is no known key"),
        (put("policy", "kind", value="oracle"), "policy.kind: wanted 'dense'"),
        (put("policy", "kind", value="concave"), "missing or unknown"),
        (put("policy", "widths", value=[5]), r"body_action_weight.*shape \(5, 6\)"),
        (put("policy", "widths", value=[4.5]), "widths: wanted a list of integers"),
        (put("policy", "widths", value=[]), "widths and bends must fit"),
        (put("policy", "bends", value=2), "has no bends"),
        (put("policy", "reading", value="braille"), "reading: wanted 'one_hot'"),
        (put("policy", "unit", value=0.0), "unit: wanted a positive number"),
        (put("policy", "discount", value=1.5), "discount: wanted a number in"),
        (put("policy", "tolerance", "relative", value=-1.0), "relative: wanted a number of at least 0"),
        (put("claim", "episodes", value=1), "episodes: wanted an integer of at least 2"),
        (put("claim", "error", value=-1.0), "error: wanted a number of at least 0"),
        (put("bandit", "effect", value="magic"), "effect: wanted 'one_bit_an_arm'"),
        (put("bandit", "horizon", value=21), "must hold"),
        (put("bandit", "horizon", value=0), "need horizon >= 1"),
        (put("version", value=2), "newer counterplay"),
        (array("net_body_output", lambda a: a[:-1]), r"body_output.*shape \(4,\)"),
        (array("net_body_output", lambda a: a.astype(np.int64)), "net_body_output.*float64"),
        (array("net_body_output", spoilt), "net_body_output.*finite"),
        (array("net_surprise", np.zeros(3)), "missing or unknown: surprise"),
        (array("surprise", np.zeros(3)), "array 'surprise' is no known array"),
        (array("set_surprise", np.zeros(3)), "array 'set_surprise' is no known array"),
        (drop("net_body_constant"), "missing or unknown: body_constant"),
        (drop("base_values"), "'base_values' is missing"),
        (drop("prices"), "bound: wanted null"),
        (array("prices", lambda a: a[1:]), "'prices' must hold"),
        (array("base_coefficients", lambda a: a[1:]), "'base_coefficients' must hold"),
        (array("base_values", lambda a: a + 1.0), "zero at the end"),
        (array("base_arms", lambda a: a[::-1].copy() * 0), "each of 6 arms once"),
        (array("base_ends", lambda a: a + 1), "must rise to 6"),
        (array("round_gap", np.zeros(2)), "different lengths"),
        (array("decision_states", lambda a: a + 9), "must hold states in"),
        (no_decisions, "must hold a decision at each step"),
        (put("claim", "episodes", value=10**400), "episodes: wanted an integer of at least 2"),
        (array("decision_values", lambda a: a[:, :-1]), "'decision_values' must have shape"),
        (array("arm_passive", lambda a: a * 2.0), "passive must hold distributions"),
        (array("arm_rewards", spoilt), "rewards must be finite"),
    ],
)
def test_broken_files_are_refused_by_name(copied, change, words):
    rewritten(copied, change)
    with pytest.raises(FileFormatError, match=words):
        load_plain_policy(copied)


def test_groups_of_arms_must_not_fill_the_memory(copied, monkeypatch):
    monkeypatch.setattr(bandit_policies, "_MOST_MOVES", 20)
    with pytest.raises(FileFormatError, match="more than 20 transitions in all"):
        load_plain_policy(copied)


def test_policies_that_no_file_can_hold_are_refused(tmp_path):
    class OwnFeatures(OneHot):
        pass

    class OwnFamily:
        pass

    bandit = instance()
    rng = np.random.default_rng(0)
    path = tmp_path / "policy.json"
    for family, words in ((ResidualFamily((4,), 3), "features must be"), (OwnFamily(), "family must be")):
        result = result_of(bandit, PLAIN)
        policy = result.unwrap()
        policy.origin = QOrigin(family, policy.origin.base, 1.0)
        with pytest.raises(TypeError, match=words):
            save_policy(path, bandit, result, rng=rng)
    with pytest.raises(ValueError, match="episodes must be at least 2"):
        save_policy(path, bandit, result_of(bandit, PLAIN), episodes=1, rng=rng)
    assert not path.exists()


def test_columns_of_the_curve_are_those_of_the_learner():
    assert tuple(field.name for field in fields(RoundRecords)) == ROUND_RECORDS
    assert tuple(field.name for field in fields(ValidationRecords)) == LOOK_RECORDS


def test_reading_a_file_brings_no_torch(original):
    code = (
        "import sys; from games.storage.bandit_policies import load_plain_policy; "
        "load_plain_policy(sys.argv[1]); assert 'torch' not in sys.modules and 'solvers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(original / "policy.json")], check=True)


def test_tables_show_the_share_that_is_proven(original):
    bandit, again = load_policy(original / "policy.json")
    assert again.certified_share == 0.0
    found = evaluate(bandit, [again], episodes=3, rng=np.random.default_rng(0))
    assert found[again.name].certified == again.certified_share == 1.0
    network = again.oracle.network
    loose = OraclePolicy(
        ArgmaxOracle(network, bandit.feasible), tolerance=Tolerance(0.0, 0.0), name="asked for the impossible"
    )
    loose(np.zeros((2, bandit.num_arms), dtype=np.int64), 0)
    assert loose.certified_share == np.mean([result.gap <= 0.0 for result in loose.last])
