"""The family of counterfactual regret minimisation: OpenSpiel, known values, proved rates, and resuming."""

import math
import time
from dataclasses import replace

import numpy as np
import pyspiel
import pytest
from hypothesis import assume, given, settings, strategies as st
from open_spiel.python.algorithms import cfr as peer_cfr, discounted_cfr as peer_dcfr
from typer.testing import CliRunner

from games.adapters.open_spiel_policy import from_open_spiel_policy
from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import FileFormatError, UnsupportedGameError
from games.extensive import fold, from_normal_form, joint_cce_gap, nash_conv, realization_plans
from games.normal_form import NormalFormGame
from games.results import Status
from solvers.cli.main import app
from solvers.registry import SOLVERS
from solvers.trees import (
    CFR,
    Answer,
    CFRPlus,
    CFRRun,
    CFRSolver,
    Discounted,
    Linear,
    PredictiveDiscounted,
    PredictivePlus,
    Updates,
    load_cfr_state,
    save_cfr_state,
    solve_cfr,
)
from tests.tree_strategies import tree_games

KUHN = compile_open_spiel("kuhn_poker")
LEDUC = compile_open_spiel("leduc_poker")
THREE = compile_open_spiel("kuhn_poker(players=3)")
FAMILY = [CFR(), CFRPlus(), Linear(), Discounted(), PredictivePlus(), PredictiveDiscounted()]
family = pytest.mark.parametrize("variant", FAMILY, ids=lambda v: v.name)


def after(form, variant, iterations, **options):
    """Average policies after so many iterations."""
    return solve_cfr(form, variant, iterations=iterations, **options).unwrap().average


@pytest.mark.parametrize("form", [KUHN, LEDUC], ids=["kuhn", "leduc"])
@pytest.mark.parametrize(
    ("variant", "peer"), [(CFR(), pyspiel.CFRSolver), (CFRPlus(), pyspiel.CFRPlusSolver)], ids=["cfr", "cfr+"]
)
def test_averages_are_those_of_open_spiel(form, variant, peer):
    game = pyspiel.load_game(form.source)
    solver = peer(game)
    for done in range(1, 41):
        solver.evaluate_and_update_policy()
        if done in (1, 2, 7, 40):
            ours = after(form, variant, done)
            theirs = solver.tabular_average_policy()
            assert nash_conv(form, ours) == pytest.approx(pyspiel.nash_conv(game, theirs), abs=1e-10)
            for own, other in zip(ours, from_open_spiel_policy(form, theirs), strict=True):
                np.testing.assert_allclose(own, other, atol=1e-9)


@pytest.mark.parametrize(
    ("variant", "updates", "peer"),
    [
        (CFR(), Updates.SIMULTANEOUS, lambda game: peer_cfr._CFRSolver(game, False, False, False)),
        (CFRPlus(), Updates.SIMULTANEOUS, lambda game: peer_cfr._CFRSolver(game, False, True, True)),
        (Discounted(), Updates.ALTERNATING, peer_dcfr.DCFRSolver),
        (Linear(), Updates.ALTERNATING, peer_dcfr.LCFRSolver),
    ],
    ids=["cfr", "cfr+", "dcfr", "linear"],
)
def test_other_updates_and_discounts_are_those_of_open_spiel(variant, updates, peer):
    solver = peer(pyspiel.load_game("kuhn_poker"))
    for _ in range(30):
        solver.evaluate_and_update_policy()
    theirs = from_open_spiel_policy(KUHN, solver.average_policy())
    for own, other in zip(after(KUHN, variant, 30, updates=updates), theirs, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-10)


@family
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kuhn_poker", -1 / 18),
        ("liars_dice(numdice=1,dice_sides=2)", 1 / 2),
        ("liars_dice(numdice=1,dice_sides=3)", 1 / 9),
        ("leduc_poker", -0.0856064240780),
    ],
)
def test_known_values_are_reached(name, value, variant):
    form = compile_open_spiel(name)
    # Plain and linear CFR fall as 1 / sqrt(t); the others have 1e-6 of the range in thousands of iterations.
    tol = 1e-4 if isinstance(variant, CFR | Linear) else 1e-6 if name != "kuhn_poker" else 3e-6
    result = solve_cfr(form, variant, iterations=120_000, tol=tol)
    assert result.status is Status.CERTIFIED
    assert result.certificate.bound == nash_conv(form, result.unwrap().behaviors) <= tol * form.payoff_range
    # The value of the game lies within NashConv of what a profile pays.
    assert result.info["value_0"] == pytest.approx(value, abs=result.certificate.bound + 1e-12)


