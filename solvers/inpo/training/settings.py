"""What a resumed run must share with the run that it goes on with."""

import json
from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedModel

from solvers.inpo.judges.verdicts import Judge
from solvers.inpo.pairing.groups import Pairing
from solvers.inpo.training.config import INPOConfig
from solvers.inpo.training.datasets import prompts_digest
from solvers.inpo.training.generation import Generator
from solvers.inpo.training.groups import TokenisedPrompt

_AS_THEY_ARE = (
    "seed",
    "data_seed",
    "method",
    "tau",
    "eta",
    "prompts_per_round",
    "num_responses",
    "num_opponents",
    "ask_again",
    "disable_dropout",
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "world_size",
    "weight_decay",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "max_grad_norm",
    "warmup_steps",
    "bf16",
    "fp16",
    "neftune_noise_alpha",
    "dataloader_drop_last",
)
_AS_TEXT = ("optim", "optim_args", "optim_target_modules", "lr_scheduler_type", "lr_scheduler_kwargs")
_NOT_OF_THE_ADAPTER = ("base_model_name_or_path", "revision", "peft_version", "inference_mode")


def run_settings(
    args: INPOConfig,
    *,
    pairing: Pairing,
    generator: Generator,
    judge: Judge,
    prompts: Sequence[TokenisedPrompt],
    model: PreTrainedModel,
    reference: str,
) -> dict[str, Any]:
    """All that the course of a run depends on, as JSON values.

    Args:
        args: settings; those about logging, saving and evaluation are left out, and so are ``rounds``.
        pairing: who meets whom.
        generator: draws responses.
        judge: compares them.
        prompts: what is answered.
        model: the policy; of its weights only the names of those that are trained.
        reference: place of the first reference.
    """
    return {
        **{name: getattr(args, name) for name in _AS_THEY_ARE},
        **{name: str(getattr(args, name)) for name in _AS_TEXT},
        "rules": repr(args.build_method()),
        "pairing": repr(pairing),
        "labels": str(args.labels),
        "generator": generator.name,
        "judge": judge.name,
        "prompts": prompts_digest(prompts),
        "parameters": sorted(name for name, p in model.named_parameters() if p.requires_grad),
        "adapter": _adapter(model),
        "reference": reference,
    }


def _adapter(model: PreTrainedModel) -> str:
    """The settings of the adapter as text, empty without one."""
    if not hasattr(model, "peft_config"):
        return ""
    fields = model.peft_config[model.active_adapter].to_dict()
    kept = {name: value for name, value in fields.items() if name not in _NOT_OF_THE_ADAPTER}
    return json.dumps(kept, sort_keys=True, default=lambda value: sorted(map(str, value)))
