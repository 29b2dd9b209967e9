"""The search among policies finds the known best, prices variance as its formula says, and is seeded."""

import numpy as np
import pytest

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive.evaluation import expected_values
from games.normal_form import NormalFormGame
from marl.oracles import CandidateResponse
from marl.policies import MixturePolicy, TabularPolicy, UniformPolicy
from marl.policies.in_trees import behaviors_of_policies, policy_of_behavior
from solvers.psro import NashMetaSolver, UniformAllocation, run_sampled_psro
from solvers.psro.starts import random_behaviors


def _matrix(payoffs):
    return NormalFormEnv(NormalFormGame.bimatrix(payoffs, np.zeros_like(payoffs)))


def _pure(game, player, action):
    row = np.eye(game.num_actions(player))[action]
    return TabularPolicy({game.observe((), player).tobytes(): row})


def _rows(game):
    return tuple(_pure(game, 0, k) for k in range(game.num_actions(0)))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("best", range(5))
def test_finds_the_best_row_in_any_unit(best, scale):
    payoffs = scale * np.array([[0.0, 1.0]] * 5)
    payoffs[best] += 0.6 * scale
    game = _matrix(payoffs)
    oracle = CandidateResponse(_rows(game), episodes=600)
    answer = oracle.respond(game, [None, UniformPolicy()], 0, rng=np.random.default_rng(best))
    assert answer.policy.index == best
    assert answer.policy.probabilities(game, (), 0).argmax() == best
    # Three rounds of 200 episodes among 5, 3 and 2.
    assert (oracle.rounds, answer.episodes) == (3, 200 + 198 + 200)
    assert answer.estimate.mean[0] == pytest.approx(1.1 * scale, abs=5 * answer.estimate.standard_error[0])


def test_finds_the_best_of_random_kuhn_policies():
    game, form = open_spiel_game("kuhn_poker"), compile_open_spiel("kuhn_poker")
    rng = np.random.default_rng(6)
    behaviors = [random_behaviors(form, rng=rng)[0] for _ in range(6)]
    candidates = tuple(policy_of_behavior(form, 0, behavior, 2) for behavior in behaviors)
    opponents = [UniformPolicy(), UniformPolicy()]
    exact = [
        expected_values(form, behaviors_of_policies(game, form, [c, opponents[1]]))[0] for c in candidates
    ]
    first, second = np.sort(exact)[[-1, -2]]
    assert first - second > 0.05  # else the search could not tell them apart
    answer = CandidateResponse(candidates, episodes=12_000).respond(game, opponents, 0, rng=rng)
    assert answer.policy.index == int(np.argmax(exact))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(("share", "index"), [(0.9, 0), (1.1, 1)])
def test_the_price_of_variance_switches_the_choice_at_its_threshold(share, index, scale):
    """Risky: 0 or 4 at even odds, mean 2 and variance 4; safe: 1. They are worth the same at gamma 1/4.

    The opponents are drawn with equal generators, so with n episodes the sampled mean m and variance v of the
    risky row obey the threshold (m - 1) / v, which is within 10% of 1/4 here.
    """
    game = _matrix(scale * np.array([[0.0, 4.0], [1.0, 1.0]]))
    oracle = CandidateResponse(_rows(game), share / (4 * scale), 20_000)
    opponents = [None, MixturePolicy((_pure(game, 1, 0), _pure(game, 1, 1)), [0.5, 0.5])]
    answer = oracle.respond(game, opponents, 0, rng=np.random.default_rng(0))
    assert answer.policy.index == index


def test_candidates_meet_the_same_opponents():
    """Row 1 is better by a millionth of the noise: only paired episodes tell."""
    game = _matrix(np.array([[0.0, 1e6], [1.0, 1e6 + 1.0]]))
    for seed in range(10):
        oracle = CandidateResponse(_rows(game), episodes=4)
        answer = oracle.respond(game, [None, UniformPolicy()], 0, rng=np.random.default_rng(seed))
        assert answer.policy.index == 1


