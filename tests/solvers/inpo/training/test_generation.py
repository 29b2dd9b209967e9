"""Generation: responses have the probabilities of the policy, and nothing is read twice."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from marl.language.model import Cause, Failure, Finish, Reply, Sampling
from solvers.inpo.training import EndpointGenerator, ServedPolicy, TokenisedPrompt, TransformersGenerator


@pytest.fixture(scope="module")
def bed(bed_of):
    made = bed_of(1, letters=3, ends=True)
    with torch.no_grad():
        made.model.lm_head.weight *= 20  # far from uniform
    return made


@pytest.fixture(scope="module")
def policy(bed):
    return ServedPolicy(bed.model.eval(), bed.tokenizer, "policy")


def prompts_of(bed):
    return [TokenisedPrompt(text, tuple(bed.tokenizer(text)["input_ids"])) for text in bed.prompts]


def counts_of(bed, group):
    numbers = {text: place for place, text in enumerate(bed.responses)}
    return np.bincount([numbers[r.text] for r in group], minlength=len(bed.responses))


def test_frequencies_are_the_policy_for_prompts_of_all_lengths(bed, policy):
    groups = TransformersGenerator(2, batch_size=3).generate(policy, prompts_of(bed), 4000, seed=1)
    exact = bed.policy(bed.model)
    assert exact.max() > 3 / len(bed.responses)
    for group, wanted in zip(groups, exact, strict=True):
        assert chisquare(counts_of(bed, group), 4000 * wanted).pvalue > 1e-3


def test_tokens_texts_and_ends_agree(bed, policy):
    end = bed.tokenizer.eos_token_id
    for group in TransformersGenerator(2).generate(policy, prompts_of(bed), 50, seed=2):
        for response in group:
            assert response.ended == (response.ids[-1] == end)
            assert response.ended or len(response.ids) == 2
            assert end not in response.ids[:-1]
            assert response.text == "".join("abc"[t] for t in response.ids if t != end)
            assert response.ids in bed.response_ids


def test_a_seed_decides_and_the_global_one_does_not(bed, policy):
    generator = TransformersGenerator(2)
    torch.manual_seed(0)
    first = generator.generate(policy, prompts_of(bed), 20, seed=3)
    torch.manual_seed(1)
    assert generator.generate(policy, prompts_of(bed), 20, seed=3) == first
    assert generator.generate(policy, prompts_of(bed), 20, seed=4) != first


def test_a_prompt_is_read_once_for_all_its_responses(bed, policy):
    read = []
    hook = bed.model.register_forward_pre_hook(
        lambda _, args, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    groups = TransformersGenerator(2, batch_size=1).generate(policy, prompts_of(bed), 64, seed=5)
    hook.remove()
    prompt_tokens = sum(len(prompt.ids) for prompt in prompts_of(bed))
    going = sum(len(response.ids) == 2 for group in groups for response in group)
    assert sum(read) == prompt_tokens + going  # first tokens that go on; last ones are never read


def test_temperature_and_top_p_shape_the_draws(bed, policy):
    exact = bed.policy(bed.model)
    first = {text: text[:1] for text in bed.responses}
    cold = TransformersGenerator(2, temperature=1e-4).generate(policy, prompts_of(bed), 5, seed=1)
    narrow = TransformersGenerator(2, top_p=1e-6).generate(policy, prompts_of(bed), 5, seed=1)
    for group, other, probabilities in zip(cold, narrow, exact, strict=True):
        by_letter: dict[str, float] = {}
        for text, probability in zip(bed.responses, probabilities, strict=True):
            by_letter[first[text]] = by_letter.get(first[text], 0.0) + probability
        likeliest = max(by_letter, key=by_letter.__getitem__)
        assert {r.text[:1] for r in (*group, *other)} == {likeliest}


def test_top_p_leaves_the_smallest_set_that_holds_it():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    kept = TransformersGenerator(top_p=0.7)._distribution(logits)[0]
    torch.testing.assert_close(kept / kept.sum(), torch.tensor([0.625, 0.375, 0.0, 0.0]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens and batch_size must be at least 1, got 0 and 16"),
        ({"temperature": 0.0}, "temperature must be positive"),
        ({"top_p": 1.5}, r"top_p must lie in \(0, 1\], got 1.5"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TransformersGenerator(**settings)


class _Server:
    name = "server"

    def __init__(self):
        self.requests = []

    async def generate(self, request):
        self.requests.append(request)
        texts = ["ab", "c", "b.", "", "a"]
        k = request.replicate
        if k == 3:
            return Reply.failed(Failure(Cause.EMPTY))
        return Reply(texts[k], Finish.LENGTH if k == 4 else Finish.STOP)

    async def choose(self, request, options):
        raise NotImplementedError


def test_an_endpoint_is_told_the_policy_and_asked_for_each_response(bed, policy):
    server, served = _Server(), []

    def serve(given):
        served.append(given.label)
        return server

    generator = EndpointGenerator(serve, Sampling(max_tokens=2))
    prompts = prompts_of(bed)
    groups = generator.generate(policy, prompts, 5, seed=1)
    end = bed.tokenizer.eos_token_id
    # The third spells the end token amid its text, the fourth failed.
    wanted = (((0, 1, end), "ab", True), ((2, end), "c", True), ((0,), "a", False))
    assert [tuple((r.ids, r.text, r.ended) for r in group) for group in groups] == [wanted] * 4
    assert served == ["policy"]
    assert len({request.sampling.seed for request in server.requests}) == 20
    assert {request.messages[0].content for request in server.requests} == set(bed.prompts)


def test_the_base_model_has_nothing_to_save(bed, tmp_path):
    with pytest.raises(ValueError, match="old is the base model"):
        ServedPolicy(bed.model, bed.tokenizer, "old", base=True).save(tmp_path)


def test_a_saved_policy_comes_back(bed, policy, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    policy.save(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    np.testing.assert_array_equal(bed.policy(again), bed.policy(bed.model))
    assert AutoTokenizer.from_pretrained(tmp_path)("ab")["input_ids"] == [0, 1]
