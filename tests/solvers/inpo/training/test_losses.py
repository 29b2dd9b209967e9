"""Losses: their minimiser is the update of the exact solver, their gradient that of the population."""

from itertools import product

import numpy as np
import pytest
import torch

from games.preference import random_preferences
from solvers.inpo.pairing import (
    AllPairs,
    ComparisonCounts,
    Group,
    GroupEdges,
    Independent,
    Label,
    Ring,
    collect,
)
from solvers.inpo.training.groups import GroupCollator, GroupRows
from solvers.inpo.training.log_probabilities import response_log_probabilities
from solvers.inpo.training.losses import PointwiseLoss, SigmoidLoss, SquaredLoss, covariation, make_loss
from solvers.inpo.training.passes import LossKind

N, TAU, ETA = 5, 0.1, 0.4


@pytest.fixture(scope="module")
def game():
    return random_preferences(N, rng=np.random.default_rng(5), tau=TAU, reference_scale=1.0)


@pytest.fixture(scope="module")
def policy():
    return np.random.default_rng(6).dirichlet(np.ones(N))


def population(policy, margins):
    """All ordered pairs of responses with their probabilities, as one batch of a group of all responses."""
    first, second = (np.array(x) for x in zip(*product(range(N), repeat=2), strict=True))
    rates = 0.5 + margins @ policy
    return {
        "edge_first": torch.tensor(first),
        "edge_second": torch.tensor(second),
        "edge_margin": torch.tensor(margins[first, second]),
        "edge_weight": torch.tensor(policy[first] * policy[second]),
        "response_index": torch.arange(N),
        "response_rate": torch.tensor(rates),
        "response_weight": torch.tensor(policy),
    }


def exact_update(game, policy):
    """The next log-policy of INPO in closed form, and the logarithm of its anchor."""
    anchor = (1 - TAU / ETA) * np.log(policy) + TAU / ETA * np.log(game.reference)
    scores = anchor + game.preferences @ policy / ETA
    return scores - np.log(np.exp(scores).sum()), anchor


@pytest.mark.parametrize("loss", [SquaredLoss(ETA), PointwiseLoss(ETA)])
def test_the_minimiser_is_the_exact_update(game, policy, loss):
    target, anchor = exact_update(game, policy)
    batch = population(policy, game.margins)
    # r of the minimiser is its log-ratio to the anchor, up to a constant that pointwise losses fix at mean 0.
    ratios = torch.tensor(target - anchor)
    ratios = (ratios - (torch.tensor(policy) * ratios).sum()).requires_grad_()
    (gradient,) = torch.autograd.grad(loss.total(loss.fitted(ratios, batch)), ratios)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-12)
    elsewhere = (ratios.detach() + torch.linspace(0, 0.1, N)).requires_grad_()
    (gradient,) = torch.autograd.grad(loss.total(loss.fitted(elsewhere, batch)), elsewhere)
    assert gradient.abs().max() > 1e-3


def test_the_sigmoid_loss_of_a_pair_is_least_at_the_logit(game):
    loss = SigmoidLoss(ETA)
    batch = {
        "edge_first": torch.tensor([0]),
        "edge_second": torch.tensor([1]),
        "edge_margin": torch.tensor([0.3]),
        "edge_weight": torch.tensor([1.0]),
    }
    ratios = torch.tensor([np.log(0.8 / 0.2) / ETA, 0.0], dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(loss.total(loss.fitted(ratios, batch)), ratios)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-8)


