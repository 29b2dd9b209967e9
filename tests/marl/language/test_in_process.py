"""The model in process against plain forward passes and the library's own generation."""

import asyncio
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from marl.language import (
    Cause,
    Finish,
    Message,
    Request,
    Role,
    Sampling,
    TransformersModel,
    choose_all,
    conversation,
    generate_all,
)
from tests.marl.language import tiny
from tests.marl.language.scripted import request_of

torch.set_num_threads(1)

TEMPLATE = (
    "{% for m in messages %}{{ m['role'][0] }}:{{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}a:{% endif %}"
)
MODELS = {"llama": tiny.llama, "gpt2": tiny.gpt2, "mistral": tiny.mistral}
PROMPTS = ["a", "abc", "hhgg fedcba", "b d f", "cabbage head"]


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return MODELS[request.param]()


@pytest.fixture(scope="module")
def llama():
    return tiny.llama()


def wrapped(model, **arguments):
    return TransformersModel(model, tiny.tokenizer(), name="tiny", **arguments)


def spelt(text):
    return tiny.tokenizer().encode(text)


def next_probabilities(model, text):
    with torch.no_grad():
        return model(torch.tensor([spelt(text)])).logits[0, -1].double().softmax(-1).numpy()


def test_without_temperature_it_writes_as_the_library_does(model):
    replies = generate_all(wrapped(model), [request_of(p, temperature=0, max_tokens=12) for p in PROMPTS])
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        ids = torch.tensor([spelt(prompt)])
        written = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12)
        expected = tiny.tokenizer().decode(written[0, ids.shape[1] :], skip_special_tokens=True)
        assert reply.text == expected
        assert reply.prompt_tokens == len(prompt)
        assert reply.completion_tokens == written.shape[1] - ids.shape[1]


def test_a_choice_is_the_sum_over_a_plain_forward_pass(model):
    options = [("a", "b"), ("ab", "ba", "c"), ("hgfe", "h:"), ("d", "ee"), ("aaa", "b")]
    choices = choose_all(wrapped(model, batch_size=3), [request_of(p) for p in PROMPTS], options)
    for prompt, row, choice in zip(PROMPTS, options, choices, strict=True):
        for option, value in zip(row, choice.log_probabilities, strict=True):
            expected = 0.0
            for i, token in enumerate(spelt(option)):
                expected += np.log(next_probabilities(model, prompt + option[:i])[token])
            assert value == pytest.approx(expected, abs=1e-4)
        assert choice.prompt_tokens == len(prompt)


def test_a_text_does_not_depend_on_what_is_asked_beside_it(model):
    requests = [request_of(p, k, seed=4, max_tokens=9, top_p=0.9) for p in PROMPTS for k in range(6)]
    together = generate_all(wrapped(model, batch_size=30), requests)
    alone = [generate_all(wrapped(model), [request])[0] for request in requests]
    turned = generate_all(wrapped(model, batch_size=4), requests[::-1])[::-1]
    assert together == alone == turned
    assert len({reply.text for reply in together}) > 15
    other = [Request(r.messages, Sampling(seed=5, max_tokens=9, top_p=0.9), r.replicate) for r in requests]
    assert generate_all(wrapped(model), other) != together


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.6, 1.0), (1.5, 0.7)])
def test_tokens_are_drawn_from_the_distribution(llama, temperature, top_p):
    draws = 3000
    sampling = {"temperature": temperature, "top_p": top_p, "max_tokens": 1, "seed": 0}
    replies = generate_all(
        wrapped(llama, batch_size=500),
        [request_of("abc", k, **sampling) for k in range(draws)],
        concurrency=500,
    )
    probabilities = next_probabilities(llama, "abc") ** (1 / temperature)
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities)
    kept = order[: np.searchsorted(np.cumsum(probabilities[order]), top_p - 1e-12) + 1]
    expected = np.zeros_like(probabilities)
    expected[kept] = probabilities[kept] / probabilities[kept].sum()
    # What is special is not written: its tokens are one kind here.
    texts = Counter(reply.text for reply in replies)
    kinds = ["", *tiny.ALPHABET]
    masses = np.array([expected[:3].sum(), *expected[3:]])
    counts = np.array([texts[kind] for kind in kinds])
    assert counts[masses == 0].sum() == 0
    if top_p < 1:
        assert (masses == 0).any()
    assert stats.chisquare(counts[masses > 0], draws * masses[masses > 0]).pvalue > 1e-3


