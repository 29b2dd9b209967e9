"""Metrics of play in games: dominance, levels, precision, exploitability."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.extensive.evaluation import nash_conv, uniform_behaviors
from games.loading import load_game
from games.normal_form import NormalFormGame, logit_responses
from games.profiles import uniform_profile
from solvers.equilibrium import solve_quantal_response
from solvers.rationality.metrics.exploitability import (
    behavior_of,
    estimate_exploitability,
    smoothed_behavior,
    tally,
)
from solvers.rationality.metrics.levels import (
    cognitive_hierarchy,
    fit_mixture,
    level_k,
    mix_profiles,
    poisson_shares,
)
from solvers.rationality.metrics.quantal import fit_logit_response, fit_quantal_response
from solvers.rationality.metrics.rationalizability import eliminate_strictly
from tests.strategies import normal_form_games

RING = NormalFormGame.bimatrix([[40, 5], [0, 15]], [[0, 10], [7, 8]])
RNG = np.random.default_rng(0)


def _beauty_contest(players, top):
    """Guesses 0..top; who is closest to half of the mean shares a prize."""
    guesses = np.stack(np.meshgrid(*[np.arange(top + 1)] * players, indexing="ij"))
    distance = np.abs(guesses - guesses.mean(axis=0) / 2)
    near = distance <= distance.min(axis=0) + 1e-9
    return NormalFormGame(near / near.sum(axis=0))


def test_ring_game_needs_one_step_of_belief():
    found = eliminate_strictly(RING)
    assert found.rounds == 2
    assert found.rationalizable == ((1,), (1,))
    assert found.level(0, [1, 1]) == 2
    assert found.level(0, [1, 0, 1]) == 1
    assert found.level(1, [0]) == 0


def test_a_mixture_may_dominate_where_no_action_does():
    game = NormalFormGame.bimatrix([[4, 0], [0, 4], [1, 1]], np.zeros((3, 2)))
    assert eliminate_strictly(game).survived[0].tolist() == [1, 1, 0]
    weakly = NormalFormGame.bimatrix([[4, 0], [0, 4], [2, 2]], np.zeros((3, 2)))
    assert eliminate_strictly(weakly).rounds == 0


def test_three_players_and_long_chains():
    # Player i gains one unit by playing 1 if the next one does; the last one in any case.
    chain = np.zeros((3, 2, 2, 2))
    chain[2, :, :, 1] = 1
    chain[1, :, 1, 1], chain[1, :, 0, 0] = 1, 1
    chain[0, 1, 1, :], chain[0, 0, 0, :] = 1, 1
    found = eliminate_strictly(NormalFormGame(chain))
    assert [k.tolist() for k in found.survived] == [[2, 3], [1, 3], [0, 3]]
    assert eliminate_strictly(NormalFormGame(np.zeros((3, 2, 2, 2)))).rounds == 0


def _best_reply_to_some_belief(game, player, action, columns):
    """Pearce's lemma by an independent program: is the action best against some distribution?"""
    from scipy.optimize import linprog

    table = np.moveaxis(game.payoffs[player], player, 0).reshape(game.num_actions[player], -1)[:, columns]
    answer = linprog(
        np.zeros(table.shape[1]),
        A_ub=table - table[action],
        b_ub=np.full(len(table), 1e-9),
        A_eq=np.ones((1, table.shape[1])),
        b_eq=[1.0],
    )
    return answer.status == 0


