import json
from dataclasses import replace

import numpy as np
import pytest

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.empirical import EmpiricalGame, Moments, SharedRegret
from games.errors import FileFormatError
from games.extensive.evaluation import nash_conv
from games.normal_form import NormalFormGame, nash_conv as matrix_nash_conv
from games.normal_form.risk import RiskAversion
from games.results import Status
from marl.oracles import TabularQ
from marl.policies import MixturePolicy, TabularPolicy, UniformPolicy
from marl.policies.in_trees import behaviors_of_policies
from solvers.psro import AdaptiveAllocation, RiskAverseMetaSolver, UniformAllocation, run_sampled_psro
from solvers.psro.sampled.allocation import meeting_weights
from solvers.psro.sampled.verification import verify_mixtures

FAST = {"oracle": TabularQ(300, evaluation=50), "allocation": AdaptiveAllocation(20, 200, 2, 20)}


def run(name="kuhn_poker", seed=0, **changes):
    options = FAST | {"iterations": 3, "verification": 50, "rng": np.random.default_rng(seed)} | changes
    return run_sampled_psro(open_spiel_game(name), **options)


def assert_same(one, two):
    for key, array in one.solution.empirical.arrays().items():
        np.testing.assert_array_equal(array, two.solution.empirical.arrays()[key])
    for x, y in zip(one.solution.profile, two.solution.profile, strict=True):
        np.testing.assert_array_equal(x, y)
    for name in ("bounds", "gains", "gain_errors", "values", "episodes", "learning"):
        np.testing.assert_array_equal(getattr(one.solution.trace, name), getattr(two.solution.trace, name))
    assert one.certificate == two.certificate
    assert {k: v for k, v in one.info.items()} == dict(two.info)


def test_kuhn_comes_near_equilibrium():
    """Exact NashConv of the sampled outcome; uniform play has 0.917. Budget: 122,000 episodes, about 4 s."""
    result = run(
        oracle=TabularQ(5_000, evaluation=500),
        allocation=AdaptiveAllocation(),
        iterations=7,
        verification=500,
    )
    solution = result.unwrap()
    game, form = open_spiel_game("kuhn_poker"), compile_open_spiel("kuhn_poker")
    exact = nash_conv(form, behaviors_of_policies(game, form, solution.players()))
    assert exact < 0.15
    assert result.status is Status.LIMIT
    assert (result.certificate.measure, result.certificate.confidence) == ("restricted_nash_conv", 0.95)
    # Within the populations the exact NashConv is at most the exact one over all policies.
    assert result.certificate.bound < 0.5
    assert result.info["episodes"] + result.info["learning_episodes"] == pytest.approx(122_000, rel=0.1)
    assert solution.trace.gains[0].sum() > 0.5 > solution.trace.gains[-1].sum()
    assert (np.diff(solution.trace.episodes) > 0).all()


def test_the_certificate_covers_the_restricted_game():
    """A matrix game, so that the restricted game is known: the bound holds and is not vacuous."""
    payoffs = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    env = NormalFormEnv(NormalFormGame.zero_sum(payoffs))
    for seed in range(5):
        result = run_sampled_psro(
            env,
            oracle=TabularQ(50, evaluation=2),
            allocation=UniformAllocation(10),
            iterations=4,
            verification=400,
            rng=np.random.default_rng(seed),
        )
        solution = result.unwrap()
        rows, columns = (
            np.array([p.probabilities(env, (), i) for p in group])
            for i, group in enumerate(solution.policies)
        )
        exact = matrix_nash_conv(NormalFormGame.zero_sum(rows @ payoffs @ columns.T), solution.profile)
        assert exact <= result.certificate.bound < 1.0
        np.testing.assert_allclose(
            solution.empirical.means[0], rows @ payoffs @ columns.T, atol=6 * np.sqrt(1 / 10)
        )


def test_more_confidence_asks_for_a_wider_bound():
    """Same play, since the confidence draws nothing."""
    low, middle, high = (run(confidence=c).certificate for c in (0.5, 0.95, 0.999))
    assert (low.confidence, high.confidence) == (0.5, 0.999)
    assert low.bound < middle.bound < high.bound


def test_workers_do_not_change_the_run():
    assert_same(run("python_kuhn_poker"), run("python_kuhn_poker", workers=2))


def test_seeds_change_the_run():
    one, two = run(seed=0), run(seed=1)
    assert not np.array_equal(one.solution.trace.gains, two.solution.trace.gains)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [1, 2])
def test_a_killed_run_resumes_to_the_same_end(tmp_path, after):
    def kill(step, total, **figures):
        assert set(figures) == {"bound", "gain"}
        if step == after:
            raise Killed

    file = tmp_path / "run.json"
    with pytest.raises(Killed):
        run(iterations=4, checkpoint=file, progress=kill)
    resumed = run(iterations=4, checkpoint=file)
    assert_same(run(iterations=4), resumed)
    # A finished run is read back without playing on.
    assert_same(resumed, run(iterations=4, checkpoint=file))


