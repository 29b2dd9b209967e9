"""Self-play on preference games: published figures, stability, fixed points, batches and bad input."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.errors import UnsupportedGameError
from games.preference import (
    PreferenceGame,
    assess_preference,
    comal_testbed,
    kl_divergence,
    original_gap,
    random_preferences,
    rock_paper_scissors,
)
from games.results import Status
from solvers.inpo import (
    AutomaticStep,
    ConstantStep,
    HistoryAnchor,
    HistoryOpponent,
    InpoStep,
    MovingAverage,
    Output,
    PreferenceMethod,
    ResetEvery,
    ResetWhenSolved,
    TheoryStep,
    UnstableStepWarning,
    comal,
    egpo,
    exact_nash,
    inpo,
    mnpo,
    mpo,
    nash_md,
    online_ipo,
    onpo,
    solve_preference,
    sppo,
    stability_bound,
)
from solvers.inpo.iterate import Iterate
from solvers.inpo.method import OnPolicyGradient
from solvers.inpo.spectral import refresh_radius, spectral_radius


def _random(n, seed=0, batch=(), tau=0.1):
    rng = np.random.default_rng(seed)
    return random_preferences(n, rng=rng, batch_shape=batch, reference_scale=1.0, tau=tau)


def _rounds_to(game, method, distance, limit):
    """Rounds until KL(equilibrium || iterate) is below ``distance`` for good, per context."""
    nash = exact_nash(game).unwrap()
    trace = solve_preference(game, method, rounds=limit, tol=1e-20, nash=nash).unwrap().trace
    below = trace.kl_to_nash < distance
    assert below[-1].all()
    return trace.rounds[np.argmax(below, axis=0)]


@pytest.mark.parametrize(("tau", "limit"), [(0.1, 15), (0.01, 50), (0.001, 60)])
def test_automatic_steps_on_the_testbed(tau, limit):
    assert _rounds_to(comal_testbed(tau=tau), egpo(), 1e-8, 4 * limit) <= limit


@pytest.mark.parametrize(("tau", "limit"), [(0.1, 15), (0.01, 110), (0.001, 1200)])
def test_automatic_steps_on_random_games(tau, limit):
    rounds = _rounds_to(_random(100, batch=(5,), tau=tau), egpo(), 1e-8, 2 * limit)
    assert np.median(rounds) <= limit


@pytest.mark.parametrize("name", ["testbed", "random 10", "random 50"])
@pytest.mark.parametrize("tau", [0.05, 0.02])
def test_inpo_is_stable_exactly_above_its_bound(name, tau):
    game = comal_testbed(tau=tau) if name == "testbed" else _random(int(name[-2:]), 4, tau=tau)
    nash = exact_nash(game).unwrap()
    bound = float(stability_bound(game, nash))
    far = []
    for share in (0.8, 1.25):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnstableStepWarning)
            run = solve_preference(game, inpo(ConstantStep(share * bound)), rounds=6000, tol=1e-26, nash=nash)
        far.append(run.unwrap().trace.kl_to_nash)
    assert far[0][-1] > 1e-3
    assert far[0][len(far[0]) // 2 :].min() > 1e-4
    assert far[1][-1] < 1e-15


@pytest.mark.parametrize("tau", [0.0, 0.001, 0.01])
@pytest.mark.parametrize("method", [egpo(), onpo()], ids=["egpo", "onpo"])
@pytest.mark.parametrize("rest", [0.01, 5e-5, 1e-9])
def test_corners_are_left(rest, method, tau):
    """Where nearly all mass is on one response the radius is small; steps by it alone circle for ever."""
    game = rock_paper_scissors(tau=tau).with_reference([1.0 - 2.0 * rest, rest, rest])
    result = solve_preference(game, method, rounds=1000)
    assert result.status is Status.CERTIFIED


def test_figures_of_the_testbed():
    """Original gaps after 1,000 rounds; see the synthetic experiments of Liu et al. (2024)."""
    plain, regular = comal_testbed(), comal_testbed(tau=0.1)

    def run(game, method):
        return solve_preference(game, method, rounds=1000, tol=0.0).unwrap()

    for method in (inpo(ConstantStep(0.5)), inpo(ConstantStep(2.0)), inpo()):
        assert original_gap(plain, run(regular, method).last) == pytest.approx(0.0588, abs=5e-5)
    assert original_gap(plain, run(plain, comal(ConstantStep(2.0), reset=ResetEvery(100))).last) < 5e-5
    assert original_gap(plain, run(plain, comal()).last) < 1e-9
    assert original_gap(plain, run(plain, mpo()).last) < 2e-4
    selfplay = run(plain, sppo(ConstantStep(2.0)))
    assert selfplay.last_gap > 0.25
    assert selfplay.average_gap < 0.015
    assert selfplay.trace.original_gaps[-20:].mean() > selfplay.trace.original_gaps[5:25].mean()
    assert run(plain, onpo(ConstantStep(2.0))).last_gap < 2e-3
    assert run(plain, onpo()).last_gap < 1e-12
    assert run(plain, egpo()).last_gap < 1e-12


def test_theory_steps_converge_slowly_where_plain_ones_cycle():
    game = comal_testbed(tau=0.01)
    with pytest.warns(UnstableStepWarning, match=r"eta = 0.03 is below .* inpo"):
        cycling = solve_preference(game, inpo(ConstantStep(0.03)), rounds=3000).unwrap()
    falling = solve_preference(game, inpo(TheoryStep()), rounds=3000).unwrap()
    assert cycling.last_gap > 0.2
    assert falling.last_gap < 0.02


@pytest.mark.parametrize(
    "method",
    [
        egpo(),
        onpo(),
        inpo(),
        mnpo(ConstantStep(2.0)),
        replace(mnpo(ConstantStep(2.0)), output=Output.LAST),
        online_ipo(ConstantStep(0.1), rate=0.5),
    ],
    ids=lambda method: f"{method.name}-{method.output.name}",
)
def test_regularised_methods_end_at_the_equilibrium(method):
    game = _random(6, 3, batch=(3,))
    nash = exact_nash(game).unwrap()
    found = solve_preference(game, method, rounds=3000, tol=1e-9).unwrap()
    assert kl_divergence(nash, found.policy).max() < 1e-4
    assert kl_divergence(nash, found.last).max() < 1e-7


def test_nash_md_stops_beside_the_equilibrium():
    found = solve_preference(comal_testbed(tau=0.1), nash_md(ConstantStep(2.0)), rounds=3000).unwrap()
    assert found.last_gap == pytest.approx(2e-4, abs=5e-5)
    finer = solve_preference(comal_testbed(tau=0.1), nash_md(ConstantStep(20.0)), rounds=3000).unwrap()
    assert finer.last_gap < 0.1 * found.last_gap


@pytest.mark.parametrize(
    "method",
    [
        comal(),
        mpo(),
        replace(comal(), reference=MovingAverage(0.02)),
        replace(comal(), opponent=egpo().opponent),
    ],
    ids=["comal", "mpo", "moving average", "extragradient inside"],
)
def test_moving_references_lead_to_the_game_without_divergence(method):
    result = solve_preference(_random(5, 2, tau=0.0), method, rounds=20_000, tol=1e-6)
    assert result.status is Status.CERTIFIED


def test_one_update_is_the_closed_form():
    game = _random(4, 1)
    p, ref, tau, eta = game.preferences, game.reference, 0.1, 0.7
    policy = ref
    for _ in range(3):
        policy = np.exp(p @ policy / eta) * ref ** (tau / eta) * policy ** (1.0 - tau / eta)
        policy /= policy.sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableStepWarning)
        found = solve_preference(game, inpo(ConstantStep(eta)), rounds=3, tol=0.0).unwrap().last
    np.testing.assert_allclose(found, policy, rtol=1e-12)


def test_the_gradient_step_is_the_gradient():
    """Of the squared loss over the policy's own pairs, by central differences in the logits."""
    game = _random(4, 6)
    state = Iterate.start(game, 0.1, 0)
    target = np.log(np.array([[0.1, 0.2, 0.3, 0.4]]))

    def loss(logits):
        difference = (target - logits)[0]
        pairs = game.reference[:, None] * game.reference[None, :]
        return float((pairs * (difference[:, None] - difference[None, :]) ** 2).sum() / 4.0)

    slopes = [
        (loss(state.log_policy + 1e-5 * e) - loss(state.log_policy - 1e-5 * e)) / 2e-5 for e in np.eye(4)
    ]
    moved = OnPolicyGradient(1e-3)(state, target) - state.log_policy
    moved -= moved.mean()
    expected = -1e-3 * (np.array(slopes) - np.mean(slopes))
    np.testing.assert_allclose(moved[0], expected, atol=1e-12)