@settings(deadline=None, max_examples=60)
@given(normal_form_games(players=(2, 3)))
def test_the_first_round_leaves_exactly_the_best_replies(game):
    found = eliminate_strictly(game)
    for player, survived in enumerate(found.survived):
        columns = np.arange(game.payoffs[player].size // game.num_actions[player])
        for action, rounds in enumerate(survived):
            kept = found.rounds == 0 or rounds >= 1
            assert kept == _best_reply_to_some_belief(game, player, action, columns)


@settings(deadline=None)
@given(normal_form_games(players=(2, 2)), st.sampled_from([1e-3, 1e5]), st.randoms())
def test_elimination_and_levels_do_not_depend_on_units_or_labels(game, scale, random):
    ways = [np.array(random.sample(range(n), n)) for n in game.num_actions]
    shifts = np.array([3.0, -2.0]).reshape(2, 1, 1)
    moved = NormalFormGame(scale * (game.payoffs + shifts)[np.ix_(range(2), *ways)])
    one, other = eliminate_strictly(game), eliminate_strictly(moved)
    assert other.rounds == one.rounds
    for before, after, way in zip(one.survived, other.survived, ways, strict=True):
        np.testing.assert_array_equal(after, before[way])
    for before, after in zip(level_k(game, 3), level_k(moved, 3), strict=True):
        for x, y, way in zip(before, after, ways, strict=True):
            np.testing.assert_allclose(y, x[way])


def test_level_k_survives_k_rounds():
    contest = _beauty_contest(3, 10)
    found = eliminate_strictly(contest)
    for k, profile in enumerate(level_k(contest, 4)):
        for player, play in enumerate(profile):
            assert found.level(player, np.flatnonzero(play)) >= min(k, found.rounds)
    guesses = [int(profile[0].argmax()) for profile in level_k(contest, 4)[1:]]
    assert guesses == sorted(guesses, reverse=True)


def test_levels_in_the_ring_game():
    assert [profile[0].tolist() for profile in level_k(RING, 3)] == [[0.5, 0.5], [1, 0], [0, 1], [0, 1]]
    assert level_k(RING, 1, level_zero=([1, 0], [0, 1]))[1][0].tolist() == [0, 1]
    tie = NormalFormGame.bimatrix([[1, 1], [1, 1]], [[1, 0], [1, 0]])
    assert level_k(tie, 1)[1][0].tolist() == [0.5, 0.5]


def test_cognitive_hierarchy():
    assert poisson_shares(1.5, 2) == pytest.approx(np.array([1, 1.5, 1.125]) / 3.625)
    steps = cognitive_hierarchy(RING, 1.5, 3)
    for one, other in zip(steps[1], level_k(RING, 1)[1], strict=True):
        np.testing.assert_array_equal(one, other)
    # Step 2 meets 0 and 1 in proportion 1 : 1.5, hence Y with .2 + .6 and X with .2: U 12, V 12 tie exactly.
    np.testing.assert_allclose(steps[2][0], [0.5, 0.5])
    assert cognitive_hierarchy(RING, 3.0, 2)[2][0].tolist() == [0, 1]
    mixed = mix_profiles(steps[:2], [0.25, 0.75])
    np.testing.assert_allclose(mixed[0], 0.25 * steps[0][0] + 0.75 * steps[1][0])


def _level_data(rng, decisions=10):
    games = [NormalFormGame(rng.integers(0, 20, size=(2, 3, 3)).astype(float)) for _ in range(decisions)]
    return [np.stack([profile[0] for profile in level_k(game, 3)]) for game in games]


def test_level_2_data_give_level_2():
    predictions = _level_data(np.random.default_rng(1))
    choices = np.array([[int(p[2].argmax()) for p in predictions]] * 6)
    fit = fit_mixture(predictions, choices)
    assert fit.shares.argmax() == 2
    assert fit.shares[2] > 0.999
    assert fit.posteriors[:, 2] == pytest.approx(np.ones(6), abs=1e-6)
    assert fit.error < 1e-6
    # With all six of one type, the others' shares are bounded by (1 - p)^6 = exp(-1.92).
    assert fit.intervals[2].low == pytest.approx(math.exp(-1.9207 / 6), abs=1e-3)
    assert fit.intervals[2].high == 1.0


def test_mixtures_are_recovered():
    rng = np.random.default_rng(2)
    truth, error = np.array([0.1, 0.3, 0.4, 0.2]), 0.2
    held = np.zeros(4)
    for _ in range(12):
        predictions = _level_data(rng)
        types = rng.choice(4, p=truth, size=50)
        mixed = [[(1 - error) * p[t] + error / 3 for p in predictions] for t in types]
        choices = np.array([[rng.choice(3, p=row) for row in rows] for rows in mixed])
        choices[rng.random(choices.shape) < 0.1] = -1
        fit = fit_mixture(predictions, choices)
        assert fit.error == pytest.approx(error, abs=0.12)
        assert (fit.posteriors.argmax(axis=1) == types).mean() >= 0.7
        held += [share in interval for share, interval in zip(truth, fit.intervals, strict=True)]
    assert held.sum() >= 41  # of 48 at .95, fewer than 41 has probability .001


def test_expectation_maximisation_finds_the_peak():
    """A grid over both unknowns of two types finds nothing higher."""
    rng = np.random.default_rng(3)
    predictions = [p[[1, 2]] for p in _level_data(rng, decisions=4)]
    choices = rng.integers(0, 3, size=(7, 4))
    fit = fit_mixture(predictions, choices)
    chosen = np.stack([p[:, c].T for p, c in zip(predictions, choices.T, strict=True)], axis=2)
    for error in np.linspace(0.001, 1, 60):
        one, other = ((1 - error) * chosen + error / 3).prod(axis=2).T
        for share in np.linspace(0, 1, 60):
            assert np.log(share * one + (1 - share) * other).sum() <= fit.log_likelihood + 1e-6


def test_precision_of_responses_is_covered_at_the_stated_rate():
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(1000):
        utilities = rng.normal(size=(25, 3))
        shares = np.exp(1.2 * utilities)
        shares /= shares.sum(axis=1, keepdims=True)
        actions = (rng.random((25, 1)) > shares.cumsum(axis=1)).sum(axis=1)
        covered += 1.2 in fit_logit_response(list(utilities), actions.tolist()).interval
    assert covered / 1000 == pytest.approx(0.95, abs=0.028)


def test_precision_at_its_ends():
    best = fit_logit_response([[0.0, 1.0]] * 20, [1] * 20)
    assert best.precision == best.interval.high == math.inf
    # Twenty of twenty: (1 + e^-l)^-20 = exp(-1.92).
    assert best.interval.low == pytest.approx(-math.log(math.exp(1.9207 / 20) - 1), abs=1e-3)
    worst = fit_logit_response([[0.0, 1.0]] * 20, [0] * 20)
    assert worst.precision == worst.interval.low == 0
    assert worst.log_likelihood == worst.chance == pytest.approx(-20 * math.log(2))
    nothing = fit_logit_response([[1.0, 1.0]], [0])
    assert (nothing.interval.low, nothing.interval.high) == (0, math.inf)


@pytest.mark.parametrize("counts", [([11, 9], [7, 13]), ([30, 0], [30, 0]), ([5, 15], [8, 12])])
def test_precision_of_equilibria_matches_gambit(counts):
    gambit = pytest.importorskip("pygambit")
    game = gambit.Game.from_arrays(*RING.payoffs)
    theirs = gambit.qre.logit_estimate(game.mixed_strategy_profile(data=[list(c) for c in counts]))
    ours = fit_quantal_response([RING], [counts])
    assert ours.log_likelihood == pytest.approx(theirs.log_like, abs=1e-5)
    assert ours.precision == pytest.approx(theirs.lam, rel=1e-2)
    assert ours.precision in ours.interval


def test_precision_of_equilibria_over_many_games():
    rng = np.random.default_rng(5)
    games = [NormalFormGame(rng.integers(0, 10, size=(2, 2, 3)).astype(float)) for _ in range(3)]
    truth = [solve_quantal_response(game, 0.5).unwrap().profile for game in games]
    many = [[1e5 * x for x in profile] for profile in truth]
    exact = fit_quantal_response(games, many)
    assert exact.precision == pytest.approx(0.5, rel=1e-3)
    assert exact.interval.width < 0.02
    few = [[rng.multinomial(30, x) for x in profile] for profile in truth]
    scaled = [NormalFormGame(100 * game.payoffs + 7) for game in games]
    one, other = fit_quantal_response(games, few), fit_quantal_response(scaled, few)
    assert 0.5 in one.interval
    assert 100 * other.precision == pytest.approx(one.precision, rel=1e-3)
    assert other.log_likelihood == pytest.approx(one.log_likelihood)


def test_equilibrium_precision_at_its_ends():
    perfect = fit_quantal_response([RING], [([0, 30], [0, 30])])
    assert perfect.precision == perfect.interval.high == math.inf
    assert perfect.interval.low > 0
    chance = fit_quantal_response([RING], [([15, 15], [15, 15])])
    assert chance.precision == chance.interval.low == 0
    flat = NormalFormGame(np.ones((2, 2, 2)))
    assert fit_quantal_response([flat], [([1, 2], [0, 0])]).interval.high == math.inf
    # Uniform play is the logit response at precision zero, whatever is fitted.
    assert logit_responses(RING, uniform_profile((2, 2)), 0.0)[0].tolist() == [0.5, 0.5]


KUHN = load_game("kuhn_poker").sequence_form()


def _draw(rng, behaviors, count):
    counts = []
    for plex, behavior in zip(KUHN.treeplexes, behaviors, strict=True):
        row = np.zeros(plex.num_sequences)
        for first, last in zip(plex.start[:-1], plex.start[1:], strict=True):
            row[first:last] = rng.multinomial(count, behavior[first:last])
        counts.append(row)
    return counts


def test_uniform_kuhn_poker_is_exploitable_by_its_known_value():
    nothing = [np.zeros(plex.num_sequences) for plex in KUHN.treeplexes]
    policies = [smoothed_behavior(KUHN, i, c) for i, c in enumerate(nothing)]
    assert nash_conv(KUHN, policies) == pytest.approx(0.9167, abs=5e-5)
    said = [behavior_of(KUHN, i, {}) for i in range(2)]
    assert nash_conv(KUHN, said) == pytest.approx(11 / 12)
    estimate = estimate_exploitability(KUHN, nothing, rng=RNG, draws=50)
    assert estimate.unseen == 1.0
    many = _draw(np.random.default_rng(6), uniform_behaviors(KUHN), 100_000)
    close = estimate_exploitability(KUHN, many, rng=np.random.default_rng(0), draws=100)
    assert close.value == pytest.approx(11 / 12, abs=0.01)
    assert close.unseen == 0.0


def test_exploitability_is_covered_and_its_bias_reduced():
    rng = np.random.default_rng(7)
    uniform = uniform_behaviors(KUHN)
    estimates = [
        estimate_exploitability(KUHN, _draw(rng, uniform, 20), rng=rng, draws=100) for _ in range(150)
    ]
    assert np.mean([11 / 12 in e.interval for e in estimates]) >= 0.88  # three standard errors below .93
    off = abs(np.mean([e.value for e in estimates]) - 11 / 12)
    assert off < abs(np.mean([e.plug_in for e in estimates]) - 11 / 12)


def test_tallies_and_policies_by_name():
    plex = KUHN.treeplexes[0]
    name, action = plex.infosets[1], int(plex.action_ids[plex.start[1]])
    counts = tally(KUHN, 0, [(name, action)] * 3)
    assert counts.sum() == counts[plex.start[1]] == 3
    smoothed = smoothed_behavior(KUHN, 0, counts)
    assert smoothed[plex.start[1]] == pytest.approx(3.5 / 4)
    assert smoothed[plex.start[2]] == 0.5
    said = behavior_of(KUHN, 0, {name: [0.875, 0.125]})
    np.testing.assert_allclose(said, smoothed)


def test_the_same_seed_gives_the_same_estimate():
    counts = _draw(np.random.default_rng(8), uniform_behaviors(KUHN), 5)
    first, second = (
        estimate_exploitability(KUHN, counts, rng=np.random.default_rng(1), draws=20) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: level_k(RING, -1), "level"),
        (lambda: eliminate_strictly(RING).level(0, []), "actions"),
        (lambda: cognitive_hierarchy(RING, 0.0, 1), "tau"),
        (lambda: fit_mixture([], [[0]]), "predictions"),
        (lambda: fit_mixture([[[0.5, 0.6]]], [[0]]), "predictions"),
        (lambda: fit_mixture([[[0.5, 0.5]]], [[2]]), "choices"),
        (lambda: fit_mixture([[[0.5, 0.5]]], [[-1]]), "choices"),
        (lambda: fit_mixture([[[0.5, 0.5]]], [0]), "choices"),
        (lambda: fit_quantal_response([RING], [([1, 2], [1, 2, 3])]), "counts"),
        (lambda: fit_quantal_response([RING], [([0, 0], [0, 0])]), "counts"),
        (lambda: tally(KUHN, 2, []), "player"),
        (lambda: tally(KUHN, 0, [("nowhere", 0)]), "decisions"),
        (lambda: behavior_of(KUHN, 0, {"nowhere": [1.0]}), "policy"),
        (lambda: behavior_of(KUHN, 0, {KUHN.treeplexes[0].infosets[0]: [1.0]}), "policy"),
        (lambda: smoothed_behavior(KUHN, 0, [1.0]), "counts"),
        (lambda: smoothed_behavior(KUHN, 0, np.zeros(13), weight=0), "weight"),
        (lambda: estimate_exploitability(KUHN, [np.zeros(13)], rng=RNG), "counts"),
        (lambda: estimate_exploitability(KUHN, [np.zeros(13)] * 2, rng=RNG, draws=1), "draws"),
    ],
)
def test_bad_input_names_the_argument(call, word):
    with pytest.raises(ValueError, match=word):
        call()
