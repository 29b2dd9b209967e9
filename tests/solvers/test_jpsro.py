"""JPSRO: gaps of zero that hold up against the whole normal form, any number of players, and resumed runs."""

import re

import numpy as np
import pytest
from scipy.optimize import nnls
from typer.testing import CliRunner

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import FileFormatError
from games.extensive import fold, from_normal_form, nash_conv, to_normal_form
from games.extensive.catalogue import beer_quiche, seltens_horse
from games.extensive.correlated import joint_cce_gap, joint_ce_gap
from games.normal_form import NormalFormGame, cce_gap, ce_gap, load_named
from games.results import Status
from solvers.cli.main import app
from solvers.equilibrium.correlated import solve_ce
from solvers.psro import CCE, CE, JPSRO, RandomWelfare, max_gini, max_welfare, min_epsilon, run_jpsro

KUHN = compile_open_spiel("kuhn_poker")
THREE = compile_open_spiel("kuhn_poker(players=3)")
SHERIFF = compile_open_spiel(
    "sheriff(item_penalty=1.0,item_value=5.0,sheriff_penalty=1.0,max_bribe=2,max_items=2,num_rounds=1)"
)
CHOICES = [max_gini, max_welfare, min_epsilon, RandomWelfare]


def as_tree(game):
    return fold(from_normal_form(game))


def whole_game_gap(tree, solution, measure):
    """The gap over all pure strategies of the normal form, with the joint distribution spread over them.

    A mixed policy is a mixture of pure plans, drawn by its player alone; which of the equal mixtures is taken
    makes no difference to what a gap of zero says.
    """
    game = to_normal_form(tree)
    form = fold(tree)
    joint = solution.joint
    for i, plans in enumerate(solution.plans):
        reached = pure_plans(tree, form, i, game)
        weights = np.array([nnls(reached.T, plan)[0] for plan in plans])
        np.testing.assert_allclose(weights @ reached, plans, atol=1e-9)
        joint = np.moveaxis(np.tensordot(weights.T, joint, axes=(1, i)), 0, i)
    return measure(game, joint / joint.sum())


def pure_plans(tree, form, player, game):
    """Realization plans of the reduced strategies of ``to_normal_form``, read from their labels."""
    plex = form.treeplexes[player]
    rows = []
    for label in game.actions[player]:
        plan = np.zeros(plex.num_sequences)
        plan[0] = 1.0
        chosen = (
            dict(reversed(part.split(" at ", 1)) for part in label.split("; ")) if " at " in label else None
        )
        for h, name in enumerate(plex.infosets):
            if plan[plex.parent[h]]:
                action = label if chosen is None else chosen[name]
                plan[plex.start[h] + plex.actions[h].index(action)] = 1.0
        rows.append(plan)
    return np.array(rows)


@pytest.mark.parametrize("concept", [CE, CCE], ids=lambda c: c.name)
@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: c.__name__)
def test_kuhn_poker_ends_without_a_gap(concept, choice):
    result = run_jpsro(KUHN, JPSRO(choice(concept), concept), iterations=10)
    assert result.status is Status.CERTIFIED
    assert result.certificate.measure == concept.measure
    assert result.certificate.bound <= 1e-9 * KUHN.payoff_range
    assert result.info["value_0"] == pytest.approx(-1 / 18, abs=1e-8)
    assert result.info["welfare"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: c.__name__)
def test_three_player_kuhn_poker_ends_without_a_gap(choice):
    """OpenSpiel's JPSRO is at gaps of 0.0004, 0.013 and 0.007 after ten iterations here."""
    result = run_jpsro(THREE, JPSRO(choice(CCE), CCE), iterations=25)
    solution = result.unwrap()
    assert result.status is Status.CERTIFIED
    assert joint_cce_gap(THREE, solution.plans, solution.joint) <= 1e-8 * THREE.payoff_range
    assert solution.trace.gap[min(9, len(solution.trace) - 1)] <= 0.1
    assert (np.diff(solution.trace.sizes, axis=0) >= 0).all()


def test_three_player_kuhn_poker_also_in_the_strict_sense():
    result = run_jpsro(THREE, JPSRO(min_epsilon(CE), CE), iterations=25)
    assert result.status is Status.CERTIFIED
    solution = result.unwrap()
    assert joint_ce_gap(THREE, solution.plans, solution.joint) <= 1e-8 * THREE.payoff_range
    assert joint_cce_gap(THREE, solution.plans, solution.joint) <= 1e-8 * THREE.payoff_range


@pytest.mark.parametrize("concept", [CE, CCE], ids=lambda c: c.name)
def test_sheriff_has_general_sums(concept):
    result = run_jpsro(SHERIFF, JPSRO(max_welfare(concept), concept), iterations=40)
    assert result.status is Status.CERTIFIED
    assert result.info["welfare"] > 0.0


@pytest.mark.parametrize("tree", [seltens_horse(), beer_quiche()], ids=lambda t: t.name)
@pytest.mark.parametrize("choice", [max_gini, max_welfare], ids=lambda c: c.__name__)
def test_no_gap_means_an_equilibrium_of_the_whole_normal_form(tree, choice):
    for concept, measure in ((CE, ce_gap), (CCE, cce_gap)):
        result = run_jpsro(fold(tree), JPSRO(choice(concept), concept))
        assert result.status is Status.CERTIFIED
        assert whole_game_gap(tree, result.unwrap(), measure) <= 1e-8


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("concept", [CE, CCE], ids=lambda c: c.name)
def test_random_matrices_as_trees(seed, concept):
    rng = np.random.default_rng(seed)
    sizes = [(3, 4), (2, 3, 2), (5, 5), (2, 2, 2, 2)][seed]
    scale = [1e-6, 1.0, 1e6, 1.0][seed]
    game = NormalFormGame(scale * rng.normal(size=(len(sizes), *sizes)))
    result = run_jpsro(as_tree(game), JPSRO(max_gini(concept), concept), tol=1e-8)
    assert result.status is Status.CERTIFIED
    joint = result.unwrap().joint
    for i, plans in enumerate(result.unwrap().plans):
        joint = np.moveaxis(np.tensordot(plans[:, 1:].T, joint, axes=(1, i)), 0, i)
    gap = (ce_gap if concept is CE else cce_gap)(game, joint)
    assert gap <= 2e-8 * game.payoff_range