@given(st.integers(0, 1000), st.sampled_from([egpo(), onpo(), inpo()]))
@settings(max_examples=15)
def test_renaming_responses_renames_the_answer(seed, method):
    game = _random(5, seed)
    order = np.random.default_rng(seed).permutation(5)
    renamed = PreferenceGame(game.preferences[np.ix_(order, order)], game.reference[order], 0.1)
    first, second = (solve_preference(g, method, tol=1e-24).unwrap().policy for g in (game, renamed))
    np.testing.assert_allclose(second, first[order], atol=1e-10)


@given(st.integers(0, 1000))
@settings(max_examples=15)
def test_halving_margins_and_weight_is_doubling_eta(seed):
    game = _random(4, seed)
    halved = PreferenceGame(0.5 + 0.5 * game.margins, game.reference, 0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableStepWarning)
        first = solve_preference(game, inpo(ConstantStep(1.0)), rounds=20, tol=0.0).unwrap()
        second = solve_preference(halved, inpo(ConstantStep(0.5)), rounds=20, tol=0.0).unwrap()
    np.testing.assert_allclose(first.last, second.last, rtol=1e-11)
    assert second.last_gap == pytest.approx(0.5 * float(first.last_gap), rel=1e-9)


@pytest.mark.parametrize(
    "method", [egpo(ConstantStep(0.4)), onpo(ConstantStep(0.4)), mnpo(ConstantStep(1.0))]
)
def test_a_batch_plays_like_its_contexts(method):
    """Contexts come to rest at their own rounds, and those left are not disturbed."""
    game = _random(5, 9, batch=(3, 4))
    batch = solve_preference(game, method, tol=1e-4, rounds=4000)
    found = batch.unwrap()
    assert batch.status is Status.CERTIFIED
    assert len(set(found.rounds.flat)) > 3
    for number in range(12):
        place = np.unravel_index(number, (3, 4))
        one = solve_preference(game.context(number), method, tol=1e-4, rounds=4000).unwrap()
        assert found.rounds[place] == one.rounds
        for name in ("policy", "last", "average", "best"):
            np.testing.assert_allclose(getattr(found, name)[place], getattr(one, name), atol=1e-12)
        assert found.trace.gaps[-1][place] == pytest.approx(one.trace.gaps[-1], abs=1e-12)