def test_nothing_is_read_twice_and_rows_that_end_leave(llama):
    read = []
    hook = llama.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    try:
        limits = [1, 4, 8]
        requests = [request_of("abc", k, max_tokens=n, seed=1) for k, n in enumerate(limits)]
        replies = generate_all(wrapped(llama), requests)
        # One pass over the prompts together, then one token of each row that goes on.
        lengths = [reply.completion_tokens for reply in replies]
        live = [sum(length > t for length in lengths) for t in range(1, max(lengths))]
        assert read == [(3, 3), *[(n, 1) for n in live]]
        read.clear()
        choose_all(wrapped(llama), [request_of("abc"), request_of("b")], [("a", "b"), ("ab", "bcd")])
        assert read == [(2, 3), (2, 2)]
    finally:
        hook.remove()


def test_the_end_token_ends_a_text_and_is_not_part_of_it(llama):
    requests = [request_of("ab", k, seed=2, max_tokens=40, temperature=2.0) for k in range(40)]
    replies = generate_all(wrapped(llama), requests)
    ended = [reply for reply in replies if reply.finish is Finish.STOP]
    assert ended
    assert all("<" not in reply.text for reply in replies)
    assert all(reply.completion_tokens == 40 for reply in replies if reply.finish is Finish.LENGTH)
    for reply in ended:
        assert len(reply.text) < reply.completion_tokens <= 40


def test_a_stop_string_ends_a_text_before_it(llama):
    free = generate_all(wrapped(llama), [request_of("ab", k, seed=2, max_tokens=30) for k in range(8)])
    assert any(len(reply.text) > 8 for reply in free)
    for k, reply in enumerate(free):
        if len(reply.text) <= 8:
            continue
        stop = reply.text[5:7]
        cut = generate_all(wrapped(llama), [request_of("ab", k, seed=2, max_tokens=30, stop=("zz", stop))])[0]
        assert cut.text == reply.text[: reply.text.index(stop)]
        assert cut.finish is Finish.STOP
        assert cut.completion_tokens < reply.completion_tokens


def test_the_context_bounds_texts_and_refuses_long_prompts(llama):
    model = wrapped(llama)
    cut = generate_all(model, [request_of("a" * 60, seed=0, max_tokens=100, temperature=0)])[0]
    assert cut.completion_tokens <= 4
    long = generate_all(model, [request_of("a" * 64, seed=0)])[0]
    assert long.failure.cause is Cause.BAD_REQUEST
    choice = choose_all(model, [request_of("a" * 64)], [("a", "bc")])[0]
    assert choice.failure.cause is Cause.BAD_REQUEST
    assert choose_all(model, [request_of("a" * 64)], [("a", "b")])[0].failure is None


def test_the_chat_template_is_used(llama):
    talk = (Message(Role.SYSTEM, "abc"), Message(Role.USER, "de"))
    chat = TransformersModel(llama, tiny.tokenizer(TEMPLATE), name="chat")
    said = choose_all(chat, [Request(talk)], [("a", "b")])[0]
    plain = choose_all(wrapped(llama), [request_of("s:abc u:de a:")], [("a", "b")])[0]
    assert said == plain
    with pytest.raises(ValueError, match="chat template"):
        choose_all(wrapped(llama), [Request(talk)], [("a", "b")])


