"""Every variant of PSRO: what its idea promises, published values, refusals, and exact resume."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import UnsupportedGameError
from games.extensive import fold, nash_conv
from games.extensive.evaluation import best_response_to_plans, values_and_regrets
from games.extensive.normal_form import from_normal_form
from games.loading import load_game
from games.normal_form import NormalFormGame
from games.results import Status
from solvers.psro import (
    PSRO,
    AnytimeMetaSolver,
    CandidateSelection,
    FreshBestResponse,
    LinearProgram,
    NashMetaSolver,
    PipelinePSRO,
    RegretMatching,
    RestrictedTreeSolver,
    SelfPlayOracle,
    hardest_mixture,
    pure_opening,
    run_psro,
)
from solvers.psro.variants.approximate_response import improved_response
from solvers.psro.variants.self_play import learn_in_self_play
from solvers.registry import VARIANTS

KUHN = compile_open_spiel("kuhn_poker")
LEDUC = compile_open_spiel("leduc_poker")
DICE = compile_open_spiel("liars_dice(numdice=1,dice_sides=3)")
LEDUC_VALUE = -0.0856064240780
OTHER_KINDS = [load_game(g).sequence_form() for g in ("stag-hunt", "kuhn_poker(players=3)", "tiny_bridge_2p")]
ZERO_SUM_ONLY = [e.name for e in VARIANTS if "constant-sum" in e.tags]


def make(name):
    return VARIANTS.get(name).load()()


def matrix_form(rows, columns=None):
    rows = np.asarray(rows, dtype=float)
    return fold(from_normal_form(NormalFormGame.bimatrix(rows, -rows if columns is None else columns)))


def random_plan(form, player, rng):
    plex = form.treeplexes[player]
    plan = np.ones(plex.num_sequences)
    for h in range(plex.num_infosets):
        block = slice(plex.start[h], plex.start[h + 1])
        plan[block] = plan[plex.parent[h]] * rng.dirichlet(np.ones(block.stop - block.start))
    return plan


@pytest.mark.parametrize("name", ZERO_SUM_ONLY)
@pytest.mark.parametrize("game", ["kuhn_poker", "liars_dice(numdice=1,dice_sides=2)"])
def test_published_values(name, game):
    form = compile_open_spiel(game)
    value = {"kuhn_poker": -1 / 18}.get(game, 1 / 2)
    result = run_psro(form, make(name), iterations=150, tol=1e-7)
    assert result.status is Status.CERTIFIED
    assert result.info["value_0"] == pytest.approx(value, abs=1e-6)
    solution = result.unwrap()
    assert nash_conv(form, solution.behaviors) == result.certificate.bound
    assert solution.trace.nash_conv[-1] == pytest.approx(result.certificate.bound, abs=1e-12)
    # The mixtures over what the solution lists are what was played.
    assert [x.size for x in solution.profile] == list(solution.meta_game.num_actions)
    assert [len(p) for p in solution.plans] == list(solution.meta_game.num_actions)


@pytest.mark.parametrize("name", ZERO_SUM_ONLY)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_matrix_games_at_every_scale(name, scale):
    # Weighted rock-paper-scissors, x* = (1, 2, 1) / 4, with a constant added for the constant-sum case.
    a = scale * np.array([[0, -1, 2], [1, 0, -1], [-2, 1, 0.0]])
    for rows, columns in ((a, -a), (a + 3 * scale, -a)):
        form = matrix_form(rows, columns)
        result = run_psro(form, make(name), iterations=200, tol=1e-8)
        assert result.status is Status.CERTIFIED, name
        np.testing.assert_allclose(result.unwrap().behaviors[0], [1, 0.25, 0.5, 0.25], atol=1e-6)


@pytest.mark.parametrize("name", ZERO_SUM_ONLY)
def test_zero_sum_methods_refuse_other_games(name):
    for form in OTHER_KINDS:
        with pytest.raises(UnsupportedGameError, match="risk_averse"):
            run_psro(form, make(name), iterations=2)


def test_fictitious_play_takes_any_game():
    result = run_psro(
        load_game("kuhn_poker(players=3)").sequence_form(), make("fictitious_play"), iterations=40
    )
    assert result.certificate.bound < 0.35 * result.unwrap().trace.nash_conv[0]


@pytest.mark.parametrize("name", [e.name for e in VARIANTS])
def test_a_resumed_run_repeats_an_uninterrupted_one(name, tmp_path):
    whole = run_psro(DICE, make(name), iterations=8).unwrap()
    run_psro(DICE, make(name), iterations=5, checkpoint=tmp_path / "run.json")
    resumed = run_psro(DICE, make(name), iterations=8, checkpoint=tmp_path / "run.json").unwrap()
    np.testing.assert_array_equal(whole.trace.nash_conv, resumed.trace.nash_conv)
    np.testing.assert_array_equal(whole.trace.queries, resumed.trace.queries)
    np.testing.assert_array_equal(whole.meta_game.payoffs, resumed.meta_game.payoffs)
    for mine, theirs in zip(whole.plans + whole.behaviors, resumed.plans + resumed.behaviors, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(ValueError, match="other settings"):
        run_psro(DICE, PSRO(measure=_Other()), checkpoint=tmp_path / "run.json")


class _Other:
    name = "other"

    def __call__(self, play):
        return float(values_and_regrets(play.form, play.plans)[1].sum())


@pytest.mark.parametrize("name", [e.name for e in VARIANTS])
def test_queries_are_counted(name):
    queries = run_psro(KUHN, make(name), iterations=4, tol=0.0).unwrap().trace.queries
    assert (queries[:, 0] >= 2 * np.arange(1, len(queries) + 1)).all()
    assert (np.diff(queries, axis=0) >= 0).all()
    if name in ("xdo", "anytime", "self_play", "candidates"):
        assert (queries[:, 1] == 0).all()  # they never ask what policies earn against each other
    if name == "double_oracle":
        sizes = run_psro(KUHN, make(name), iterations=4, tol=0.0).unwrap().trace.sizes
        np.testing.assert_array_equal(queries[:, 1], sizes.prod(axis=1))


# XDO


def test_xdo_needs_far_fewer_iterations_than_double_oracle():
    result = run_psro(LEDUC, make("xdo"), iterations=60)
    assert result.status is Status.CERTIFIED
    assert result.info["value_0"] == pytest.approx(LEDUC_VALUE, abs=1e-9)
    assert result.steps <= 40
    assert run_psro(LEDUC, iterations=120).certificate.bound > 0.1


def test_xdo_plays_better_than_any_mixture_of_its_policies():
    # Information sets make independent choices: 2^n mixtures of policies, but n choices, one per set.
    trace = run_psro(LEDUC, make("xdo"), iterations=14, tol=0.0).unwrap()
    for player in range(2):
        policies = trace.plans[player][:-1]
        best = hardest_mixture(LEDUC, policies, player).conceded
        played = hardest_mixture(LEDUC, trace.plans[player][-1:], player).conceded
        assert played < best - 0.05


@pytest.mark.parametrize("ratio", [0.5, 0.02])
def test_xdo_solves_the_restricted_tree_as_well_as_it_plays(ratio):
    method = PSRO(
        meta_solver=RestrictedTreeSolver(ratio, RegretMatching(max_sweeps=200_000)), opening=pure_opening
    )
    result = run_psro(KUHN, method, iterations=80, tol=1e-6)
    assert result.status is Status.CERTIFIED  # also without a linear program, by ever finer solves
    trace = result.unwrap().trace
    settled = trace.sizes.sum(axis=1) == trace.sizes[-1].sum()
    fine = trace.nash_conv[settled]
    assert (fine[1:] <= ratio * fine[:-1] + 1e-15).all()


def test_every_exact_iteration_of_xdo_but_the_last_adds_an_action():
    method = PSRO(meta_solver=RestrictedTreeSolver(solver=LinearProgram()), opening=pure_opening)
    for form in (KUHN, LEDUC):
        state, used = method.init(form, rng=np.random.default_rng(0)), []
        while not used or state.trace.nash_conv[-1] > 1e-9 * form.payoff_range:
            used.append(sum(int((p.plans > 0.0).any(axis=0).sum()) for p in state.payoffs.populations))
            state = method.step(state)
        assert len(used) >= 2
        assert (np.diff(used) > 0).all()


# Anytime


@pytest.mark.parametrize("name", ["anytime", "self_play", "candidates"])
@pytest.mark.parametrize("form", [KUHN, DICE, LEDUC], ids=lambda f: f.name)
def test_exploitability_never_rises(name, form):
    gaps = run_psro(form, make(name), iterations=12 if form is KUHN else 7).unwrap().trace.nash_conv
    assert np.diff(gaps).max(initial=0.0) <= 1e-12 * form.payoff_range
    assert gaps[-1] < 0.75 * gaps[0]


def test_exploitability_never_rises_with_an_inexact_solver_either():
    """Five sweeps find mixtures worse than the last ones, which are kept then."""
    method = PSRO(FreshBestResponse(), AnytimeMetaSolver(RegretMatching(max_sweeps=5)))
    form = compile_open_spiel("liars_dice(numdice=1,dice_sides=3)")
    gaps = run_psro(form, method, iterations=15).unwrap().trace.nash_conv
    assert np.diff(gaps).max() <= 1e-12 * form.payoff_range


def test_double_oracle_does_rise():
    assert np.diff(run_psro(LEDUC, iterations=12).unwrap().trace.nash_conv).max() > 1.0


@settings(deadline=None, max_examples=3)
@given(seed=st.integers(0, 2**32 - 1), player=st.sampled_from([0, 1]))
def test_the_hardest_mixture_is_a_linear_programs_optimum(seed, player):
    import cvxpy as cp

    rng = np.random.default_rng(seed)
    population = np.array([random_plan(KUHN, player, rng) for _ in range(4)])
    found = hardest_mixture(KUHN, population, player)
    other = 1 - player
    # Against the opponent's pure strategies one by one, in another formulation.
    matrix = np.zeros((4, *[KUHN.num_sequences[other]]))
    for own, their, pay in zip(
        KUHN.sequences[player], KUHN.sequences[other], KUHN.payoff[other], strict=True
    ):
        matrix[:, their] += pay * population[:, own]
    pure = np.array(list(_pure_plans(KUHN.treeplexes[other])))
    weights, top = cp.Variable(4, nonneg=True), cp.Variable()
    problem = cp.Problem(cp.Minimize(top), [cp.sum(weights) == 1, pure @ matrix.T @ weights <= top])
    problem.solve(solver=cp.HIGHS)
    assert found.conceded == pytest.approx(problem.value, abs=1e-7)
    # The reply: no policy of the population earns more against it than the value.
    plans = np.concatenate([p if i == other else p * 0 for i, p in enumerate(_pair(found.reply, player))])
    gradient = best_gradient(KUHN, plans, player)
    assert (population @ gradient).max() == pytest.approx(-found.conceded, abs=1e-8)


def _pair(reply, player):
    pair = [np.zeros(n) for n in KUHN.num_sequences]
    pair[1 - player] = reply
    return pair


def best_gradient(form, plans, player):
    from games.extensive import kernels

    gradient = np.zeros(form.num_sequences[player])
    kernels.add_gradient(player, form.sequences, form.payoff[player], form.flat, plans, gradient)
    return gradient


def _pure_plans(plex):
    def grow(plan, h):
        if h == plex.num_infosets:
            yield plan.copy()
        elif not plan[plex.parent[h]]:
            yield from grow(plan, h + 1)
        else:
            for s in range(plex.start[h], plex.start[h + 1]):
                plan[s] = 1.0
                yield from grow(plan, h + 1)
                plan[s] = 0.0

    start = np.zeros(plex.num_sequences)
    start[0] = 1.0
    yield from grow(start, 0)


def test_best_responses_known_already_do_not_end_the_search():
    # To (1/2, 1/2, 0) of rock-paper-scissors-like rows every column is tied; the first is in the population.
    rng = np.random.default_rng(3)
    ended = 0
    for _ in range(8):
        form = matrix_form(rng.integers(-2, 3, size=(6, 6)))
        fresh = run_psro(form, PSRO(FreshBestResponse(), AnytimeMetaSolver()))
        assert fresh.status is Status.CERTIFIED
        ended += run_psro(form, PSRO(meta_solver=AnytimeMetaSolver())).status is Status.STATIONARY
    assert ended > 0  # the usual response alone does get stuck


# Self-play


def test_self_play_comes_near_in_a_single_iteration():
    anytime = run_psro(LEDUC, make("anytime"), iterations=3).unwrap().trace.nash_conv
    played = run_psro(LEDUC, make("self_play"), iterations=3).unwrap().trace.nash_conv
    assert (played < 0.2 * anytime).all()


def test_the_learned_strategy_is_a_mixed_plan_that_concedes_ever_less():
    uniform = run_psro(LEDUC, iterations=0).unwrap().plans
    conceded = []
    for rounds in (1, 10, 100, 1000):
        plan = learn_in_self_play(LEDUC, uniform[0], np.ones(1), 0, rounds=rounds)
        conceded.append(hardest_mixture(LEDUC, plan[None], 0).conceded)
    assert conceded[0] > conceded[1] > conceded[2] > conceded[3]
    assert conceded[3] == pytest.approx(-LEDUC_VALUE, abs=0.1)


# Candidates


def test_one_candidate_is_anytime_psro():
    one = run_psro(DICE, PSRO(CandidateSelection(1), AnytimeMetaSolver()), iterations=10).unwrap()
    plain = run_psro(DICE, make("anytime"), iterations=10).unwrap()
    np.testing.assert_array_equal(one.trace.nash_conv, plain.trace.nash_conv)


def test_the_candidate_that_joins_is_the_one_that_helps_most():
    state = PSRO(meta_solver=AnytimeMetaSolver()).init(LEDUC, rng=np.random.default_rng(0))
    selection = CandidateSelection(6)
    usual = FreshBestResponse().propose(state.payoffs, state.play, rng=np.random.default_rng(1))
    for _ in range(3):
        chosen = selection.propose(state.payoffs, state.play, rng=np.random.default_rng(1))
        for player, (best,) in enumerate(chosen):
            own = state.payoffs.populations[player].plans
            after = [
                hardest_mixture(LEDUC, np.vstack([own, p]), player).conceded for p in (best, usual[player][0])
            ]
            assert after[0] <= after[1] + 1e-9
            state.payoffs.add(player, best)
        state = PSRO(meta_solver=AnytimeMetaSolver()).step(state)
        usual = FreshBestResponse().propose(state.payoffs, state.play, rng=np.random.default_rng(1))


def test_candidates_follow_the_seed():
    runs = [
        run_psro(DICE, make("candidates"), iterations=5, rng=np.random.default_rng(s))
        .unwrap()
        .trace.nash_conv
        for s in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


# Pipeline


def test_steps_improve_a_response_towards_the_best():
    rng = np.random.default_rng(0)
    plans = np.concatenate([random_plan(LEDUC, i, rng) for i in range(2)])
    best = best_response_to_plans(LEDUC, plans, 0).value
    own = slice(0, LEDUC.num_sequences[0])
    gaps = []
    for _ in range(60):
        plan, gap = improved_response(LEDUC, plans, 0, rate=0.2, steps=1)
        plans[own] = plan
        gaps.append(gap)
        value = float(best_gradient(LEDUC, plans, 0) @ plan)
        assert best - value == pytest.approx(gap, abs=1e-9)
    assert (np.diff(gaps) <= 1e-12).all()
    assert gaps[-1] < 1e-4 * gaps[0]
    full, gap = improved_response(LEDUC, plans, 0, rate=1.0, steps=1)
    assert gap == pytest.approx(0.0, abs=1e-9)
    assert set(np.unique(full)) <= {0.0, 1.0}


def test_the_pipeline_does_not_depend_on_the_number_of_workers():
    runs = [run_psro(LEDUC, PipelinePSRO(workers=w), iterations=20).unwrap() for w in (1, 3)]
    np.testing.assert_array_equal(runs[0].trace.nash_conv, runs[1].trace.nash_conv)
    np.testing.assert_array_equal(runs[0].plans[1], runs[1].plans[1])


def test_more_levels_at_once_need_fewer_iterations():
    reached = {}
    for active in (1, 4):
        gaps = run_psro(LEDUC, PipelinePSRO(active=active), iterations=90).unwrap().trace.nash_conv
        reached[active] = int(np.argmax(gaps < 1.0)) if (gaps < 1.0).any() else 90
    assert reached[4] < 0.6 * reached[1]


def test_finished_levels_stay_and_are_near_best_responses():
    method = PipelinePSRO(active=2)
    state = method.init(DICE, rng=np.random.default_rng(0))
    for _ in range(60):
        state = method.step(state)
    sizes = [len(p) for p in state.payoffs.populations]
    assert sizes[0] == sizes[1] > 6
    finished = [p.plans[: sizes[0] - 2].copy() for p in state.payoffs.populations]
    table = state.payoffs.table.copy()
    for _ in range(10):
        state = method.step(state)
    for before, population in zip(finished, state.payoffs.populations, strict=True):
        np.testing.assert_array_equal(before, population.plans[: len(before)])
    done = slice(0, len(finished[0]))
    np.testing.assert_array_equal(table[:, done, done], state.payoffs.table[:, done, done])
    # The first finished level answers the opening almost as well as can be.
    opening = np.concatenate([p[0] for p in finished])
    for player in range(2):
        gain = values_and_regrets(DICE, opening)[1][player]
        gradient = best_gradient(DICE, opening, player)
        left = best_response_to_plans(DICE, opening, player).value - finished[player][1] @ gradient
        assert left <= 0.1 * gain + 1e-9


@pytest.mark.parametrize(
    ("build", "argument"),
    [
        (lambda: RestrictedTreeSolver(0.0), "ratio"),
        (lambda: RestrictedTreeSolver(float("nan")), "ratio"),
        (lambda: RegretMatching(0), "max_sweeps"),
        (lambda: SelfPlayOracle(0), "rounds"),
        (lambda: CandidateSelection(0), "candidates"),
        (lambda: CandidateSelection(concentration=0.0), "concentration"),
        (lambda: PipelinePSRO(active=0), "active"),
        (lambda: PipelinePSRO(rate=0.0), "rate"),
        (lambda: PipelinePSRO(plateau=1.0), "plateau"),
    ],
)
def test_bad_parameters_are_refused(build, argument):
    with pytest.raises(ValueError, match=argument):
        build()


def test_names_carry_parameters():
    names = [
        p.name
        for p in (
            RestrictedTreeSolver(),
            RestrictedTreeSolver(0.2),
            RestrictedTreeSolver(solver=RegretMatching(5)),
            AnytimeMetaSolver(),
            SelfPlayOracle(3),
            SelfPlayOracle(4),
            CandidateSelection(2),
            CandidateSelection(3),
            NashMetaSolver(),
            PipelinePSRO(active=2),
            PipelinePSRO(active=3),
        )
    ]
    assert len(set(names)) == len(names)
    assert (
        PipelinePSRO(workers=1).name == PipelinePSRO(workers=2).name
    )  # a resumed run may use another number