def test_the_result_tells_what_was_reached():
    game = _random(5, 2, batch=(4,))
    result = solve_preference(game, inpo(), rounds=7, tol=1e-12)
    found = result.unwrap()
    assert result.status is Status.LIMIT
    assert result.steps == 7
    assert result.info["solved"] == 0
    for policy, gap in ((found.last, found.last_gap), (found.average, found.average_gap)):
        np.testing.assert_allclose(gap, assess_preference(game, policy).gaps)
    np.testing.assert_allclose(found.best_gap, found.trace.gaps.min(axis=0), rtol=1e-6)
    assert result.certificate.bound == found.last_gap.max()
    assert found.trace.rounds.tolist() == list(range(8))
    long = solve_preference(game, inpo(), rounds=1003, tol=0.0)
    rounds = long.unwrap().trace.rounds
    assert {0, 1, 99, 100, 1000, 1003} <= set(rounds.tolist())
    assert len(rounds) < 160
    np.testing.assert_allclose(long.unwrap().trace.gaps[-1], long.unwrap().last_gap, atol=1e-20)
    best = solve_preference(game, replace(inpo(), output=Output.BEST), rounds=7).unwrap()
    np.testing.assert_array_equal(best.policy, best.best)
    average = solve_preference(game, replace(inpo(), output=Output.AVERAGE), rounds=7).unwrap()
    np.testing.assert_array_equal(average.policy, average.average)