def test_correlation_pays_where_independent_play_cannot():
    """Chicken: welfare 10.5 is beyond any convex mixture of its Nash equilibria, which reach 10."""
    game = load_named("chicken")
    starts = [[[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]] * 2
    result = run_jpsro(as_tree(game), JPSRO(max_welfare(CE), CE), policies=starts)
    assert result.info["welfare"] == pytest.approx(solve_ce(game).info["welfare"])
    assert result.status is Status.CERTIFIED


def test_a_limit_on_answers_is_kept():
    method = JPSRO(max_gini(CE), CE, answers=1)
    trace = run_jpsro(KUHN, method, iterations=40).unwrap().trace
    assert np.diff(np.vstack([[1, 1], trace.sizes]), axis=0).max() == 1
    assert trace.gap[-1] <= 1e-8
    free = run_jpsro(THREE, JPSRO(min_epsilon(CE), CE), iterations=4).unwrap().trace
    assert np.diff(free.sizes, axis=0).max() > 1


@pytest.mark.parametrize("method", [JPSRO(), JPSRO(RandomWelfare(CE), CE, answers=2)], ids=["gini", "random"])
def test_a_resumed_run_repeats_an_uninterrupted_one(tmp_path, method):
    file = tmp_path / "run.json"

    def run(iterations, checkpoint):
        return run_jpsro(
            THREE,
            method,
            iterations=iterations,
            rng=np.random.default_rng(7),
            checkpoint=checkpoint,
            checkpoint_every=2,
        ).unwrap()

    run(3, file)
    resumed, whole = run(6, file), run(6, None)
    np.testing.assert_array_equal(resumed.joint, whole.joint)
    np.testing.assert_array_equal(resumed.trace.gap, whole.trace.gap)
    np.testing.assert_array_equal(resumed.meta_game.payoffs, whole.meta_game.payoffs)
    for mine, other in zip(resumed.plans, whole.plans, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert len(run(6, file).trace) == 6  # done already


def test_checkpoints_of_other_runs_are_refused(tmp_path):
    file = tmp_path / "run.json"
    run_jpsro(KUHN, iterations=2, checkpoint=file)
    with pytest.raises(ValueError, match="concept"):
        run_jpsro(KUHN, JPSRO(max_gini(CE), CE), iterations=2, checkpoint=file)
    with pytest.raises(ValueError, match="rng"):
        run_jpsro(KUHN, iterations=2, checkpoint=file, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="another game"):
        run_jpsro(THREE, iterations=2, checkpoint=file)
    text = file.read_text()
    file.write_text(re.sub(r'"rng": "[^}]*', '"rng": "{', text, count=1))
    with pytest.raises((FileFormatError, ValueError)):
        run_jpsro(KUHN, iterations=3, checkpoint=file)


def test_limits_and_bad_arguments():
    first = run_jpsro(THREE, iterations=2)
    assert (first.status, first.steps) == (Status.LIMIT, 2)
    assert first.certificate.bound > 0.0
    assert run_jpsro(THREE, time_limit=0.0).steps == 0
    alone = run_jpsro(KUHN, iterations=0)
    uniform = [np.concatenate([[1.0], np.full(12, 0.5)])] * 2
    assert alone.certificate.bound == pytest.approx(nash_conv(KUHN, uniform))
    for bad in ({"iterations": -1}, {"tol": -1.0}, {"time_limit": -1.0}, {"checkpoint_every": 0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            run_jpsro(KUHN, **bad)
    for bad in ({"answers": 0}, {"least_gain": -1.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            JPSRO(**bad)
    with pytest.raises(ValueError, match="policies"):
        run_jpsro(KUHN, policies=[[]])


def test_from_the_command_line(tmp_path):
    runner = CliRunner()
    done = runner.invoke(app, ["jpsro", "kuhn_poker", "--concept", "ce", "--prefer", "max_welfare"])
    assert done.exit_code == 0, done.output
    for word in ("jpsro(max_welfare_ce, ce)", "ce_gap", "certified"):
        assert word in done.output
    file = tmp_path / "run.json"
    limited = ["jpsro", "kuhn_poker(players=3)", "--iterations", "2", "--checkpoint", str(file)]
    done = runner.invoke(app, limited)
    assert done.exit_code == 1
    assert file.exists()


@pytest.mark.parametrize("seed", range(4))
def test_the_usual_meta_solver_is_of_the_concept(seed):
    """With coarse equilibria of the empirical games these runs would stop at a gap above zero."""
    rng = np.random.default_rng(seed)
    result = run_jpsro(as_tree(NormalFormGame(rng.normal(size=(2, 4, 4)))), JPSRO(concept=CE), tol=1e-8)
    assert result.status is Status.CERTIFIED
    assert (result.certificate.measure, result.solver) == ("ce_gap", "jpsro(max_gini_ce, ce)")


def test_a_meta_solver_of_the_weaker_concept_is_refused():
    for weak in (max_gini(CCE), RandomWelfare(CCE)):
        with pytest.raises(ValueError, match="finds no ce"):
            JPSRO(weak, CE)
    assert JPSRO(max_gini(CE), CCE).weigher == max_gini(CE)  # every correlated equilibrium is a coarse one