@pytest.mark.parametrize(("tremble", "index"), [(0.0, 0), (0.4, 0), (0.6, 1)])
def test_trembles_of_the_opponents_are_believed(tremble, index):
    """Against row player's action 0: column 0 pays 1, but -3 where the opponent plays 1; column 1 pays 0.

    An opponent that trembles over both rows plays 1 with probability tremble / 2: worth 1 - 2 tremble.
    """
    payoffs = np.array([[1.0, 0.0], [-3.0, 0.0]])
    game = NormalFormEnv(NormalFormGame.bimatrix(np.zeros((2, 2)), payoffs))
    either = tuple(
        TabularPolicy({game.observe((), i).tobytes(): np.eye(2)[k] for i in (0, 1)}) for k in (0, 1)
    )
    for opponent in (either[0], MixturePolicy(either, [1.0, 0.0])):
        oracle = CandidateResponse(either, episodes=8_000, tremble=tremble)
        answer = oracle.respond(game, [opponent, None], 1, rng=np.random.default_rng(1))
        assert answer.policy.index == index
        assert answer.estimate.variance[1] == 0.0  # evaluated against who does not tremble


def test_equal_candidates_and_a_single_one_give_the_first():
    game = _matrix(np.ones((2, 2)))
    rng = np.random.default_rng(0)
    row = _rows(game)[0]
    for candidates in ((row,), (row, row, row)):
        oracle = CandidateResponse(candidates, episodes=50)
        assert oracle.respond(game, [None, UniformPolicy()], 0, rng=rng).policy.index == 0
    assert CandidateResponse((row,), episodes=0).rounds == 0


def test_packed_policies_are_the_same_candidate():
    game = _matrix(np.eye(3))
    oracle = CandidateResponse(_rows(game))
    for k in range(3):
        again = oracle.unpack(oracle.pack(oracle.unpack({"index": np.array([k])})))
        assert (again.index, again.policy) == (k, oracle.candidates[k])
    for wrong in ({}, {"index": np.array([3])}, {"index": np.array([-1])}, {"index": np.array([0.0])}):
        with pytest.raises(ValueError, match="one of 3 candidates"):
            oracle.unpack(wrong)


def test_psro_goes_on_from_a_checkpoint_and_by_any_number_of_workers(tmp_path):
    rps = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    game = NormalFormEnv(NormalFormGame.zero_sum(rps))
    both = tuple(
        TabularPolicy({game.observe((), i).tobytes(): np.eye(3)[k] for i in (0, 1)}) for k in range(3)
    )
    oracle = CandidateResponse(both, episodes=60, evaluation=20)

    def run(iterations, workers=1, file=None):
        start = [[oracle.unpack({"index": np.array([0])})] for _ in (0, 1)]
        result = run_sampled_psro(
            game,
            oracle=oracle,
            meta_solver=NashMetaSolver(),
            allocation=UniformAllocation(4),
            iterations=iterations,
            verification=2,
            policies=start,
            rng=np.random.default_rng(5),
            workers=workers,
            checkpoint=file,
        )
        solution = result.unwrap()
        return [[p.index for p in group] for group in solution.policies], solution.profile

    found, profile = run(2)
    assert found == [[0, 1, 2]] * 2  # paper, then scissors: each beats what was there
    np.testing.assert_allclose(profile, 1 / 3, atol=1e-6)
    run(1, file=tmp_path / "run.json")
    for again, other in (run(2, file=tmp_path / "run.json"), run(2, workers=2)):
        assert again == found
        np.testing.assert_array_equal(other, profile)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"candidates": ()}, "candidates"),
        ({"gamma": -1.0}, "gamma"),
        ({"gamma": float("nan")}, "gamma"),
        ({"episodes": 3}, "at least 4"),
        ({"tremble": 1.5}, "tremble"),
        ({"evaluation": 1}, "evaluation"),
    ],
)
def test_bad_settings(settings, word):
    with pytest.raises(ValueError, match=word):
        CandidateResponse(**{"candidates": (UniformPolicy(), UniformPolicy())} | settings)


def test_bad_opponents():
    game, rng = _matrix(np.eye(2)), np.random.default_rng(0)
    oracle = CandidateResponse(_rows(game))
    with pytest.raises(ValueError, match="wanted 2, got 1"):
        oracle.respond(game, [UniformPolicy()], 0, rng=rng)
    with pytest.raises(ValueError, match="player"):
        oracle.respond(game, [UniformPolicy()] * 2, 2, rng=rng)


def test_names_tell_settings_apart():
    one = (UniformPolicy(),)
    oracles = [CandidateResponse(one), CandidateResponse(one * 2), CandidateResponse(one, 0.5)]
    oracles += [
        CandidateResponse(one, tremble=0.5),
        CandidateResponse(one, episodes=5),
        CandidateResponse(one, evaluation=5),
    ]
    assert len({oracle.name for oracle in oracles}) == len(oracles)