def test_limits():
    game = _random(5, 2)
    none = solve_preference(game, rounds=0)
    np.testing.assert_allclose(none.unwrap().policy, game.reference)
    assert none.status is Status.LIMIT
    assert solve_preference(game, time_limit=0.0).steps == 0
    seen = []
    solve_preference(
        game, rounds=3, tol=0.0, progress=lambda step, total, **f: seen.append((step, total, *f))
    )
    assert seen == [(k, 3, "gap", "contexts") for k in (1, 2, 3)]
    tied = PreferenceGame(np.full((2, 2), 0.5))
    assert solve_preference(tied).steps == 0  # solved as it comes
    assert solve_preference(tied, tol=0.0, rounds=2).status is Status.CERTIFIED


def test_estimates_of_the_radius_approach_it_from_below():
    game = _random(20, 5, batch=(6,))
    exact = spectral_radius(game.margins, game.reference)
    state = Iterate.start(game, 0.1, 0)
    last = np.zeros(6)
    for _ in range(12):
        refresh_radius(state)
        assert (state.radius >= last - 1e-12).all()
        last = state.radius
    np.testing.assert_allclose(last, exact, rtol=0.02)
    assert (last <= exact + 1e-12).all()
    state.round = 5  # no round of renewal
    state.policy = np.eye(20)[:6]
    refresh_radius(state)
    np.testing.assert_array_equal(state.radius, last)
    assert float(spectral_radius(np.array([[0.0, 0.5], [-0.5, 0.0]]), np.array([0.5, 0.5]))) == pytest.approx(
        0.25
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: solve_preference(comal_testbed(tau=0.1), inpo(ConstantStep(0.05))),
            "eta must be at least.*0.1",
        ),
        (lambda: solve_preference(comal_testbed(), inpo()), "InpoStep needs a divergence"),
        (lambda: solve_preference(comal_testbed(), inpo(TheoryStep())), "TheoryStep needs a divergence"),
        (lambda: solve_preference(comal_testbed(), rounds=-1), "rounds"),
        (lambda: solve_preference(comal_testbed(), tol=np.nan), "tol"),
        (lambda: solve_preference(comal_testbed(), time_limit=-1.0), "time_limit"),
        (lambda: solve_preference(comal_testbed(), nash=[1.0]), "nash must have shape"),
        (lambda: stability_bound(comal_testbed()), "tau > 0"),
        (lambda: ConstantStep(0.0), "eta"),
        (lambda: AutomaticStep(reach=1.5), "reach"),
        (lambda: AutomaticStep(pull=0.0), "pull"),
        (lambda: HistoryAnchor(()), "weights"),
        (lambda: HistoryOpponent((0.5, 0.4)), "sum to one"),
        (lambda: ResetEvery(0), "rounds"),
        (lambda: ResetWhenSolved(share=1.0), "share"),
        (lambda: ResetWhenSolved(rounds=0), "rounds"),
        (lambda: MovingAverage(0.0), "rate"),
        (lambda: OnPolicyGradient(0.0), "rate"),
        (lambda: PreferenceMethod("mine", weight=-1.0), "weight"),
        (lambda: PreferenceMethod("mine", reference=ResetEvery(5)), "weight must be a number"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("method", [comal(), sppo(ConstantStep(2.0))])
def test_methods_for_the_game_without_divergence_say_so(method):
    with pytest.raises(UnsupportedGameError, match="with_tau"):
        solve_preference(comal_testbed(tau=0.1), method)


@pytest.mark.parametrize("method", [inpo(InpoStep()), egpo(ConstantStep(0.5)), onpo(ConstantStep(0.5))])
def test_no_warning_where_the_bound_does_not_apply(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solve_preference(comal_testbed(tau=0.1), method, rounds=2)


def test_ten_thousand_rounds_of_the_testbed():
    plain = comal_testbed()
    gaps = {
        10: solve_preference(plain, comal(ConstantStep(2.0), reset=ResetEvery(10)), tol=0.0),
        100: solve_preference(plain, comal(ConstantStep(2.0), reset=ResetEvery(100)), tol=0.0),
    }
    assert gaps[10].unwrap().last_gap < 1e-10
    assert gaps[100].unwrap().last_gap < 1e-14
    with pytest.warns(UnstableStepWarning, match="comal"):
        cycling = solve_preference(
            plain, comal(ConstantStep(2.0), weight=0.01, reset=ResetEvery(100)), tol=0.0
        )
    assert cycling.unwrap().last_gap > 0.05
