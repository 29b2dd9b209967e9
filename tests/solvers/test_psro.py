"""PSRO: published values, exact empirical games, checkpoints, and games of every kind."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import FileFormatError, UnsupportedGameError
from games.extensive import (
    behaviors_of_plans,
    expected_values,
    fold,
    nash_conv,
    uniform_behaviors,
)
from games.extensive.builder import TreeBuilder
from games.extensive.evaluation import split
from games.extensive.normal_form import from_normal_form
from games.normal_form import NormalFormGame, nash_conv as matrix_nash_conv
from games.normal_form.risk import RiskAversion
from games.results import Status
from games.storage import read_bundle, write_bundle
from solvers.psro import (
    PSRO,
    AddAllAnswers,
    EmpiricalPayoffs,
    EmpiricalRiskMetaSolver,
    NashMetaSolver,
    RiskAverseMetaSolver,
    UniformMetaSolver,
    run_psro,
)
from solvers.psro.double_oracle import solve_double_oracle

KUHN = compile_open_spiel("kuhn_poker")
LEDUC = compile_open_spiel("leduc_poker")
THREE = compile_open_spiel("kuhn_poker(players=3)")


def matrix_form(rows, columns=None):
    rows = np.asarray(rows, dtype=float)
    return fold(from_normal_form(NormalFormGame.bimatrix(rows, -rows if columns is None else columns)))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_rock_paper_scissors_is_solved_at_every_scale(scale):
    form = matrix_form(scale * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]))
    result = run_psro(form)
    assert result.status is Status.CERTIFIED
    assert result.certificate.bound <= 1e-9 * form.payoff_range
    np.testing.assert_allclose(result.unwrap().behaviors[0], [1, 1 / 3, 1 / 3, 1 / 3], atol=1e-8)


def test_kuhn_is_solved_within_ten_iterations():
    result = run_psro(KUHN, iterations=10)
    assert result.status is Status.CERTIFIED
    assert result.certificate.bound <= 1e-9
    assert result.steps <= 10
    assert result.info["value_0"] == pytest.approx(-1 / 18, abs=1e-9)
    assert nash_conv(KUHN, result.unwrap().behaviors) == result.certificate.bound


def test_leduc_reaches_the_bar_at_two_hundred_iterations():
    result = run_psro(LEDUC, iterations=200)
    trace = result.unwrap().trace
    assert len(trace) == 200
    assert result.certificate.bound <= 0.06
    # What the trace measured is what the certificate found from the behavior policies.
    assert trace.nash_conv[-1] == pytest.approx(result.certificate.bound, abs=1e-9)
    assert (np.diff(trace.seconds) > 0).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kuhn_poker", -1 / 18),
        ("liars_dice(numdice=1,dice_sides=2)", 1 / 2),
        ("liars_dice(numdice=1,dice_sides=3)", 1 / 9),
        ("goofspiel(num_cards=3,imp_info=True,points_order=descending)", 0.0),
        ("leduc_poker", -0.0856064240780),
    ],
)
def test_published_values(name, value):
    result = solve_double_oracle(compile_open_spiel(name))
    assert result.status is Status.CERTIFIED
    assert result.info["value_0"] == pytest.approx(value, abs=1e-10)


def test_a_game_of_common_interest_is_not_taken_for_zero_sum():
    with pytest.raises(UnsupportedGameError, match="common-payoff"):
        solve_double_oracle(compile_open_spiel("tiny_bridge_2p"))


def test_double_oracle_finds_the_value_of_a_random_matrix():
    from scipy.optimize import linprog

    a = np.random.default_rng(5).normal(size=(12, 15))
    result = solve_double_oracle(matrix_form(a))
    lp = linprog(
        np.append(np.zeros(12), -1.0),
        A_ub=np.hstack([-a.T, np.ones((15, 1))]),
        b_ub=np.zeros(15),
        A_eq=[np.append(np.ones(12), 0.0)],
        b_eq=[1.0],
        bounds=[(0, None)] * 12 + [(None, None)],
    )
    assert result.require(1e-8).info["value_0"] == pytest.approx(-lp.fun, abs=1e-8)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), players=st.sampled_from([2, 3]))
def test_empirical_payoffs_are_those_of_playing_the_policies(seed, players):
    form = KUHN if players == 2 else THREE
    rng = np.random.default_rng(seed)
    payoffs = EmpiricalPayoffs(form)
    # Policies arrive in any order of players, so every way of extending the table is used.
    order = rng.permutation(np.repeat(np.arange(players), 3))
    for player in order:
        payoffs.add(int(player), _random_plan(form, int(player), rng))
    game = payoffs.game()
    for cell in np.ndindex(game.num_actions):
        plans = [payoffs.populations[i].plans[k] for i, k in enumerate(cell)]
        wanted = expected_values(form, behaviors_of_plans(form, plans))
        np.testing.assert_allclose(game.payoffs[(slice(None), *cell)], wanted, atol=1e-12)


def _random_plan(form, player, rng):
    plex = form.treeplexes[player]
    plan = np.zeros(plex.num_sequences)
    plan[0] = 1.0
    for h in range(plex.num_infosets):
        block = slice(plex.start[h], plex.start[h + 1])
        plan[block] = plan[plex.parent[h]] * rng.dirichlet(np.ones(block.stop - block.start))
    return plan


def test_mixtures_over_policies_play_as_their_behavior_policies():
    solution = run_psro(LEDUC, iterations=8).unwrap()
    empirical = matrix_nash_conv(solution.meta_game, solution.profile)
    assert empirical <= 1e-8 * LEDUC.payoff_range  # a Nash equilibrium between the policies found
    mixed = [x @ plans for x, plans in zip(solution.profile, solution.plans, strict=True)]
    for mine, theirs in zip(solution.behaviors, behaviors_of_plans(LEDUC, mixed), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_three_players_and_general_sums_need_another_meta_solver():
    with pytest.raises(UnsupportedGameError, match="risk_averse"):
        run_psro(THREE)
    with pytest.raises(UnsupportedGameError, match="risk_averse"):
        solve_double_oracle(THREE)
    method = PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(0.0)))
    result = run_psro(THREE, method, iterations=25)
    first = result.unwrap().trace.nash_conv[0]
    assert result.certificate.bound < 0.2 * first


def test_a_single_player_learns_to_decide():
    builder = TreeBuilder("weather", players=["Ann"])
    sky = builder.chance(None, {"sun": Fraction(3, 4), "rain": Fraction(1, 4)})
    for weather, pay in (("sun", {"walk": 4, "bus": 1}), ("rain", {"walk": 0, "bus": 2})):
        ann = builder.decision(sky[weather], 0, "morning", ["bus", "walk"])
        for way, value in pay.items():
            builder.terminal(ann[way], [value])
    method = PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(0.0)))
    result = run_psro(fold(builder.build()), method)
    np.testing.assert_allclose(result.require(1e-9).unwrap().behaviors[0], [1.0, 0.0, 1.0])
    assert result.info["value_0"] == 3.0
    assert result.info["variance_0"] == 3.0


def test_uniform_meta_solver_is_fictitious_play():
    # Robinson (1951): it converges in zero-sum games, slowly.
    method = PSRO(meta_solver=UniformMetaSolver(), expander=AddAllAnswers())
    gaps = [run_psro(KUHN, method, iterations=n).certificate.bound for n in (10, 60, 360)]
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2]
    # Where only new answers are added, the weights stop moving and so does the run, honestly.
    stuck = run_psro(KUHN, PSRO(meta_solver=UniformMetaSolver()), iterations=1000)
    assert stuck.status is Status.STATIONARY
    assert stuck.steps < 20


STAG = np.array([[4.0, -1.0], [3.0, 2.0]])


@pytest.mark.parametrize(
    ("gamma", "stag_starts"),
    [(0.0, [0.8, 0.95]), (0.1, [0.95]), (0.3, [0.95]), (1.0, []), (3.0, [])],
)
@pytest.mark.parametrize("start", [0.2, 0.5, 0.8, 0.95])
def test_risk_aversion_shrinks_the_basin_of_the_stag(gamma, stag_starts, start):
    form = matrix_form(STAG, STAG.T)
    pure = [[[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]] * 2
    method = PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(gamma)))
    result = run_psro(form, method, policies=pure, profile=[[start, 1 - start]] * 2)
    stag = 1.0 if start in stag_starts else 0.0
    for behavior in result.unwrap().behaviors:
        np.testing.assert_allclose(behavior, [1.0, stag, 1.0 - stag], atol=1e-7)
    assert result.status is Status.CERTIFIED  # both ends are Nash equilibria


def test_starting_policies_and_mixtures_are_used():
    form = matrix_form(STAG, STAG.T)
    hare = [[[1.0, 0.0, 1.0]]] * 2
    result = run_psro(form, PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(0.0))), policies=hare)
    np.testing.assert_allclose(result.unwrap().behaviors[0], [1.0, 0.0, 1.0])
    assert result.unwrap().meta_game.num_actions == (1, 1)
    assert result.steps == 1  # the answer to the hare is the hare: nothing new


def test_a_killed_run_resumes_to_the_same_result(tmp_path):
    file = tmp_path / "leduc.json"
    whole = run_psro(LEDUC, iterations=24)

    class Killed(Exception):
        pass

    def kill(step, total, **figures):
        if step == 17:
            raise Killed

    with pytest.raises(Killed):
        run_psro(LEDUC, iterations=24, checkpoint=file, checkpoint_every=5, progress=kill)
    steps = []
    resumed = run_psro(
        LEDUC,
        iterations=24,
        checkpoint=file,
        checkpoint_every=5,
        progress=lambda step, total, **figures: steps.append(step),
    )
    assert steps[0] == 16  # the newest checkpoint was after iteration 15
    np.testing.assert_array_equal(whole.unwrap().trace.nash_conv, resumed.unwrap().trace.nash_conv)
    np.testing.assert_array_equal(whole.unwrap().meta_game.payoffs, resumed.unwrap().meta_game.payoffs)
    for mine, theirs in zip(whole.unwrap().behaviors, resumed.unwrap().behaviors, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    again = run_psro(LEDUC, iterations=24, checkpoint=file)
    assert again.steps == 24
    np.testing.assert_array_equal(again.unwrap().profile[0], whole.unwrap().profile[0])


def test_a_finished_run_is_not_run_again(tmp_path):
    first = run_psro(KUHN, checkpoint=tmp_path / "kuhn.json")
    second = run_psro(KUHN, checkpoint=tmp_path / "kuhn.json")
    assert (second.steps, second.certificate) == (first.steps, first.certificate)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    file = tmp_path / "kuhn.json"
    run_psro(KUHN, iterations=2, checkpoint=file)
    with pytest.raises(ValueError, match="another game"):
        run_psro(LEDUC, checkpoint=file)
    with pytest.raises(ValueError, match="meta_solver"):
        run_psro(KUHN, PSRO(meta_solver=UniformMetaSolver()), checkpoint=file)
    with pytest.raises(ValueError, match="rng"):
        run_psro(KUHN, rng=np.random.default_rng(1), checkpoint=file)
    file.write_text(file.read_text()[:-20])
    with pytest.raises(FileFormatError):
        run_psro(KUHN, checkpoint=file)


@pytest.mark.parametrize(
    "damage", ["rng", "settings", "plans_0", "payoffs", "seconds", "profile_1", "played", "queries"]
)
def test_a_checkpoint_with_a_part_missing_is_refused(tmp_path, damage):
    file = tmp_path / "kuhn.json"
    run_psro(KUHN, iterations=2, checkpoint=file)
    header, arrays = read_bundle(file, schema="counterplay.psro", version=2)
    if damage in arrays:
        arrays[damage] = arrays[damage][:-1]
    else:
        del header[damage]
    write_bundle(file, header, arrays)
    with pytest.raises(FileFormatError, match=r"not a whole (PSRO )?checkpoint"):
        run_psro(KUHN, checkpoint=file)


def test_limits_are_kept():
    assert run_psro(LEDUC, iterations=0).steps == 0
    limited = run_psro(LEDUC, iterations=10_000, time_limit=0.2)
    assert limited.status is Status.LIMIT
    assert limited.seconds < 2.0


@pytest.mark.parametrize(
    "arguments", [{"iterations": -1}, {"tol": -1.0}, {"tol": float("nan")}, {"checkpoint_every": 0}]
)
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        run_psro(KUHN, **arguments)


def test_bad_starts_are_refused():
    uniform = uniform_behaviors(KUHN)
    with pytest.raises(ValueError, match="policies"):
        run_psro(KUHN, policies=[[uniform[0]], []])
    with pytest.raises(ValueError, match="distribution"):
        run_psro(KUHN, policies=[[uniform[0] * 2], [uniform[1]]])
    with pytest.raises(ValueError, match="profile"):
        run_psro(KUHN, profile=[[0.5, 0.6], [1.0]])


def test_names_carry_what_distinguishes_methods():
    names = {
        solver.name
        for solver in (
            NashMetaSolver(),
            UniformMetaSolver(),
            RiskAverseMetaSolver(RiskAversion(0.1)),
            RiskAverseMetaSolver(RiskAversion(0.2)),
            NashMetaSolver(1e-6),
            RiskAverseMetaSolver(RiskAversion(0.1), 1e-6),
            EmpiricalRiskMetaSolver(RiskAversion(0.1)),
            EmpiricalRiskMetaSolver(RiskAversion(0.1), tol=1e-6),
        )
    }
    assert len(names) == 8


def test_split_is_the_inverse_of_end_to_end():
    joined = np.arange(26.0)
    np.testing.assert_array_equal(np.concatenate(split(KUHN, joined)), joined)


def test_a_checkpoint_knows_what_the_run_began_with(tmp_path):
    form = matrix_form(STAG, STAG.T)
    pure = np.array([[[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]] * 2)  # arrays serve as well as lists
    method = PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(0.0)))

    def go(**start):
        return run_psro(form, method, iterations=1, checkpoint=tmp_path / "run.json", **start)

    go(policies=pure, profile=np.array([[0.8, 0.2]] * 2))
    go(policies=pure.tolist(), profile=[[0.8, 0.2]] * 2)
    for start in (
        {},
        {"policies": pure},
        {"policies": pure, "profile": [[0.7, 0.3]] * 2},
        {"policies": pure[:, ::-1], "profile": [[0.8, 0.2]] * 2},
    ):
        with pytest.raises(ValueError, match="other settings: start differ"):
            go(**start)


def test_openings_are_told_apart_by_what_they_open_with(tmp_path):
    def opening(share, form):
        return [[np.array([1.0, share, 1.0 - share])]] * 2

    def go(share):
        method = PSRO(opening=partial(opening, share))
        form = matrix_form([[1.0, -1.0], [-1.0, 1.0]])
        return run_psro(form, method, iterations=1, checkpoint=tmp_path / "run.json")

    assert go(0.3).steps == go(0.3).steps == 1
    with pytest.raises(ValueError, match="other settings: opening differ"):
        go(0.4)


@pytest.mark.parametrize("bits", [np.random.Philox, np.random.MT19937])
def test_generators_of_any_kind_serve(bits):
    assert run_psro(KUHN, rng=np.random.Generator(bits(0))).status is Status.CERTIFIED
