"""Every variant against its published update, written down slowly: one information set after the other."""

from dataclasses import replace

import numpy as np
import pytest

from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive.evaluation import split
from solvers.trees import (
    CFR,
    CFRPlus,
    CFRRun,
    Discounted,
    Linear,
    PredictiveDiscounted,
    PredictivePlus,
    Updates,
)


def fading(exponent):
    return lambda t: t**exponent / (t**exponent + 1.0)


def always(factor):
    return lambda t: factor


# Factors of positive and of negative regrets after round t, weight of round t, and whether it guesses ahead.
PUBLISHED = [
    (CFR(), always(1.0), always(1.0), lambda t: 1.0, False),
    (CFRPlus(), always(1.0), always(0.0), lambda t: t, False),
    (Linear(), fading(1.0), fading(1.0), lambda t: t, False),
    (Discounted(), fading(1.5), fading(0.0), lambda t: t**2, False),
    (Discounted(0.5, -1.0, 3.0), fading(0.5), fading(-1.0), lambda t: t**3, False),
    (PredictivePlus(), always(1.0), always(0.0), lambda t: t**2, True),
    (PredictiveDiscounted(), fading(2.3), always(0.0), lambda t: t**5, True),
]


def matched(regrets):
    clipped = np.maximum(regrets, 0.0)
    return clipped / clipped.sum() if clipped.sum() > 0.0 else np.full(regrets.size, 1.0 / regrets.size)


def plan_of(plex, mixes):
    plan = np.ones(plex.num_sequences)
    for h, mix in enumerate(mixes):
        plan[plex.start[h] : plex.start[h + 1]] = plan[plex.parent[h]] * mix
    return plan


def gradient_of(form, plans, i):
    out = np.zeros(form.num_sequences[i])
    for sequences, pay in zip(form.sequences.T, form.payoff[i], strict=True):
        others = [plans[j][sequences[j]] for j in range(form.num_players) if j != i]
        out[sequences[i]] += pay * np.prod(others)
    return out


def play(form, kept, lost, weight, predict, alternate, rounds):
    """Average plans, end to end."""
    plexes = form.treeplexes
    mixes = [[matched(np.zeros(n)) for n in np.diff(p.start)] for p in plexes]
    regrets = [[np.zeros(x.size) for x in mine] for mine in mixes]
    plans = [plan_of(p, m) for p, m in zip(plexes, mixes, strict=True)]
    sums = [np.zeros(p.num_sequences) for p in plexes]
    for t in range(1, rounds + 1):
        seen = list(plans)
        for i, plex in enumerate(plexes):
            values = gradient_of(form, plans if alternate else seen, i)
            sums[i] += weight(float(t)) * plans[i]
            for h in reversed(range(plex.num_infosets)):
                own = slice(plex.start[h], plex.start[h + 1])
                value = mixes[i][h] @ values[own]
                values[plex.parent[h]] += value
                now = values[own] - value
                old = regrets[i][h]
                old = np.where(old > 0.0, old * kept(t - 1.0), old * lost(t - 1.0)) if t > 1 else old
                regrets[i][h] = old + now
                guess = kept(float(t)) * np.maximum(regrets[i][h], 0.0) + now
                mixes[i][h] = matched(guess if predict else regrets[i][h])
            plans[i] = plan_of(plex, mixes[i])
    total = sum(weight(float(t)) for t in range(1, rounds + 1))
    return np.concatenate(sums) / total


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda p: p[0].name)
@pytest.mark.parametrize("updates", Updates)
@pytest.mark.parametrize("name", ["kuhn_poker", "kuhn_poker(players=3)"])
def test_averages_are_those_of_the_published_update(published, updates, name):
    variant, *rule = published
    form = compile_open_spiel(name)
    # In general position: ties of Kuhn poker at zero regret are decided by rounding.
    form = replace(form, payoff=np.random.default_rng(5).normal(size=form.payoff.shape) * form.weight)
    rounds = 40
    run = CFRRun(form, variant, updates=updates)
    run.advance(rounds)
    expected = play(form, *rule, updates is Updates.ALTERNATING, rounds)
    state = run.state()
    for own, other in zip(split(form, state.sums), split(form, expected), strict=True):
        np.testing.assert_allclose(own / own[0], other, atol=1e-11)
