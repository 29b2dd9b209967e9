"""Episodes on the lanes of a batch: unbiased, mixed per episode, and the same from the same seed."""

import numpy as np
import pytest

from games.adapters.open_spiel import open_spiel_game
from games.adapters.tree_env import TreeEnv
from games.batch.choose import batch_of
from games.batch.looped import LoopedBatch
from games.driving.merge import Drive, MergeGame, small_merge
from games.extensive import expected_values, fold, payoff_variances, uniform_behaviors
from games.extensive.builder import TreeBuilder
from games.gridworlds.trust_dilemma import TrustDilemma, small_trust_dilemma, trust_dilemma_small
from marl.policies import (
    LaneSeat,
    MixturePolicy,
    ObservationPolicy,
    TabularPolicy,
    UniformPolicy,
    information_state_key,
    lane_distributions,
    reads_observations,
)
from marl.policies.batched import draw_lane_actions
from marl.policies.in_trees import behaviors_of_policies, policy_of_behavior
from marl.rollouts import (
    estimate_returns,
    estimate_returns_batched,
    play_batch,
    play_states,
    return_estimate,
    summarise_outcomes,
)

UNIFORM = UniformPolicy()


class Always:
    """Plays one action wherever it is legal, else the first that is."""

    def __init__(self, action):
        self.action = action

    def distributions(self, observations, masks):
        chosen = np.where(masks[:, self.action], self.action, masks.argmax(axis=1))
        return np.eye(masks.shape[1])[chosen]

    def probabilities(self, game, state, player):
        return self.distributions(None, game.legal_mask(state, player)[None])[0]


class ByState:
    """Reads states only."""

    def probabilities(self, game, state, player):
        return UNIFORM.probabilities(game, state, player)


def one_player_tree(deep):
    """Stop at once for 1, or go on through ``deep`` more moves for 0; chance decides which."""
    builder = TreeBuilder("long or short", ["p"])
    coin = builder.chance(None, {"short": 0.5, "long": 0.5})
    last = builder.decision(coin["short"], 0, "stop", ["end"])
    builder.terminal(last["end"], [1.0])
    edge = coin["long"]
    for k in range(deep):
        edge = builder.decision(edge, 0, f"go {k}", ["on"])["on"]
    builder.terminal(edge, [0.0])
    return builder.build()


def agree_twice_tree():
    """One player moves twice and gets 1 if both moves are the same."""
    builder = TreeBuilder("agree twice", ["p"])
    first = builder.decision(None, 0, "first", ["a", "b"])
    for one in "ab":
        second = builder.decision(first[one], 0, f"after {one}", ["a", "b"])
        for two in "ab":
            builder.terminal(second[two], [float(one == two)])
    return builder.build()


@pytest.mark.parametrize("name", ["kuhn_poker(players=3)", "leduc_poker"])
def test_estimates_agree_with_exact_values(name):
    game = open_spiel_game(name)
    from games.adapters.open_spiel_tree import compile_open_spiel

    form = compile_open_spiel(name)
    uniform = uniform_behaviors(form)
    estimate = estimate_returns_batched(
        game, [UNIFORM] * game.num_players, 20_000, rng=np.random.default_rng(0), num_lanes=256
    )
    assert (np.abs(estimate.mean - expected_values(form, uniform)) <= 5 * estimate.standard_error).all()
    np.testing.assert_allclose(estimate.variance, payoff_variances(form, uniform), rtol=0.1)


def test_estimates_agree_in_the_environments():
    form = fold(trust_dilemma_small())
    exact = expected_values(form, uniform_behaviors(form))
    estimate = estimate_returns_batched(
        small_trust_dilemma(), [UNIFORM] * 2, 20_000, rng=np.random.default_rng(1)
    )
    assert (np.abs(estimate.mean - exact) <= 5 * estimate.standard_error).all()
    for game in (MergeGame(late=0.2), TrustDilemma(stag_roams=True, sight=1)):
        batched = estimate_returns_batched(game, [UNIFORM] * 2, 8000, rng=np.random.default_rng(2))
        looped = estimate_returns(game, [UNIFORM] * 2, 1000, rng=np.random.default_rng(3))
        spread = np.hypot(batched.standard_error, looped.standard_error)
        assert (np.abs(batched.mean - looped.mean) <= 5 * spread).all()


@pytest.mark.parametrize("episodes", [400, 401, 600, 5000])
def test_short_episodes_are_not_favoured(episodes):
    """Half of the episodes are thirty times as long; their share must stay one half."""
    game = TreeEnv(one_player_tree(30))
    means = [
        play_batch(
            batch_of(game, 400, rng=np.random.default_rng(seed)),
            [UNIFORM],
            episodes,
            rng=np.random.default_rng(seed),
        ).mean()
        for seed in range(10)
    ]
    assert abs(np.mean(means) - 0.5) <= 5 * 0.5 / np.sqrt(10 * episodes)


