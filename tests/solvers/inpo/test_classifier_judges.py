"""Sequence classifiers of transformers as judges, on a tiny random model."""

import math

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

from marl.language.in_process import TransformersModel
from marl.language.model import Message, Role
from solvers.inpo.judges import (
    ChoiceJudge,
    Comparison,
    PairClassifierJudge,
    PairTemplate,
    RewardJudge,
    RewardModel,
)
from solvers.inpo.judges.sequence_classifiers import Classifier

_LETTERS = "abcdefghijklmnopqrstuvwxyz :\n|<>"
CHAT = (Message(Role.USER, "hello"),)


@pytest.fixture(scope="module")
def tokenizer():
    words = {"[PAD]": 0, "[UNK]": 1, **{letter: place for place, letter in enumerate(_LETTERS, 2)}}
    plain = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="[PAD]", unk_token="[UNK]")


def _config(labels: int, padding: int | None = 0):
    return LlamaConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        pad_token_id=padding,
        num_labels=labels,
        initializer_range=0.5,
    )


def _model(labels: int, padding: int | None = 0):
    torch.manual_seed(labels)
    return LlamaForSequenceClassification(_config(labels, padding))


def _logits(model, tokenizer, text: str) -> np.ndarray:
    with torch.no_grad():
        return model(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).logits[0].double().numpy()


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("padding", [0, None])
def test_reward_model_is_the_model_alone_whatever_the_batch(tokenizer, padding):
    model = _model(1, padding)
    texts = ["a", "a longer response", "b" * 40, "q"]
    for batch_size in (1, 3):
        rewards = RewardModel(Classifier(model, tokenizer, max_length=60, batch_size=batch_size))(
            ["hello"] * 4, texts
        )
        wanted = [_logits(model, tokenizer, "hello" + text)[0] for text in texts]
        assert rewards == pytest.approx(wanted, abs=1e-5)
    assert len(set(np.round(rewards, 4))) == 4


def test_reward_judge_over_a_model_leaves_out_what_is_too_long(tokenizer):
    model = _model(1)
    judge = RewardJudge(RewardModel(Classifier(model, tokenizer, max_length=12)), "tiny")
    good, long = judge.compare([Comparison("p", "aaa", "bb"), Comparison("p", "a" * 12, "b")])
    margin = _logits(model, tokenizer, "paaa")[0] - _logits(model, tokenizer, "pbb")[0]
    assert good.probability == pytest.approx(_sigmoid(margin), abs=1e-6)
    assert long.failure == "the reward of the first response is nan"


def test_reward_model_writes_conversations_by_the_chat_template(tokenizer):
    model = _model(1)
    templated = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    )
    templated.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    (reward,) = RewardModel(Classifier(model, templated, max_length=99))([CHAT], ["hi"])
    assert reward == pytest.approx(_logits(model, tokenizer, "<user>hello<assistant>hi")[0], abs=1e-5)


@pytest.mark.parametrize(("labels", "first_label"), [(1, 0), (2, 0), (2, 1)])
def test_pair_classifier_is_averaged_over_both_orders(tokenizer, labels, first_label):
    model = _model(labels)
    judge = PairClassifierJudge(
        Classifier(model, tokenizer, max_length=80, batch_size=2),
        "tiny",
        PairTemplate("{prompt}|{first}|{second}"),
        first_label,
    )
    comparisons = [Comparison("p", "a", "bb"), Comparison(CHAT, "ccc", "d"), Comparison("p", "x" * 90, "y")]

    def single(text: str) -> float:
        logits = _logits(model, tokenizer, text)
        return _sigmoid(logits[0] if labels == 1 else logits[first_label] - logits[1 - first_label])

    reported = {}
    verdicts = judge.compare(comparisons, reported.__setitem__)
    assert [reported[k] for k in range(3)] == verdicts
    assert verdicts[0].orders == pytest.approx((single("p|a|bb"), 1 - single("p|bb|a")), abs=1e-6)
    assert verdicts[1].orders[0] == pytest.approx(single("user: hello|ccc|d"), abs=1e-6)
    assert verdicts[0].probability == pytest.approx(np.mean(verdicts[0].orders))
    assert "the pair is too long" in verdicts[2].failure


def test_choice_judge_reads_a_model_in_process(tokenizer):
    torch.manual_seed(0)
    model = LlamaForCausalLM(_config(1)).eval()
    asked = TransformersModel(model, tokenizer, name="tiny", batch_size=3)
    judge = ChoiceJudge(asked, PairTemplate("{prompt}|{first}|{second}:"), ("a", "b"))
    comparisons = [Comparison("p", "x", "yyy"), Comparison("qq", "u", "v")]

    def single(text: str) -> float:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).logits[0, -1]
        a, b = (float(logits[tokenizer.convert_tokens_to_ids(letter)]) for letter in "ab")
        return _sigmoid(a - b)

    verdicts = judge.compare(comparisons)
    assert verdicts[0].orders == pytest.approx((single("p|x|yyy:"), 1 - single("p|yyy|x:")), abs=1e-5)
    assert verdicts[1].orders == pytest.approx((single("qq|u|v:"), 1 - single("qq|v|u:")), abs=1e-5)


def test_dropout_is_off(tokenizer):
    model = _model(1)
    model.model.config.attention_dropout = 0.9
    model.train()
    classifier = Classifier(model, tokenizer, max_length=80)
    assert not model.training
    texts = [[2, 3, 4], [5]]
    np.testing.assert_array_equal(classifier.logits(texts), classifier.logits(texts))


def test_bad_input_is_named(tokenizer):
    with pytest.raises(ValueError, match="max_length must be at least 1, got 0"):
        Classifier(_model(1), tokenizer, max_length=0)
    two = Classifier(_model(2), tokenizer, max_length=9)
    with pytest.raises(ValueError, match="must have one label, got 2"):
        RewardModel(two)
    with pytest.raises(ValueError, match="one or two labels, got 3"):
        PairClassifierJudge(Classifier(_model(3), tokenizer, max_length=9), "three")
    with pytest.raises(ValueError, match="first_label must be 0 or 1, got 2"):
        PairClassifierJudge(two, "two", first_label=2)


@pytest.mark.parametrize("chat", [False, True])
def test_what_spells_a_control_token_is_not_judged(tokenizer, chat):
    read = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    )
    if chat:
        read.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    bad = ("so [PAD] there", "a\ud800")
    rewards = RewardModel(Classifier(_model(1), read, max_length=99))(["hello"] * 3, [*bad, "fine"])
    assert np.isnan(rewards).tolist() == [True, True, False]
    assert np.isnan(RewardModel(Classifier(_model(1), read, max_length=99))(["\ud800"], ["fine"])).all()
    judge = PairClassifierJudge(Classifier(_model(1), read, max_length=99), "tiny")
    verdicts = judge.compare([Comparison("p", text, "fine") for text in (*bad, "good")])
    assert verdicts[0].failure == "a text spells the control token '[PAD]'"
    assert verdicts[1].failure == "a text is no valid Unicode"
    assert verdicts[2].failure == ""