def test_checkpoints_are_refused_where_they_do_not_belong(tmp_path):
    file = tmp_path / "run.json"
    run(iterations=1, checkpoint=file)
    for changes in ({"seed": 1}, {"oracle": TabularQ(301, evaluation=50)}, {"confidence": 0.9}):
        with pytest.raises(ValueError, match="other settings"):
            run(iterations=1, checkpoint=file, **changes)
    with pytest.raises(ValueError, match="other settings: game"):
        run("leduc_poker", iterations=1, checkpoint=file)
    header = json.loads(file.read_text())
    for change in ({"rng": "{}"}, {"settings": None}, {"schema": "other"}):
        file.write_text(json.dumps(header | change))
        with pytest.raises(FileFormatError):
            run(iterations=1, checkpoint=file)


def test_general_sum_games_with_a_risk_averse_meta_solver_and_own_starts():
    stag = NormalFormGame.bimatrix([[4.0, -1.0], [3.0, 2.0]], [[4.0, 3.0], [-1.0, 2.0]])
    env = NormalFormEnv(stag)
    hare = TabularPolicy({env.observe((), 0).tobytes(): np.array([0.0, 1.0])})
    result = run_sampled_psro(
        env,
        oracle=TabularQ(100, evaluation=10),
        meta_solver=RiskAverseMetaSolver(RiskAversion(1.0)),
        allocation=UniformAllocation(5),
        iterations=2,
        policies=[[hare], [hare, UniformPolicy()]],
    )
    assert result.solution.empirical.sizes == (3, 4)
    np.testing.assert_allclose(
        [result.info["value_0"], result.info["value_1"]], [2.0, 2.0], atol=1e-6
    )  # to hare, hare is the answer


def test_time_limit_and_no_iterations():
    assert run(iterations=0).steps == 0
    assert run(time_limit=0.0).steps == 0


def test_adaptive_allocation_follows_weight_and_spread():
    game = EmpiricalGame(2, (-10.0, 10.0))
    for player in (0, 0, 1, 1):
        game.add_policy(player)
    for cell, spread in {(0, 0): 1.0, (0, 1): 1.0, (1, 0): 3.0, (1, 1): 0.0}.items():
        game.record(cell, Moments.of_sample([[spread, -spread], [-spread, spread]] * 50))
    profile = (np.array([1.0, 0.0]), np.array([0.9, 0.1]))
    np.testing.assert_allclose(meeting_weights(profile), [[1.0, 1.0], [0.9, 0.1]])
    plan = AdaptiveAllocation(100, 20_000, 1, 10).extra(game, profile)
    assert plan.sum() == 20_000
    assert plan[1, 1] == 0  # no variance
    # Neyman: in proportion to weight times standard deviation, 1 : 1 : 2.7.
    total = plan + 100
    assert total[0, 0] == total[0, 1]
    assert total[1, 0] / total[0, 0] == pytest.approx(2.7, rel=0.01)
    assert AdaptiveAllocation(100, 40, 2, 10).extra(game, profile).sum() == 20  # half of it per round


def test_nothing_is_spent_on_games_without_noise():
    game = EmpiricalGame(2)
    game.add_policy(0), game.add_policy(1)
    game.set_exact((0, 0), [1.0, -1.0], [1.0, 1.0])
    assert AdaptiveAllocation().extra(game, (np.ones(1), np.ones(1))).tolist() == [[0]]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"iterations": -1}, "iterations"),
        ({"confidence": 1.0}, "confidence"),
        ({"verification": 1}, "verification"),
        ({"time_limit": float("nan")}, "time_limit"),
        ({"workers": 0}, "workers"),
        ({"policies": [[UniformPolicy()], []]}, "policies"),
    ],
)
def test_bad_arguments(changes, word):
    with pytest.raises(ValueError, match=word):
        run(**changes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: UniformAllocation(1),
        lambda: AdaptiveAllocation(initial=0),
        lambda: AdaptiveAllocation(rounds=0),
        lambda: AdaptiveAllocation(batch=1),
        lambda: AdaptiveAllocation(budget=10, rounds=2, batch=10),
    ],
)
def test_bad_allocations(make):
    with pytest.raises(ValueError, match="must"):
        make()


class Fixed:
    """A policy of a class that files do not know."""

    def __init__(self, row):
        self.row = np.array(row)

    def probabilities(self, game, state, player):
        return self.row


def matrix_run(file, payoffs=((1.0, -1.0), (-1.0, 1.0)), starts=None, iterations=1, bits=np.random.PCG64):
    return run_sampled_psro(
        NormalFormEnv(NormalFormGame.zero_sum(payoffs)),
        oracle=TabularQ(50, evaluation=2),
        allocation=UniformAllocation(10),
        iterations=iterations,
        verification=10,
        policies=None if starts is None else [[start] for start in starts],
        rng=np.random.Generator(bits(3)),
        checkpoint=file,
    )


