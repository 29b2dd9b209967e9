"""Prompts as text: tokens that tokenizers add of their own."""

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from solvers.inpo.training.datasets import tokenise_prompts

WORDS = {"a": 0, "b": 1, "<s>": 2, "</s>": 3}


def _tokenizer(template):
    tokenizer = Tokenizer(models.WordLevel(WORDS))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    special = [(word, WORDS[word]) for word in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=special)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


@pytest.mark.parametrize(
    ("template", "text", "ids"),
    [
        ("<s> $A", "ab", (2, 0, 1)),
        ("<s> $A", "<s>ab", (2, 0, 1)),  # a chat template put in the begin already
        ("<s> $A", "<s><s>a", (2, 2, 0)),  # what the user means
        ("<s> $A </s>", "ab", (2, 0, 1)),  # nothing goes on after an end
        ("<s> $A </s>", "<s>ab</s>", (2, 0, 1, 3)),
        ("$A </s>", "a</s>", (0, 3)),
        ("$A", "<s>a</s>", (2, 0, 3)),
    ],
)
def test_texts_begin_once_and_do_not_end(template, text, ids):
    (prompt,) = tokenise_prompts([{"prompt": text}], _tokenizer(template), max_length=9, name="data")
    assert prompt.ids == ids
