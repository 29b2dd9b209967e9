"""A transformer with random weights, made here: it gives a proper distribution, and knows nothing."""

import dataclasses

import numpy as np
import pytest
import torch
from transformers import ByT5Tokenizer, GPT2Config, GPT2LMHeadModel

from games.text import Layer, Outcome, Question, Reasoning
from games.text.answer_form import action_line
from marl.language import Sampling, TransformersModel
from marl.language.called import CalledFunction
from marl.language.folders import PLAIN_TEMPLATE, model_in_folder
from marl.players import LanguagePlayer, WeighedPlayer, player_from_spec
from marl.players.language import conversation_about
from tests.marl.players.asked import RING, about, decide, random_game, weigh

torch.set_num_threads(1)


def made():
    """Two layers of 64 dimensions that read bytes."""
    torch.manual_seed(3)
    tokenizer = ByT5Tokenizer()
    tokenizer.chat_template = PLAIN_TEMPLATE
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=4096, n_embd=64, n_layer=2, n_head=2, eos_token_id=1,
        bos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval(), tokenizer


@pytest.fixture(scope="module")
def parts():
    return made()


@pytest.fixture(scope="module")
def model(parts):
    return TransformersModel(*parts, name="tiny")


def test_weights_are_those_of_a_plain_forward_pass(parts, model):
    question = about(RING, seed=5)
    weights = weigh(LanguagePlayer(model), question)
    assert sum(weights.probabilities) == pytest.approx(1)
    wording = dataclasses.replace(question.wording, reasoning=Reasoning.ANSWER_ONLY)
    asked = dataclasses.replace(question, wording=wording)
    network, tokenizer = parts
    text = "".join(f"{m.content}\n\n" for m in conversation_about(asked))
    values = []
    for option in range(2):
        head = tokenizer.encode(text, add_special_tokens=False)
        tail = tokenizer.encode(action_line(asked, option), add_special_tokens=False)
        with torch.no_grad():
            scores = network(torch.tensor([head + tail])).logits[0].double().log_softmax(-1)
        values.append(sum(float(scores[len(head) + t - 1, token]) for t, token in enumerate(tail)))
    shares = np.exp(np.array(values) - max(values))
    np.testing.assert_allclose(weights.probabilities, shares / shares.sum(), rtol=1e-4)
    assert weights.mass == pytest.approx(float(np.exp(values).sum()), rel=1e-3)


def test_it_says_nothing_that_could_pass_for_an_answer(model):
    player = LanguagePlayer(model, sampling=Sampling(max_tokens=24), reasks=1)
    decisions = [decide(player, about(RING, seed=seed)) for seed in range(6)]
    assert all(d.action is None and len(d.attempts) == 2 for d in decisions)
    assert {d.outcome for d in decisions} <= {Outcome.UNREADABLE, Outcome.TRUNCATED, Outcome.EMPTY}
    assert decisions[0] == decide(player, about(RING, seed=0))


def test_its_choice_does_not_know_the_payoffs(model):
    """With labels of equal length it answers a known action best half of the time, to four deviations."""
    rng = np.random.default_rng(0)
    player, right = LanguagePlayer(model), []
    for seed in range(40):
        game = random_game(rng, (2, 2))
        game = dataclasses.replace(game, actions=(("A", "B"), ("C", "D")))
        question = Question(dataclasses.replace(about(game).situation, told=(None, 0)), seed)
        chosen = int(np.argmax(weigh(player, question).probabilities))
        right.append(game.payoffs[0, chosen, 0] >= game.payoffs[0, 1 - chosen, 0])
    assert abs(np.mean(right) - 0.5) < 4 * 0.5 / 40**0.5


def test_a_folder_is_a_player_and_other_weights_have_another_name(tmp_path, parts):
    network, tokenizer = parts
    names = set()
    for folder in ("one", "two"):
        with torch.no_grad():
            network.transformer.ln_f.bias += 0.5
        network.save_pretrained(tmp_path / folder)
        tokenizer.save_pretrained(tmp_path / folder)
        player = player_from_spec(f"transformers:{tmp_path / folder}")
        names.add(player.name)
        assert sum(weigh(player, about(RING)).probabilities) == pytest.approx(1)
    assert len(names) == 2
    assert model_in_folder(tmp_path / "one").name == model_in_folder(tmp_path / "one").name
    with pytest.raises(ValueError, match="must be one on this disk"):
        player_from_spec("transformers:gpt2")


def test_weighed_players_draw_by_their_weights(model):
    player = player_from_spec("weighed:scripted:logit:0.1")
    inner = player_from_spec("scripted:logit:0.1")
    weights = weigh(inner, about(RING)).probabilities
    drawn = [decide(player, about(RING, seed=k)).action for k in range(2000)]
    assert abs(np.mean(drawn) - weights[1]) < 4 * np.sqrt(weights[0] * weights[1] / 2000)
    assert drawn[:20] == [decide(inner, about(RING, seed=k)).action for k in range(20)]
    assert player.name == "weighed scripted:logit:0.1"
    decision = decide(WeighedPlayer(LanguagePlayer(model)), about(RING))
    assert decision.attempts[0].reading.layer is Layer.LOG_PROBABILITIES
    silent = WeighedPlayer(LanguagePlayer(CalledFunction(str.upper, name="no weights")))
    assert decide(silent, about(RING)).outcome is Outcome.UNREADABLE