def test_checkpoints_of_games_of_the_same_name_are_told_apart(tmp_path):
    matrix_run(tmp_path / "run.json")
    with pytest.raises(ValueError, match="other settings: play differ"):
        matrix_run(tmp_path / "run.json", ((1.0, 1.0), (-1.0, -1.0)))


ONE_ROW = NormalFormEnv(NormalFormGame.zero_sum([[0.0, 0.0], [0.0, 0.0]])).observe((), 0).tobytes()


@pytest.mark.parametrize(
    "make", [Fixed, lambda row: TabularPolicy({ONE_ROW: np.array(row)})], ids=["unknown", "tabular"]
)
def test_checkpoints_of_other_starts_are_told_apart(tmp_path, make):
    file = tmp_path / "run.json"
    matrix_run(file, starts=[make([0.9, 0.1]), UniformPolicy()])
    again = matrix_run(file, starts=[make([0.9, 0.1]), UniformPolicy()], iterations=2)
    assert again.steps == 2
    for starts in ([make([0.8, 0.2]), UniformPolicy()], [UniformPolicy(), make([0.9, 0.1])]):
        with pytest.raises(ValueError, match="other settings: starts differ"):
            matrix_run(file, starts=starts)


@pytest.mark.parametrize("bits", [np.random.Philox, np.random.MT19937, np.random.SFC64, np.random.PCG64DXSM])
def test_generators_of_any_kind_serve_and_resume(tmp_path, bits):
    matrix_run(tmp_path / "run.json", bits=bits)
    assert_same(
        matrix_run(tmp_path / "run.json", iterations=2, bits=bits), matrix_run(None, iterations=2, bits=bits)
    )


def test_names_that_are_no_checkpoint_are_refused_before_any_work(tmp_path):
    class Idle(TabularQ):
        def respond(self, *arguments, **options):
            raise AssertionError("the work has begun")

    with pytest.raises(ValueError, match=r"must end in \.json"):
        run(oracle=Idle(300), checkpoint=tmp_path / "run.ckpt")


class Sure:
    """Answers that know their worth exactly."""

    name, learner = "sure", TabularQ(300, evaluation=50)

    def respond(self, game, opponents, player, *, rng):
        answer = self.learner.respond(game, opponents, player, rng=rng)
        exact = replace(answer.estimate, standard_error=np.zeros(game.num_players))
        return replace(answer, estimate=exact)

    def pack(self, policy):
        return self.learner.pack(policy)

    def unpack(self, arrays):
        return self.learner.unpack(arrays)


def test_errors_of_gains_are_those_of_the_table_and_of_the_answers():
    """A gain is the answer's mean less the mixtures' mean in the table before it; both were sampled."""
    table_alone = run(oracle=Sure(), iterations=3).solution.trace.gain_errors
    both = run(iterations=3).solution.trace.gain_errors
    for t in range(3):
        before = run(oracle=Sure(), iterations=t).solution
        x, y = before.profile
        noise = np.sqrt([x**2 @ v @ y**2 for v in before.empirical.variance / before.empirical.counts])
        assert noise.min() > 0.0
        np.testing.assert_allclose(table_alone[t], noise, rtol=1e-12)
        assert (both[t] > noise).all()


def test_final_certificates_share_the_failure_and_never_repeat_a_seed(monkeypatch):
    failures, seeds, sharing = [], [], []

    class Race(SharedRegret):
        def __init__(self, mixture, payoff_bounds, failure):
            failures.append(failure)
            super().__init__(mixture, payoff_bounds, failure)

    def crew(work, tasks):
        seeds.extend(task.rng.bit_generator.seed_seq.generate_state(4).tolist() for task in tasks)
        sharing.extend(task.player for task in tasks)
        return [np.zeros((task.episodes, len(task.policies))) for task in tasks]

    monkeypatch.setattr("solvers.psro.sampled.verification.SharedRegret", Race)
    policies = [[UniformPolicy()] * 2, [UniformPolicy()] * 3, [UniformPolicy()]]
    profile = tuple(np.full(n, 1 / n) for n in (2, 3, 1))
    mixtures = [MixturePolicy(tuple(group), x) for group, x in zip(policies, profile, strict=True)]
    certificate, spent = verify_mixtures(
        policies,
        mixtures,
        profile,
        (-1.0, 1.0),
        episodes=400,
        confidence=0.9,
        seeds=np.random.SeedSequence(0),
        crew=crew,
    )
    assert failures == pytest.approx([0.05, 0.05])  # the third player cannot deviate
    assert set(sharing) == {0, 1}
    assert len(seeds) > 10
    assert len(set(map(tuple, seeds))) == len(seeds)
    assert certificate.confidence == 0.9
    assert 1_900 <= spent <= 2_000