def test_drawn_labels_have_the_gradient_of_soft_ones_in_expectation(game, policy):
    loss = SquaredLoss(ETA)
    ratios = torch.randn(N, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    batch = population(policy, game.margins)

    def gradient(margin, weight):
        changed = {**batch, "edge_margin": torch.tensor(margin), "edge_weight": torch.tensor(weight)}
        return torch.autograd.grad(loss.total(loss.fitted(ratios, changed)), ratios)[0]

    margin, weight = batch["edge_margin"].numpy(), batch["edge_weight"].numpy()
    drawn = gradient(np.full(N * N, 0.5), weight * (0.5 + margin))
    drawn = drawn + gradient(np.full(N * N, -0.5), weight * (0.5 - margin))
    torch.testing.assert_close(drawn, gradient(margin, weight), atol=1e-12, rtol=0)


class _Known:
    name = "known"

    def __init__(self, game):
        self._game = game

    def compare(self, comparisons, on_verdict=None):
        from solvers.inpo.judges import Verdict

        return [Verdict(float(self._game.preferences[int(c.first), int(c.second)])) for c in comparisons]


@pytest.mark.parametrize(("pairing", "size"), [(Independent(), 2), (Ring(), 3), (AllPairs(), 3)])
def test_groups_have_the_gradient_of_the_population(game, policy, pairing, size, bed_of):
    """Every group of responses, with its probability, through the collator and a real model."""
    bed = bed_of(2, letters=N, length=1)
    model = bed.model.double()
    anchors = np.random.default_rng(1).normal(size=N)
    loss = SquaredLoss(ETA)
    prompt = np.array([1, 0], np.int32)

    def gradient(rows, weights):
        batch = GroupCollator(0)(rows)
        ratios = response_log_probabilities(model, batch) - batch["anchor"]
        fitted = loss.fitted(ratios, batch)
        sizes = [len(row["edges"].first) for row in rows]
        share = torch.tensor(np.repeat(weights, sizes))
        total = (share * fitted.weight * (fitted.value - fitted.target) ** 2).sum()
        grads = torch.autograd.grad(total, list(model.parameters()))
        return torch.cat([g.flatten() for g in grads])

    groups = list(product(range(N), repeat=size))
    edges = collect(
        [Group("?", tuple(map(str, group))) for group in groups],
        pairing,
        _Known(game),
        rng=np.random.default_rng(0),
        label=Label.SOFT,
    )
    rows = [
        {
            "prompt_ids": prompt,
            "response_ids": tuple(np.array([y], np.int32) for y in group),
            "anchor": anchors[list(group)],
            "edges": one,
        }
        for group, one in zip(groups, edges, strict=True)
    ]
    found = gradient(rows, [float(np.prod(policy[list(group)])) for group in groups])
    first, second = (np.array(x) for x in zip(*product(range(N), repeat=2), strict=True))
    whole = GroupEdges(
        first,
        second,
        game.margins[first, second],
        policy[first] * policy[second],
        np.full(N, 0.5),
        ComparisonCounts(),
    )
    one = {
        "prompt_ids": prompt,
        "response_ids": tuple(np.array([y], np.int32) for y in range(N)),
        "anchor": anchors,
        "edges": whole,
    }
    torch.testing.assert_close(found, gradient([one], [1.0]), atol=1e-12, rtol=0)


def test_the_gradient_is_that_of_finite_differences(bed_of):
    bed = bed_of(4, ends=True)
    model = bed.model.double()
    edges = GroupEdges(
        np.array([0, 1, 2]),
        np.array([1, 2, 0]),
        np.array([0.3, -0.2, 0.1]),
        np.full(3, 1 / 3),
        np.array([0.6, 0.4, np.nan]),
        ComparisonCounts(),
    )
    rows = [
        {
            "prompt_ids": np.array(prompt, np.int32),
            "response_ids": tuple(np.array(ids, np.int32) for ids in ((0, 4), (1, 2), (4,))),
            "anchor": np.array([-1.0, -2.0, -1.5]),
            "edges": edges,
        }
        for prompt in ((0,), (3, 1, 2))
    ]
    batch = GroupCollator(0)(rows)

    def value(loss):
        ratios = response_log_probabilities(model, batch) - batch["anchor"]
        return loss.total(loss.fitted(ratios, batch)) / loss.weight(batch)

    parameter = model.lm_head.weight
    chance = torch.Generator().manual_seed(0)
    for kind in LossKind:
        loss = make_loss(kind, ETA)
        (gradient,) = torch.autograd.grad(value(loss), parameter)
        direction = torch.randn(parameter.shape, generator=chance, dtype=torch.float64)
        steps = []
        with torch.no_grad():
            for step in (1e-5, -2e-5):
                parameter += step * direction
                steps.append(value(loss))
            parameter += 1e-5 * direction
        assert float((steps[0] - steps[1]) / 2e-5) == pytest.approx(
            float((gradient * direction).sum()), rel=1e-6
        )


def test_responses_never_judged_weigh_nothing_in_the_pointwise_loss():
    edges = GroupEdges(
        np.array([0]),
        np.array([1]),
        np.array([0.2]),
        np.ones(1),
        np.array([0.7, 0.3, np.nan]),
        ComparisonCounts(),
    )
    row = {
        "prompt_ids": np.array([0], np.int32),
        "response_ids": tuple(np.array([k], np.int32) for k in range(3)),
        "anchor": np.zeros(3),
        "edges": edges,
    }
    batch = GroupCollator(0)([row])
    assert batch["response_weight"].tolist() == [0.5, 0.5, 0.0]


def test_a_response_drawn_twice_is_encoded_once_with_the_same_loss():
    rng = np.random.default_rng(3)
    texts = [(0, 1), (2,), (0, 1), (3, 3)]
    edges = GroupEdges(
        np.array([0, 1, 2, 3]),
        np.array([1, 2, 3, 0]),
        rng.uniform(-0.5, 0.5, 4),
        np.full(4, 0.25),
        np.full(4, 0.5),
        ComparisonCounts(),
    )
    row = {
        "prompt_ids": np.array([1], np.int32),
        "response_ids": tuple(np.array(ids, np.int32) for ids in texts),
        "anchor": np.zeros(4),
        "edges": edges,
    }
    batch = GroupCollator(0)([row, row])
    assert len(batch["input_ids"]) == 3
    values = rng.normal(size=3)  # by distinct response, in order of appearance
    ratios = torch.tensor(values)
    fitted = SquaredLoss(ETA).fitted(ratios, batch)
    by_response = values[[0, 1, 0, 2]]
    h = by_response[edges.first] - by_response[edges.second]
    wanted = 2 * (edges.weight * (h - edges.margin / ETA) ** 2).sum()
    assert float(SquaredLoss(ETA).total(fitted)) == pytest.approx(wanted)
    product_sum, weight = covariation(fitted)
    assert product_sum == pytest.approx(2 * (edges.weight * h * edges.margin / ETA).sum())
    assert weight == pytest.approx(2.0)


def test_rows_without_an_edge_are_left_out():
    from solvers.inpo.training.groups import Response, Sample, TokenisedPrompt

    none = GroupEdges(
        *(np.empty(0, k) for k in (int, int, float, float)), np.full(2, np.nan), ComparisonCounts()
    )
    some = GroupEdges(
        np.array([0]), np.array([1]), np.array([0.1]), np.ones(1), np.full(2, 0.5), ComparisonCounts()
    )
    response = Response((0,), "a", True)
    sample = Sample(np.array([1, 0]), ((response, response), (response, response)))
    prompts = [TokenisedPrompt("x", (0,)), TokenisedPrompt("y", (1,))]
    rows = GroupRows.build(prompts, sample, [none, some], np.array([1.0, 2.0, 3.0, 4.0]))
    assert len(rows) == rows.num_edges == 1
    assert rows[0]["prompt_ids"].tolist() == [0]
    assert rows[0]["anchor"].tolist() == [3.0, 4.0]


def test_an_eta_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match=r"eta must be positive, got 0\.0"):
        make_loss(LossKind.SQUARED, 0.0)
