"""Models as users bring them, made ready for a run."""

import warnings
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)
from transformers.utils.peft_utils import find_adapter_config_file

from solvers.inpo.training.log_probabilities import Tokens, pad_sequences, response_log_probabilities

if TYPE_CHECKING:
    from peft import PeftConfig


def load_policy(
    model: PreTrainedModel | str, peft_config: "PeftConfig | None", *, seed: int
) -> PreTrainedModel:
    """The model to train, from a name or a folder if need be, with a new adapter if one is wanted.

    A model that is loaded here and trained whole comes in single precision, whatever the precision of its
    file: the small steps of fine-tuning are lost in the rounding of half precision.

    Args:
        model: a model, or what ``from_pretrained`` takes, also of an adapter.
        peft_config: the adapter, or None.
        seed: for its first weights.

    Raises:
        ValueError: the model has an adapter already, or one outside PEFT, or nothing to train.
    """
    if isinstance(model, str):
        if find_adapter_config_file(model) is not None:
            from peft import AutoPeftModelForCausalLM

            model = AutoPeftModelForCausalLM.from_pretrained(model, is_trainable=True)
        else:
            dtype = "auto" if peft_config is not None else torch.float32
            model = AutoModelForCausalLM.from_pretrained(model, dtype=dtype)
    if peft_config is not None:
        if hasattr(model, "peft_config"):
            raise ValueError("peft_config must be None for a model that has an adapter already")
        from peft import get_peft_model

        set_seed(seed)
        model = get_peft_model(model, peft_config)
    if hasattr(model, "peft_config") and not hasattr(model, "disable_adapter"):
        raise ValueError(
            "model must hold its adapter as a peft.PeftModel, as AutoPeftModelForCausalLM.from_pretrained("
            f"..., is_trainable=True) gives it, got {type(model).__name__} with an adapter inside"
        )
    trained = {p.dtype for p in model.parameters() if p.requires_grad}
    if not trained:
        raise ValueError(
            "model must have parameters to train, got none with requires_grad; adapters are loaded frozen "
            "unless from_pretrained is told is_trainable=True"
        )
    for dtype in trained & {torch.float16, torch.bfloat16}:
        warnings.warn(
            f"the weights to train are {dtype}, in whose rounding small steps are lost: load the model with "
            "dtype=torch.float32, and set bf16 for speed",
            UserWarning,
            stacklevel=3,
        )
    return model


def load_tokenizer(model: PreTrainedModel) -> PreTrainedTokenizerBase:
    """The tokenizer that was saved with a model.

    Raises:
        ValueError: the model was not loaded from anywhere.
    """
    place = model.config._name_or_path
    if not place:
        raise ValueError("processing_class must be given for a model that was not loaded, got None")
    return AutoTokenizer.from_pretrained(place)


def freeze_reference(given: PreTrainedModel, policy: PreTrainedModel, device: torch.device) -> None:
    """Make a reference model ready on the device of the policy.

    Raises:
        ValueError: it has weights in common with the policy, so that it would change in training.
    """
    if {id(p) for p in given.parameters()} & {id(p) for p in policy.parameters()}:
        raise ValueError(
            "ref_model must not share weights with model; None takes the model as it is now for reference"
        )
    given.requires_grad_(False)
    if given.device != device:  # quantised models are in place and refuse to be moved
        given.to(device)


def disable_dropout(model: nn.Module) -> None:
    """Switch dropout off for good, also where layers hold its probability as a number."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
        for name, value in vars(module).items():
            if isinstance(value, float) and "drop" in name:
                setattr(module, name, 0.0)


def adapter_off_is_start(model: PreTrainedModel, prompt: Tokens) -> bool:
    """Whether the model with its adapter off is, and stays, the model as it is now.

    It is not where the adapter begins as something else than the identity or moved a part of itself into the
    base weights (PiSSA), and does not stay so where biases of the base are trained.

    Args:
        model: a PEFT model.
        prompt: tokens to try it on.
    """
    if getattr(model.peft_config[model.active_adapter], "bias", "none") != "none":
        return False
    device = next(model.parameters()).device
    batch = {name: t.to(device) for name, t in pad_sequences([(prompt[:1], prompt[:32])], 0).items()}
    training = model.training
    model.eval()
    with torch.no_grad():
        on = response_log_probabilities(model, batch)
        with model.disable_adapter():
            off = response_log_probabilities(model, batch)
    model.train(training)
    return bool(torch.equal(on, off))


def longest_prompt(model: PreTrainedModel, max_prompt_length: int, max_new_tokens: int) -> int:
    """Most tokens of a prompt that leave room for a response among the positions that the model has.

    Raises:
        ValueError: responses alone would fill the positions.
    """
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if not isinstance(positions, int) or positions <= 0:
        return max_prompt_length
    if positions <= max_new_tokens:
        raise ValueError(
            f"max_new_tokens must be below the number of positions of the model, {positions}, "
            f"got {max_new_tokens}"
        )
    return min(max_prompt_length, positions - max_new_tokens)
