"""Models as users bring them: precision, adapters, dropout and positions."""

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    OPTConfig,
    OPTForCausalLM,
)

from solvers.inpo.judges import CallableJudge

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

TINY = {"rounds": 1, "num_responses": 3, "num_train_epochs": 1, "pairing": "ring", "eta": 0.5, "repeats": 2}
LORA = {"r": 2, "target_modules": "all-linear"}


def _saved(bed, folder):
    bed.model.save_pretrained(folder)
    bed.tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_model_in_half_precision_is_trained_in_single(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    bed.model.bfloat16()
    folder = _saved(bed, tmp_path / "model")
    trainer = trainer_of(bed, tmp_path / "run", model=folder, arguments={"processing_class": None}, **TINY)
    assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}
    with pytest.warns(UserWarning, match=r"the weights to train are torch\.bfloat16, in whose rounding"):
        trainer_of(bed, tmp_path / "other", **TINY)


def test_under_an_adapter_the_base_keeps_its_precision(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    bed.model.bfloat16()
    trainer = trainer_of(
        bed,
        tmp_path / "run",
        model=_saved(bed, tmp_path / "model"),
        arguments={"peft_config": LoraConfig(**LORA)},
        bf16=True,
        **TINY,
    )
    dtypes = {p.requires_grad: p.dtype for p in trainer.model.parameters()}
    assert dtypes == {False: torch.bfloat16, True: torch.float32}
    trainer.train()
    assert trainer._names["reference"] == "base"


def test_a_saved_adapter_is_trained_on(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    base = AutoModelForCausalLM.from_pretrained(_saved(bed, tmp_path / "base"))
    adapted = get_peft_model(base, LoraConfig(**LORA, init_lora_weights=False))
    start = bed.policy(adapted)
    adapted.save_pretrained(tmp_path / "adapter")
    trainer = trainer_of(bed, tmp_path / "run", model=str(tmp_path / "adapter"), **TINY)
    np.testing.assert_allclose(bed.policy(trainer.model), start, atol=1e-6)
    trainer.train()
    assert np.abs(bed.policy(trainer.model) - start).max() > 1e-4
    inside = AutoModelForCausalLM.from_pretrained(tmp_path / "adapter")
    with pytest.raises(ValueError, match=r"adapter as a peft\.PeftModel, .* got LlamaForCausalLM with an"):
        trainer_of(bed, tmp_path / "other", model=inside, **TINY)


def test_an_adapter_that_the_user_brings_is_the_reference(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    model = get_peft_model(bed.model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    start = bed.policy(model)
    assert np.abs(start - bed.game.reference).max() > 1e-3
    trainer = trainer_of(bed, tmp_path, model=model, **TINY)
    trainer.train()
    with trainer.snapshots.policy(trainer._names["reference"]) as reference:
        np.testing.assert_allclose(bed.policy(reference), start, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{"bias": "all"}, {"bias": "lora_only"}, {"init_lora_weights": False}, {"init_lora_weights": "pissa"}],
)
def test_the_reference_is_the_start_also_where_the_base_is_not(options, bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    for layer in bed.model.model.layers:
        layer.mlp.up_proj.bias = torch.nn.Parameter(torch.zeros(layer.mlp.up_proj.out_features))
    config = LoraConfig(**LORA, **options)
    trainer = trainer_of(bed, tmp_path, learning_rate=0.1, arguments={"peft_config": config}, **TINY)
    start = bed.policy(trainer.model)
    trainer.train()
    assert np.abs(bed.policy(trainer.model) - start).max() > 1e-2
    with trainer.snapshots.policy(trainer._names["reference"]) as reference:
        np.testing.assert_allclose(bed.policy(reference), start, atol=1e-6)


def test_an_adapter_of_another_name(bed_of, trainer_of, tmp_path):
    ends = []
    for name in ("default", "mine"):
        bed = bed_of(1)
        torch.manual_seed(0)
        model = get_peft_model(bed.model, LoraConfig(**LORA), adapter_name=name)
        trainer = trainer_of(
            bed, tmp_path / name, model=model, save_strategy="steps", save_steps=1, **{**TINY, "rounds": 2}
        )
        trainer.train()
        ends.append(bed.policy(trainer.model))
    np.testing.assert_array_equal(*ends)


def test_dropout_is_off_where_layers_hold_a_number(bed_of, trainer_of, tmp_path):
    config = OPTConfig(
        vocab_size=4,
        hidden_size=16,
        word_embed_proj_dim=16,
        ffn_dim=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
        dropout=0.5,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    model, ids = OPTForCausalLM(config).train(), torch.tensor([[0, 1, 2]])
    assert not torch.equal(model(ids).logits, model(ids).logits)
    trainer_of(bed_of(1), tmp_path, model=model, **TINY)
    assert torch.equal(model.train()(ids).logits, model(ids).logits)


def test_prompts_leave_room_for_responses_among_the_positions(bed_of, trainer_of, tmp_path, caplog):
    bed = bed_of(1)
    config = GPT2Config(
        vocab_size=4, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=None, eos_token_id=None
    )
    trainer = trainer_of(
        bed,
        tmp_path,
        model=GPT2LMHeadModel(config),
        arguments={
            "train_dataset": [{"prompt": text} for text in ("abcabca", "abcabc")],
            "judge": CallableJudge(lambda prompt, first, second: 0.9 if first < second else 0.1, "order"),
        },
        **TINY,
    )
    assert "1 prompts of more than 6 tokens are left out" in caplog.text
    trainer.train()
    assert trainer.rounds[0].passes[0].length == 2.0
