"""Models that are split over the processes of a run.

``from_pretrained(..., distributed_config=DistributedConfig(fsdp_size=n))`` of transformers splits a model
over n processes (FSDP2: each has a part of every weight, of its gradient and of the optimiser's state, and a
forward pass gathers a layer at a time). All processes must then pass forwards together. Fits do, and so do
the log-probabilities of responses. Where the first process works alone, to draw responses and to evaluate, it
has a whole copy for so long, made from the file of the policy; its device needs room for that.
"""

from pathlib import Path

import torch
from transformers import PreTrainedModel

from solvers.inpo.training.snapshots import Snapshots


def is_sharded(model: object) -> bool:
    """Whether transformers split this model over processes when it was loaded."""
    return bool(getattr(model, "is_distributed_loading_by_transformers", False))


def check_sharding(model: PreTrainedModel | str, reference: PreTrainedModel | None, *, adapted: bool) -> None:
    """Refuse split models that cannot be trained as such.

    Args:
        model: the policy, or where it is to be loaded from.
        reference: a reference model given beside it, or None.
        adapted: whether an adapter is to be trained.

    Raises:
        ValueError: the split is not by FSDP alone, modules share a parameter, there is an adapter, or the
            reference is split.
    """
    if is_sharded(reference):
        raise ValueError(
            "ref_model must be whole, got one that is split over processes; None takes the model as it is "
            "now, which costs no memory"
        )
    if isinstance(model, str) or not is_sharded(model):
        return
    layout = model.config.distributed_config
    if max(layout.tp_size, layout.pp_size, layout.ep_size) > 1:
        raise ValueError(
            "a split model must be split by fsdp_size alone, got "
            f"tp_size {layout.tp_size}, pp_size {layout.pp_size} and ep_size {layout.ep_size}"
        )
    owned = {name for name, _ in model.named_parameters()}
    twins = sorted({name for name, _ in model.named_parameters(remove_duplicate=False)} - owned)
    if twins:
        # It is gathered for each of its modules, and for all but one of them once only.
        raise ValueError(
            f"a split model must not share parameters between modules, got {', '.join(twins)} as another "
            "one, of which transformers would go on with the value before the first step; load the model "
            "without distributed_config"
        )
    if adapted:
        raise ValueError(
            "an adapter needs a whole model in every process: load it without distributed_config, or train "
            "all weights, without peft_config"
        )


def snapshots_of(
    folder: Path,
    model: PreTrainedModel,
    given: PreTrainedModel | None,
    *,
    first: bool,
    device: torch.device,
) -> Snapshots:
    """The snapshots of a model, split or whole.

    Args:
        folder: where places are relative to.
        model: the model.
        given: a whole reference model beside it, or None.
        first: whether this process writes.
        device: where whole copies of a split model go.
    """
    if not is_sharded(model):
        return Snapshots(folder, model, given, first=first)
    # It asks for a newer torch than whole models do.
    from solvers.inpo.training.sharded_snapshots import ShardedSnapshots

    return ShardedSnapshots(folder, model, given, first=first, device=device)