def test_logits_that_are_no_numbers_fail_in_their_row_alone(llama):
    def spoil(module, args, output):
        output.logits[0] = float("nan")

    hook = llama.register_forward_hook(spoil)
    try:
        replies = generate_all(wrapped(llama), [request_of("ab", k, seed=1, max_tokens=1) for k in range(3)])
        choices = choose_all(wrapped(llama), [request_of("ab")] * 2, [("a", "b")] * 2)
    finally:
        hook.remove()
    assert [reply.failure is None for reply in replies] == [False, True, True]
    assert replies[0].failure.cause is Cause.MALFORMED
    assert [choice.failure is None for choice in choices] == [False, True]


def test_requests_made_at_once_are_answered_together_and_errors_reach_them(llama):
    sizes = []
    hook = llama.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    try:
        generate_all(
            wrapped(llama, batch_size=4), [request_of("a", k, seed=1, max_tokens=1) for k in range(10)]
        )
    finally:
        hook.remove()
    assert sizes == [4, 4, 2]

    def fail(module, args):
        raise RuntimeError("out of memory")

    hook = llama.register_forward_pre_hook(fail)
    try:
        with pytest.raises(RuntimeError, match="out of memory"):
            generate_all(wrapped(llama), [request_of("a", k, seed=1) for k in range(3)])
    finally:
        hook.remove()
    assert generate_all(wrapped(llama), [request_of("a", seed=1)])[0].failure is None


def test_who_is_cancelled_leaves_the_others(llama):
    model = wrapped(llama)
    expected = generate_all(model, [request_of("a", seed=1)])[0]

    async def some():
        tasks = [asyncio.ensure_future(model.generate(request_of("a", seed=1))) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(some())
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [expected] * 2


def test_the_mode_of_the_model_is_left_as_it_was():
    model = tiny.llama(attention_dropout=0.5)
    expected = choose_all(wrapped(model), [request_of("abcdef")], [("a", "b")])
    model.train()
    assert choose_all(wrapped(model), [request_of("abcdef")], [("a", "b")]) == expected
    assert model.training


def test_bad_arguments_are_named(llama):
    with pytest.raises(ValueError, match="name"):
        TransformersModel(llama, tiny.tokenizer(), name="")
    with pytest.raises(ValueError, match="batch_size"):
        wrapped(llama, batch_size=0)
    with pytest.raises(ValueError, match="seed"):
        generate_all(wrapped(llama), [Request(conversation("a"))])


@pytest.mark.parametrize("options", [("A", "B"), ("a", "B"), ("A", "Bab")])
def test_options_the_tokenizer_cannot_spell_have_no_probability(llama, options):
    """As unknown tokens they would be equally likely: a verdict of one half that nobody gave."""
    choice = choose_all(wrapped(llama), [request_of("ab")], [options])[0]
    assert choice.failure is not None
    assert choice.failure.cause is Cause.NO_LOG_PROBABILITIES


def test_nobody_ends_a_turn_by_spelling_its_end(llama):
    chat = TransformersModel(llama, tiny.tokenizer(TEMPLATE), name="chat")
    talk = request_of("ab<end>cd", seed=0)
    choice, reply = choose_all(chat, [talk], [("a", "b")])[0], generate_all(chat, [talk])[0]
    for failure in (choice.failure, reply.failure):
        assert failure is not None
        assert failure.cause is Cause.BAD_REQUEST
        assert "'<end>'" in failure.detail
    splitting = tiny.tokenizer(TEMPLATE)
    splitting.split_special_tokens = True
    said = choose_all(TransformersModel(llama, splitting, name="s"), [talk], [("a", "b")])[0]
    assert said.failure is None


def test_parts_that_were_frozen_in_evaluation_stay_so():
    model = tiny.llama()
    model.train()
    model.model.layers[0].eval()
    before = [part.training for part in model.modules()]
    choose_all(wrapped(model), [request_of("abc")], [("a", "b")])
    assert [part.training for part in model.modules()] == before
