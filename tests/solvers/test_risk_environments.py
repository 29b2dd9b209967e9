"""Aversion to risk in the environments of the literature, ten seeds each: what it selects, what it avoids."""

import numpy as np
import pytest

from games.driving.merge import expand_merge, small_merge
from games.extensive import behaviors_of_plans, expected_values, fold, realization_plans
from games.extensive.leaves import LeafTable
from games.gridworlds.trust_dilemma import Step, expand_hunt, small_trust_dilemma
from games.normal_form.risk import RiskAversion, RiskVariance
from games.results import Status
from marl.policies.scripted_drivers import HELD_OUT_DRIVERS
from solvers.psro import (
    PSRO,
    AddAllAnswers,
    LastPoliciesMetaSolver,
    RiskAverseBestResponse,
    RiskAverseMetaSolver,
    RiskNashConv,
    UniformMetaSolver,
    run_psro,
)
from solvers.psro.starts import random_behaviors

SEEDS = range(10)


def averse(gamma, tremble):
    risk = RiskAversion(gamma, tremble=tremble, variance=RiskVariance.TOTAL)
    return PSRO(RiskAverseBestResponse(risk), RiskAverseMetaSolver(risk), measure=RiskNashConv(risk))


NASH = PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(0.0)))
SELF_PLAY = PSRO(meta_solver=LastPoliciesMetaSolver(1), expander=AddAllAnswers())


@pytest.fixture(scope="module")
def hunt():
    game = small_trust_dilemma()
    expansion = expand_hunt(game)
    plans = {
        "trust": ((Step.RIGHT, Step.DOWN), (Step.LEFT, Step.UP)),
        "hare": ((Step.RIGHT, Step.RIGHT), (Step.LEFT, Step.LEFT)),
    }

    def follow(player, plan):
        def act(state):
            step = plan[state.time] if state.time < len(plan) else Step.STAY
            return np.eye(len(Step))[step if game.legal_mask(state, player)[step] else Step.STAY]

        return expansion.behavior(player, act)

    known = {name: [follow(i, plan[i]) for i in (0, 1)] for name, plan in plans.items()}
    return game, fold(expansion.tree), known


def _start(form, known, seed):
    """Two blurred policies per hunter, and the probability of trust that the other is believed to have."""
    rng = np.random.default_rng(seed)
    belief, noise = rng.uniform(0.65, 0.97), random_behaviors(form, rng=rng)
    starts = [[0.95 * known[name][i] + 0.05 * noise[i] for name in ("trust", "hare")] for i in (0, 1)]
    return starts, belief, rng


def test_risk_aversion_comes_to_the_risk_dominant_side_where_neutral_play_does_not(hunt):
    game, form, known = hunt
    for seed in SEEDS:
        ends = {}
        for label, method in {"nash": NASH, "averse": averse(1.0, 0.1)}.items():
            starts, belief, rng = _start(form, known, seed)
            result = run_psro(
                form, method, iterations=30, policies=starts, profile=[[belief, 1 - belief]] * 2, rng=rng
            )
            assert result.status is Status.CERTIFIED
            assert result.info["nash_conv"] <= 1e-8  # both ends are equilibria, so this is selection
            ends[label] = result.unwrap().behaviors
        np.testing.assert_allclose(expected_values(form, ends["nash"]), game.stag_payoff, atol=1e-6)
        np.testing.assert_allclose(expected_values(form, ends["averse"]), game.hare_payoff, atol=1e-6)
        # A partner who takes a hare come what may hurts who trusts, and costs the others nothing.
        assert expected_values(form, [ends["nash"][0], known["hare"][1]])[0] < game.hare_payoff - 1
        assert expected_values(form, [ends["averse"][0], known["hare"][1]])[0] == pytest.approx(2.0)


def test_self_play_does_not_come_to_the_risk_dominant_side(hunt):
    game, form, known = hunt
    leaves = LeafTable.of(expand_hunt(game).tree, form)
    for seed in SEEDS:
        starts, belief, rng = _start(form, known, seed)
        trust, hare = (realization_plans(form, [starts[i][k] for i in (0, 1)]) for k in (0, 1))
        mixed = [belief * a + (1 - belief) * b for a, b in zip(trust, hare, strict=True)]
        start = [[b] for b in behaviors_of_plans(form, mixed)]
        behaviors = run_psro(form, SELF_PLAY, iterations=30, policies=start, rng=rng).unwrap().behaviors
        reached = leaves.probabilities(realization_plans(form, behaviors))
        assert reached[(leaves.payoffs == game.hare_payoff).all(axis=1)].sum() < 0.5


def test_averse_drivers_crash_less_than_a_seventh_as_often_among_drivers_nobody_trained_with():
    game = small_merge()
    expansion = expand_merge(game)
    form = fold(expansion.tree)
    leaves = LeafTable.of(expansion.tree, form)
    crashed = leaves.payoffs.max(axis=1) < 0
    scripted = [
        realization_plans(
            form,
            [expansion.behavior(i, lambda s, i=i, d=d: d.probabilities(game, s, i)) for i in (0, 1)],
        )
        for d in HELD_OUT_DRIVERS.values()
    ]
    partner = [np.mean([pair[i] for pair in scripted], axis=0) for i in (0, 1)]
    methods = {
        "nash": NASH,
        "uniform": PSRO(meta_solver=UniformMetaSolver(), expander=AddAllAnswers()),
        "self-play": SELF_PLAY,
        "averse": averse(80.0 / form.payoff_range, 0.5),
    }
    rates = {}
    for label, method in methods.items():
        met = []
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            drawn = [random_behaviors(form, rng=rng) for _ in range(4)]
            starts = [[pair[car] for pair in drawn] for car in (0, 1)]
            result = run_psro(form, method, iterations=15, policies=starts, rng=rng)
            plans = realization_plans(form, result.unwrap().behaviors)
            pairs = (plans[0], partner[1]), (partner[0], plans[1])
            met += [leaves.probabilities(pair) @ crashed for pair in pairs]
        rates[label] = float(np.mean(met))
    assert rates["averse"] < min(rates[label] for label in methods if label != "averse") / 7