@pytest.mark.parametrize("variant", [CFR(), CFRPlus()], ids=lambda v: v.name)
@settings(deadline=None, max_examples=40)
@given(tree=tree_games(), steps=st.integers(1, 60))
def test_joint_play_keeps_the_bound_of_its_theorem_on_any_tree(variant, tree, steps):
    # Zinkevich et al., theorem 4: regret of player i <= range * H_i * sqrt(A_i / T), for plain averages.
    try:
        form = fold(tree)
    except UnsupportedGameError:
        assume(False)
    flat = variant if variant == CFR() else Discounted(math.inf, -math.inf, 0.0)
    result = solve_cfr(form, flat, iterations=steps, tol=0.0, updates=Updates.SIMULTANEOUS)
    gap = result.unwrap().state.joint_regret(form)
    if not result.steps:
        assert gap == math.inf  # uniform play was an equilibrium already
        return
    bound = (
        sum(p.num_infosets * math.sqrt(np.diff(p.start).max(initial=1)) for p in form.treeplexes)
        * form.payoff_range
        / math.sqrt(result.steps)
    )
    assert gap <= bound + 1e-9


@family
def test_the_gap_of_joint_play_is_that_of_the_iterates(variant):
    rounds = 7
    run = CFRRun(THREE, variant, updates=Updates.SIMULTANEOUS)
    plans = [[] for _ in range(3)]
    for _ in range(rounds):
        for mine, plan in zip(plans, realization_plans(THREE, run.state().last(THREE)), strict=True):
            mine.append(plan)
        run.advance(1)
    weights = np.arange(1.0, rounds + 1.0) ** variant.rule.gamma
    joint = np.zeros((rounds,) * 3)
    for k in range(rounds):
        joint[k, k, k] = weights[k] / weights.sum()
    expected = joint_cce_gap(THREE, [np.array(p) for p in plans], joint)
    assert expected > 1e-3
    assert run.state().joint_regret(THREE) == pytest.approx(expected, abs=1e-12)
    # The average plans are those iterates, too.
    for own, mine in zip(realization_plans(THREE, run.state().average(THREE)), plans, strict=True):
        np.testing.assert_allclose(own, weights @ np.array(mine) / weights.sum(), atol=1e-12)


@family
def test_in_zero_sum_games_both_distances_are_one(variant):
    result = solve_cfr(LEDUC, variant, iterations=50, updates=Updates.SIMULTANEOUS)
    assert result.info["cce_gap"] == pytest.approx(result.certificate.bound, abs=1e-11)


def test_games_of_more_players_are_certified_by_nash_conv_and_tell_their_gap():
    result = solve_cfr(THREE, CFRPlus(), iterations=3000)
    assert result.certificate.measure == "nash_conv"
    assert result.certificate.bound == nash_conv(THREE, result.unwrap().behaviors)
    assert 0.0 < result.info["cce_gap"] < 5e-3
    assert "cce_gap" not in solve_cfr(THREE, iterations=5, updates=Updates.ALTERNATING).info