def test_episodes_may_end_before_anybody_moves():
    builder = TreeBuilder("nothing or a move", ["p"])
    coin = builder.chance(None, {"nothing": 0.75, "move": 0.25})
    builder.terminal(coin["nothing"], [2.0])
    builder.terminal(builder.decision(coin["move"], 0, "only", ["x"])["x"], [6.0])
    game = TreeEnv(builder.build())
    estimate = estimate_returns_batched(game, [UNIFORM], 4000, rng=np.random.default_rng(0), num_lanes=16)
    assert abs(estimate.mean[0] - 3.0) <= 5 * estimate.standard_error[0]


def test_a_mixture_keeps_to_what_it_drew_for_an_episode():
    game = TreeEnv(agree_twice_tree())
    mixture = MixturePolicy((Always(0), Always(1), UNIFORM), [0.25, 0.75, 0.0])
    rng = np.random.default_rng(0)
    batch = batch_of(game, 50, rng=rng)
    seat = LaneSeat(0, mixture, 4000)
    seat.draw(np.arange(4000), rng)
    firsts = np.bincount(seat.who, minlength=3) / 4000
    assert abs(firsts[0] - 0.25) <= 5 * np.sqrt(0.25 * 0.75 / 4000)
    assert firsts[2] == 0.0
    assert (play_batch(batch, [mixture], 500, rng=rng) == 1.0).all()
    assert 0.3 < play_batch(batch, [UNIFORM], 500, rng=rng).mean() < 0.7


def test_mixtures_have_their_exact_value():
    """A mixture in Leduc against the behavior strategy with the same outcomes."""
    from games.adapters.open_spiel_tree import compile_open_spiel

    game, form = open_spiel_game("kuhn_poker"), compile_open_spiel("kuhn_poker")
    mixtures = [
        MixturePolicy((Always(1), UNIFORM, Always(0)), weights)
        for weights in ([0.5, 0.3, 0.2], [0.1, 0.2, 0.7])
    ]
    exact = expected_values(form, behaviors_of_policies(game, form, mixtures))
    estimate = estimate_returns_batched(game, mixtures, 30_000, rng=np.random.default_rng(4), num_lanes=300)
    assert abs(exact[0]) > 0.1
    assert (np.abs(estimate.mean - exact) <= 5 * estimate.standard_error).all()


def test_policies_of_both_kinds_sit_in_one_mixture():
    """Where a policy reads states the game is looped, and all are still asked for the right lanes."""
    from games.adapters.open_spiel_tree import compile_open_spiel

    game, form = open_spiel_game("kuhn_poker"), compile_open_spiel("kuhn_poker")
    rng = np.random.default_rng(5)
    plex = form.treeplexes[0]
    behavior = np.ones(plex.num_sequences)
    for start, end in zip(plex.start[:-1], plex.start[1:], strict=True):
        behavior[start:end] = rng.dirichlet(np.ones(end - start))
    table = policy_of_behavior(form, 0, behavior, 2)
    assert not reads_observations(table)
    policies = [MixturePolicy((table, Always(1)), [0.5, 0.5]), Always(1)]
    exact = expected_values(form, behaviors_of_policies(game, form, policies))
    estimate = estimate_returns_batched(game, policies, 6000, rng=rng, num_lanes=100)
    assert (np.abs(estimate.mean - exact) <= 5 * estimate.standard_error).all()


