"""A language model whose game can be solved: a tiny transformer all of whose responses are enumerated.

Policy, reference, equilibrium and duality gap are exact, so a run of ``INPOTrainer`` can be measured by its
distance from the equilibrium. Wrong masks, averages over lengths, signs or label orders do not get near it.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from games.preference import PreferenceGame, assess_preference, kl_divergence, random_preferences
from solvers.inpo.exact import exact_nash
from solvers.inpo.judges.matrix import MatrixJudge
from solvers.inpo.training.log_probabilities import all_log_probabilities

FloatArray = NDArray[np.float64]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_END = "."


@dataclass(frozen=True, slots=True)
class TestbedMeasures:
    """How far a policy is from equilibrium.

    Attributes:
        kl_to_nash: KL(equilibrium || policy), mean over prompts, in nats.
        gap: duality gap, mean over prompts.
        kl_to_reference: KL(policy || reference), mean over prompts.
    """

    kl_to_nash: float
    gap: float
    kl_to_reference: float


@dataclass(frozen=True, slots=True, eq=False)
class Testbed:
    """A game between responses of a tiny model.

    Attributes:
        model: the policy to train; its weights at the start are the reference.
        tokenizer: one token for each letter.
        prompts: texts of different lengths.
        response_ids: tokens of all n responses.
        responses: their texts.
        game: one context for each prompt; its reference is the model as it was at the start.
        nash: the equilibrium, shape (prompts, n).
        judge: knows the game.
        max_new_tokens: the most tokens of a response.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    prompts: tuple[str, ...]
    response_ids: tuple[tuple[int, ...], ...]
    responses: tuple[str, ...]
    game: PreferenceGame
    nash: FloatArray
    judge: MatrixJudge
    max_new_tokens: int

    def dataset(self, repeats: int) -> list[dict[str, str]]:
        """Prompt-only data with every prompt so many times."""
        return [{"prompt": prompt} for prompt in self.prompts for _ in range(repeats)]

    def policy(self, model: PreTrainedModel) -> FloatArray:
        """Exact probabilities of all responses under a model, shape (prompts, n)."""
        return _enumerate(model, self.tokenizer, self.prompts, self.response_ids)

    def measure(self, model: PreTrainedModel) -> TestbedMeasures:
        """Exact distances of a model from the equilibrium and the reference."""
        policy = self.policy(model)
        report = assess_preference(self.game, policy)
        return TestbedMeasures(
            kl_to_nash=float(kl_divergence(self.nash, policy).mean()),
            gap=float(report.gaps.mean()),
            kl_to_reference=float(report.kl_to_reference.mean()),
        )


def make_testbed(
    *,
    rng: np.random.Generator,
    tau: float,
    prompts: int = 4,
    letters: int = 4,
    length: int = 2,
    ends: bool = False,
    game: PreferenceGame | None = None,
    hidden: int = 64,
    layers: int = 2,
) -> Testbed:
    """Make a testbed; with the defaults, 16 responses of two letters to 4 prompts of two to five letters.

    Args:
        rng: source of the weights and, without ``game``, of the preferences.
        tau: weight of the divergence in the game.
        prompts: how many prompts.
        letters: size of the alphabet.
        length: most tokens of a response.
        ends: whether there is an end token, so that responses have all lengths up to ``length``.
        game: preferences of shape (prompts, n, n); its own reference and tau are replaced. None draws them.
        hidden: width of the model, a multiple of 4.
        layers: its layers.

    Raises:
        ValueError: a size is out of range, or ``game`` is of another shape.
    """
    if min(prompts, length, layers) < 1 or not 2 <= letters <= len(_ALPHABET) or hidden < 4 or hidden % 4:
        raise ValueError(
            "prompts, length and layers must be at least 1, letters from 2 to 26 and hidden a multiple of 4, "
            f"got {prompts}, {length}, {layers}, {letters} and {hidden}"
        )
    tokenizer = _tokenizer(letters, ends=ends)
    words = [tuple(word) for size in range(length) for word in itertools.product(range(letters), repeat=size)]
    whole = tuple(itertools.product(range(letters), repeat=length))
    response_ids = (*((*word, letters) for word in words), *whole) if ends else whole
    texts = tuple("".join(_ALPHABET[token] for token in ids if token < letters) for ids in response_ids)
    # Never one letter alone: a response that repeats it would leave the model where it was.
    asked = tuple("".join(_ALPHABET[(i + k) % letters] for k in range(i + 2)) for i in range(prompts))
    model = _model(len(tokenizer), letters if ends else None, hidden, layers, rng)
    reference = _enumerate(model, tokenizer, asked, response_ids)
    if game is None:
        game = random_preferences(len(texts), rng=rng, batch_shape=(prompts,))
    game = game.with_reference(reference).with_tau(tau)
    return Testbed(
        model=model,
        tokenizer=tokenizer,
        prompts=asked,
        response_ids=response_ids,
        responses=texts,
        game=game,
        nash=exact_nash(game).unwrap(),
        judge=MatrixJudge(game, asked, [texts] * prompts),
        max_new_tokens=length,
    )


def _tokenizer(letters: int, *, ends: bool) -> PreTrainedTokenizerBase:
    vocabulary = {_ALPHABET[number]: number for number in range(letters)}
    if ends:
        vocabulary[_END] = letters
    tokenizer = Tokenizer(models.WordLevel(vocabulary))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_END if ends else None)


def _model(
    vocabulary: int, end: int | None, hidden: int, layers: int, rng: np.random.Generator
) -> PreTrainedModel:
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        return LlamaForCausalLM(config)


def _enumerate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    responses: Sequence[tuple[int, ...]],
) -> FloatArray:
    sequences = [(tuple(tokenizer(prompt)["input_ids"]), ids) for prompt in prompts for ids in responses]
    logs = all_log_probabilities(model, sequences, pad_id=0, batch_size=1024)
    policy = np.exp(logs).reshape(len(prompts), len(responses))
    normalised: FloatArray = policy / policy.sum(axis=-1, keepdims=True)
    return normalised