def test_general_sums_are_not_certified_beyond_what_holds():
    # Shapley's game: regret matching circles, averages stay away from the only equilibrium.
    a = [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    b = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    form = fold(from_normal_form(NormalFormGame.bimatrix(a, b)))
    state = CFRRun(form, CFR()).state()
    # Off the equilibrium, where uniform play would rest.
    state.behaviors[1:4], state.behaviors[5:8] = [0.6, 0.3, 0.1], [0.1, 0.7, 0.2]
    run = CFRRun(form, CFR(), start=state)
    run.advance(3000)
    result = solve_cfr(form, CFR(), iterations=3100, tol=1e-3, start=run.state())
    assert result.status is Status.LIMIT
    assert result.certificate.bound == nash_conv(form, result.unwrap().behaviors) > 1e-3


def _generic(tree, seed):
    """The tree with payoffs in general position, so that no two actions tie and rounding decides nothing."""
    try:
        form = fold(tree)
    except UnsupportedGameError:
        assume(False)
    noise = np.random.default_rng(seed).normal(size=form.payoff.shape)
    return replace(form, payoff=noise * form.weight)


@family
@settings(deadline=None, max_examples=25)
@given(tree=tree_games(), seed=st.integers(0, 999), scale=st.sampled_from([1e-6, 0.25, 3.0, 1e9]))
def test_units_offsets_and_the_order_of_players_do_not_matter(variant, tree, seed, scale):
    form = _generic(tree, seed)
    options = {"iterations": 12, "updates": Updates.SIMULTANEOUS}
    plain = after(form, variant, **options)
    for other in (scale * form.payoff, form.payoff + 2.5 * form.weight):
        changed = after(replace(form, payoff=other), variant, **options)
        for one, two in zip(plain, changed, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)
    back = slice(None, None, -1)
    turned = replace(
        form,
        treeplexes=form.treeplexes[back],
        sequences=form.sequences[back],
        payoff=form.payoff[back],
    )
    for one, two in zip(plain, after(turned, variant, **options)[back], strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


RPS = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
DEGENERATE = {
    "one action each": [[5.0]],
    "one row": [[3.0, -1.0, 2.0]],
    "constant": np.full((3, 4), 7.0),
    "duplicated rows": [[1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]],
    "large offset": RPS + 1e6,
    "small": 1e-6 * np.diag([1.0, 2.0, 3.0]),
    "large": 1e9 * np.diag([1.0, 2.0, 3.0]),
}


@family
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_games_are_solved(variant, case):
    form = fold(from_normal_form(NormalFormGame.zero_sum(DEGENERATE[case])))
    result = CFRSolver(variant)(form, tol=1e-3, max_steps=100_000)
    assert result.status is Status.CERTIFIED
    assert nash_conv(form, result.unwrap()) <= 1e-3 * form.payoff_range + 1e-9


@family
@pytest.mark.parametrize("updates", Updates)
def test_a_resumed_run_repeats_an_uninterrupted_one(tmp_path, variant, updates):
    form = THREE if updates is Updates.SIMULTANEOUS else LEDUC
    whole = solve_cfr(form, variant, iterations=31, updates=updates).unwrap()
    part = solve_cfr(form, variant, iterations=12, updates=updates).unwrap()
    save_cfr_state(tmp_path / "run.json", form, part.state)
    start = load_cfr_state(tmp_path / "run.json", form)
    resumed = solve_cfr(form, variant, iterations=31, updates=updates, start=start)
    assert resumed.steps == 31
    for name in ("regrets", "behaviors", "sums", "gradients", "values"):
        np.testing.assert_array_equal(
            getattr(resumed.unwrap().state, name), getattr(whole.state, name), err_msg=name
        )


def test_states_of_other_runs_and_broken_files_are_refused(tmp_path):
    state = solve_cfr(KUHN, CFR(), iterations=3).unwrap().state
    with pytest.raises(ValueError, match="start must be a state of cfr_plus"):
        solve_cfr(KUHN, CFRPlus(), start=state)
    with pytest.raises(ValueError, match=r"regrets must be .* of shape \(2186,\)"):
        CFRRun(LEDUC, CFR(), start=state)
    save_cfr_state(tmp_path / "a.json", KUHN, state)
    with pytest.raises(ValueError, match="another game"):
        load_cfr_state(tmp_path / "a.json", LEDUC)
    for field, value in [
        ("regrets", np.full_like(state.regrets, np.nan)),
        ("sums", state.sums[:-1]),
        ("behaviors", -state.behaviors),
        ("iteration", -1),
    ]:
        save_cfr_state(tmp_path / "b.json", KUHN, replace(state, **{field: value}))
        with pytest.raises(FileFormatError, match=field):
            load_cfr_state(tmp_path / "b.json", KUHN)


def test_measurements_come_where_they_are_asked_for():
    seen = []
    result = solve_cfr(
        KUHN,
        CFR(),
        iterations=50,
        measure_at=[1, 4, 30],
        progress=lambda step, total, **figures: seen.append((step, total, *figures)),
    )
    trace = result.unwrap().trace
    assert trace.iteration.tolist() == [0, 1, 4, 30, 50]
    for done, bound in zip(trace.iteration[1:], trace.nash_conv[1:], strict=True):
        assert bound == nash_conv(KUHN, after(KUHN, CFR(), int(done)))
    assert (np.diff(trace.seconds) > 0).all()
    assert {s[0] for s in seen} >= {0, 1, 4, 30, 50}
    assert {s[1:] for s in seen} == {(50, "nash_conv")}


def test_the_last_iterate_can_be_the_answer():
    result = solve_cfr(KUHN, PredictivePlus(), iterations=2000, answer=Answer.LAST, tol=1e-9)
    solution = result.unwrap()
    assert solution.behaviors is not solution.average
    assert result.certificate.bound == nash_conv(KUHN, solution.last) <= 1e-9 * KUHN.payoff_range
    # Plain CFR does not settle.
    assert solve_cfr(KUHN, CFR(), iterations=2000, answer=Answer.LAST).certificate.bound > 0.01


def test_time_limits_are_kept():
    form = compile_open_spiel("liars_dice(numdice=1,dice_sides=5)")
    solve_cfr(form, iterations=2)  # compiles
    begun = time.perf_counter()
    result = solve_cfr(form, CFR(), iterations=10**9, time_limit=0.3)
    assert time.perf_counter() - begun < 1.5
    assert result.status is Status.LIMIT
    assert result.steps > 10
    assert result.certificate.bound == nash_conv(form, result.unwrap().behaviors) < 0.3
    untouched = solve_cfr(form, CFR(), time_limit=0.0)
    assert untouched.steps == 0
    assert untouched.certificate.bound == nash_conv(form, untouched.unwrap().behaviors)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"iterations": -1}, "iterations"),
        ({"tol": -1.0}, "tol"),
        ({"tol": math.nan}, "tol"),
        ({"time_limit": -1.0}, "time_limit"),
        ({"time_limit": math.nan}, "time_limit"),
        ({"measure_at": [3, 3]}, "measure_at"),
        ({"measure_at": [0]}, "measure_at"),
    ],
)
def test_nonsense_is_refused_by_name(options, name):
    with pytest.raises(ValueError, match=name):
        solve_cfr(KUHN, **options)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: Discounted(alpha=math.nan), "alpha"),
        (lambda: Discounted(beta=math.nan), "beta"),
        (lambda: Discounted(gamma=-1.0), "gamma"),
        (lambda: PredictivePlus(gamma=math.inf), "gamma"),
        (lambda: PredictiveDiscounted(alpha=math.nan), "alpha"),
        (lambda: CFRSolver(CFR())(KUHN, max_steps=-1), "max_steps"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(build, name):
    with pytest.raises(ValueError, match=name):
        build()


def test_discounting_with_infinite_exponents_is_cfr_plus():
    forgetful = Discounted(math.inf, -math.inf, 1.0)
    for own, other in zip(after(LEDUC, forgetful, 30), after(LEDUC, CFRPlus(), 30), strict=True):
        np.testing.assert_array_equal(own, other)


def test_names_tell_parameters():
    assert [v.name for v in FAMILY] == [
        "cfr", "cfr_plus", "linear_cfr", "dcfr", "pcfr_plus", "pdcfr_plus",
    ]  # fmt: skip
    assert Discounted(1.0, -math.inf, 3.0).name == "dcfr(alpha=1,beta=-inf,gamma=3)"
    assert all(SOLVERS.get(v.name).load().variant == v for v in FAMILY)


def test_the_command_line_reaches_it(tmp_path):
    file = str(tmp_path / "kuhn.json")
    runner = CliRunner()
    arguments = ["solve", "kuhn_poker", "--solver", "cfr_plus", "--tol", "1e-4", "--out", file]
    done = runner.invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "agrees" in runner.invoke(app, ["check", file]).output
