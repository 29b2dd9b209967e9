"""Tiny transformers with random weights, and a tokenizer of single characters; nothing is downloaded."""

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
)

ALPHABET = "abcdefgh :"
SIZE = len(ALPHABET) + 3


def tokenizer(template=None):
    words = {"<pad>": 0, "<end>": 1, "<?>": 2} | {c: 3 + i for i, c in enumerate(ALPHABET)}
    inner = Tokenizer(models.WordLevel(words, unk_token="<?>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<end>", unk_token="<?>"
    )
    made.chat_template = template
    return made


def _made(model_class, config):
    torch.manual_seed(1)
    # Larger weights than usual, so that the distribution depends on what was read.
    config.initializer_range = 0.6
    return model_class(config).eval()


def llama(**changes):
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    fields = {"vocab_size": SIZE, "max_position_embeddings": 64, "eos_token_id": 1, "pad_token_id": 0}
    return _made(LlamaForCausalLM, LlamaConfig(**sizes, **fields, **changes))


def gpt2():
    config = GPT2Config(vocab_size=SIZE, n_positions=64, n_embd=16, n_layer=2, n_head=2, eos_token_id=1)
    return _made(GPT2LMHeadModel, config)


def mistral():
    """Attention over a window shorter than the prompts of the tests."""
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    fields = {"vocab_size": SIZE, "max_position_embeddings": 64, "eos_token_id": 1, "pad_token_id": 0}
    return _made(
        MistralForCausalLM, MistralConfig(num_key_value_heads=2, sliding_window=4, **sizes, **fields)
    )
