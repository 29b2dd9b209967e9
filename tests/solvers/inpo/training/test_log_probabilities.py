"""Log-probabilities of responses: sums over exactly their own tokens."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from solvers.inpo.training import log_probabilities as module
from solvers.inpo.training.log_probabilities import (
    all_log_probabilities,
    pad_sequences,
    response_log_probabilities,
    token_log_probabilities,
)

SEQUENCES = [((0, 1), (2,)), ((3,), (1, 0, 2)), ((2, 2, 1, 0, 3), (0, 0)), ((1,), (3, 4))]


@pytest.fixture(scope="module")
def model(bed_of):
    return bed_of(3, ends=True).model.double()


def _one_by_one(model, prompt, response):
    """The sum by the whole log-softmax of one sequence without any padding."""
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *response]])).logits[0].log_softmax(-1)
    return sum(float(logits[len(prompt) + k - 1, token]) for k, token in enumerate(response))


def test_padding_and_unequal_prompts_change_nothing(model):
    found = response_log_probabilities(model, pad_sequences(SEQUENCES, 2))
    wanted = [_one_by_one(model, *sequence) for sequence in SEQUENCES]
    np.testing.assert_allclose(found.detach(), wanted, atol=1e-12)


def test_the_mask_hides_what_comes_before_prompts_alone():
    batch = pad_sequences(SEQUENCES, 4)
    assert batch["attention_mask"].tolist() == [[0] * (5 - n) + [1] * (n + 3) for n in (2, 1, 5, 1)]
    for row, (prompt, response) in enumerate(SEQUENCES):
        places = batch["position_ids"][row].tolist()
        own = len(prompt) + len(response)
        assert places[5 - len(prompt) :][:own] == list(range(own))
        assert max(places) == own - 1  # models may have no more positions
        assert batch["targets"][row].tolist() == [*response, *[-1] * (3 - len(response))]
    alike = pad_sequences([((0, 1), (2, 0)), ((3, 3), (1,))], 4)
    assert alike["attention_mask"].all()


def test_the_fill_token_is_never_seen(model):
    values = [response_log_probabilities(model, pad_sequences(SEQUENCES, pad)).detach() for pad in (0, 4)]
    np.testing.assert_array_equal(*values)


def test_models_that_keep_all_logits_give_the_same(model, monkeypatch):
    whole = response_log_probabilities(model, pad_sequences(SEQUENCES, 0)).detach()
    accepted = frozenset({"input_ids", "attention_mask", "position_ids"})
    monkeypatch.setattr(module, "accepted_arguments", lambda _: accepted)
    np.testing.assert_allclose(
        response_log_probabilities(model, pad_sequences(SEQUENCES, 0)).detach(), whole, atol=1e-12
    )


def test_batches_and_repetitions_change_nothing(model):
    many = [SEQUENCES[i] for i in (3, 0, 1, 0, 2, 3)]
    found = all_log_probabilities(model, many, pad_id=0, batch_size=2)
    np.testing.assert_allclose(found, [_one_by_one(model, *sequence) for sequence in many], atol=1e-12)


def test_equal_sequences_are_looked_at_once(model):
    seen = []
    hook = model.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    all_log_probabilities(model, [SEQUENCES[0]] * 7 + [SEQUENCES[1]], pad_id=0, batch_size=8)
    hook.remove()
    assert sum(seen) == 2


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(2, 7), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_chosen_log_softmax_and_its_gradient_are_those_of_torch(rows, words, elements, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROW_ELEMENTS", elements)  # pieces of every size
        chance = torch.Generator().manual_seed(seed)
        logits = torch.randn(rows, words, generator=chance, dtype=torch.float64).requires_grad_()
        tokens = torch.randint(words, (rows,), generator=chance)
        weights = torch.randn(rows, generator=chance, dtype=torch.float64)
        found = token_log_probabilities(logits, tokens)
        (gradient,) = torch.autograd.grad((weights * found).sum(), logits)
    wanted = logits.log_softmax(-1)[torch.arange(rows), tokens]
    (wanted_gradient,) = torch.autograd.grad((weights * wanted).sum(), logits)
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=0)
    torch.testing.assert_close(gradient, wanted_gradient, atol=1e-12, rtol=0)


def test_half_precision_logits_stay_so_and_are_summed_in_single():
    logits = (30 * torch.randn(5, 1000, generator=torch.Generator().manual_seed(0))).bfloat16()
    logits.requires_grad_()
    tokens = torch.arange(5)
    found = token_log_probabilities(logits, tokens)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, logits.float().log_softmax(-1)[tokens, tokens], atol=1e-4, rtol=0)
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert gradient.dtype == torch.bfloat16