def test_the_result_is_a_function_of_the_seed():
    game = TrustDilemma(stag_roams=True)
    mixtures = [MixturePolicy((UNIFORM, Always(4)), [0.5, 0.5])] * 2

    def play(seed, lanes=32):
        rng = np.random.default_rng(seed)
        return play_batch(batch_of(game, lanes, rng=rng), mixtures, 100, rng=rng)

    np.testing.assert_array_equal(play(0), play(0))
    assert not np.array_equal(play(0), play(1))
    rng = np.random.default_rng(7)
    estimates = [estimate_returns_batched(game, mixtures, 64, rng=np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(estimates[0].mean, estimates[1].mean)
    assert rng.random() == np.random.default_rng(7).random()


def test_more_lanes_than_episodes():
    rng = np.random.default_rng(0)
    batch = batch_of(MergeGame(), 64, rng=rng)
    assert play_batch(batch, [UNIFORM] * 2, 5, rng=rng).shape == (5, 2)


def test_episodes_can_be_watched_as_they_end():
    """Crash rates of a batch and of a loop over states agree."""
    game = MergeGame()
    rng = np.random.default_rng(0)
    batch = game.batch(128, rng=rng)
    crashed = np.zeros(3000, dtype=np.bool_)
    seen = []

    def watch(lanes, episodes):
        crashed[episodes] = batch.crashed()[lanes]
        seen.extend(episodes.tolist())

    returns = play_batch(batch, [UNIFORM] * 2, 3000, rng=rng, on_end=watch)
    assert sorted(seen) == list(range(3000))
    assert (returns[crashed] <= -30.0 + 12.0).all()
    assert (returns[~crashed] >= 0.0).all()
    statistics = summarise_outcomes(returns[:, 0], crashed)
    ends = [play_states(game, [UNIFORM] * 2, rng=rng)[-1] for _ in range(1000)]
    looped = np.mean([end.crashed for end in ends])
    rate = statistics.crashes.value
    assert 0.2 < rate < 0.9
    assert abs(rate - looped) <= 5 * np.sqrt(0.25 / 3000 + 0.25 / 1000)


@pytest.mark.parametrize("game", [small_merge(), TrustDilemma(), open_spiel_game("leduc_poker")])
def test_policies_answer_alike_alone_and_together(game):
    rng = np.random.default_rng(0)
    states, table = [], {}
    for _ in range(20):
        states += [s for s in play_states(game, [UNIFORM] * 2, rng=rng) if 0 in game.to_move(s)]
    for state in states[::2]:
        mask = game.legal_mask(state, 0)
        row = np.zeros(mask.size)
        row[mask] = rng.dirichlet(np.ones(mask.sum()))
        table[game.observe(state, 0).tobytes()] = row
    seen = np.array([game.observe(state, 0) for state in states])
    masks = np.array([game.legal_mask(state, 0) for state in states])
    for policy in (UNIFORM, TabularPolicy(table), TabularPolicy()):
        assert isinstance(policy, ObservationPolicy)
        assert reads_observations(policy)
        alone = [policy.probabilities(game, state, 0) for state in states]
        np.testing.assert_array_equal(policy.distributions(seen, masks), alone)


def test_policies_that_read_states_need_a_batch_with_states():
    game, rng = MergeGame(), np.random.default_rng(0)
    lanes = np.arange(3)
    with pytest.raises(TypeError, match=r"ByState of player 1 .* MergeBatch has no states .* LoopedBatch"):
        lane_distributions(ByState(), game.batch(3, rng=rng), 1, lanes)
    rows = lane_distributions(ByState(), LoopedBatch(game, 3, rng=rng), 1, lanes)
    np.testing.assert_array_equal(rows, UNIFORM.distributions(None, game.batch(3, rng=rng).legal_mask(1)))
    with pytest.raises(TypeError, match="MergeBatch has no states"):
        play_batch(game.batch(3, rng=rng), [UNIFORM, ByState()], 5, rng=rng)
    with pytest.raises(TypeError, match="information_state_key, which reads states"):
        TabularPolicy(key=information_state_key).distributions(np.zeros((1, 2)), np.ones((1, 2), dtype=bool))
    assert not reads_observations(TabularPolicy(key=information_state_key))
    assert estimate_returns_batched(game, [ByState()] * 2, 10, rng=rng).episodes == 10


@pytest.mark.parametrize("row", [[0.5, 0.6], [1.5, -0.5], [np.nan, 1.0]])
def test_rows_that_are_no_distributions_are_refused(row):
    rows = np.array([[0.5, 0.5], row])
    with pytest.raises(ValueError, match="policy of player 1 must give distributions"):
        draw_lane_actions(rows, 1, np.random.default_rng(0))


def test_actions_are_drawn_by_their_probabilities():
    rows = np.tile([0.0, 0.2, 0.0, 0.8, 0.0], (20_000, 1))
    counts = np.bincount(draw_lane_actions(rows, 0, np.random.default_rng(0)), minlength=5) / 20_000
    assert counts[[0, 2, 4]].tolist() == [0.0, 0.0, 0.0]
    assert abs(counts[1] - 0.2) <= 5 * np.sqrt(0.2 * 0.8 / 20_000)


def test_bad_input_is_refused():
    game, rng = MergeGame(), np.random.default_rng(0)
    batch = game.batch(2, rng=rng)
    with pytest.raises(ValueError, match="wanted 2, got 1"):
        play_batch(batch, [UNIFORM], 3, rng=rng)
    with pytest.raises(ValueError, match="episodes must be at least 1, got 0"):
        play_batch(batch, [UNIFORM] * 2, 0, rng=rng)
    with pytest.raises(ValueError, match="wanted 2, got 3"):
        estimate_returns_batched(game, [UNIFORM] * 3, 5, rng=rng)
    with pytest.raises(ValueError, match="at least 2"):
        estimate_returns_batched(game, [UNIFORM] * 2, 1, rng=rng)
    with pytest.raises(ValueError, match="num_lanes must be at least 1"):
        estimate_returns_batched(game, [UNIFORM] * 2, 5, rng=rng, num_lanes=0)
    with pytest.raises(ValueError, match="returns must have shape"):
        return_estimate([1.0, 2.0])


def test_moments_are_those_of_the_sample():
    estimate = return_estimate([[1.0, -1.0], [2.0, -2.0], [6.0, -6.0]])
    np.testing.assert_allclose(estimate.mean, [3.0, -3.0])
    np.testing.assert_allclose(estimate.variance, [7.0, 7.0])
    np.testing.assert_allclose(estimate.standard_error, np.sqrt([7 / 3, 7 / 3]))
    assert estimate.episodes == 3
    assert Drive.KEEP == 1  # the batch takes keeping, always legal, as the sign of a car that moves
