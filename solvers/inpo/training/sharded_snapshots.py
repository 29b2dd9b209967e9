"""Snapshots of a model that is split over processes, in the same files as those of a whole one."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

from solvers.inpo.training.snapshots import GIVEN, Snapshots


class ShardedSnapshots(Snapshots):
    """Snapshots of a split model.

    Args:
        folder: where places are relative to.
        model: the split model.
        given: a whole reference model beside it, or None.
        first: whether this process writes.
        device: where whole copies go.
    """

    def __init__(
        self,
        folder: Path,
        model: PreTrainedModel,
        given: PreTrainedModel | None,
        *,
        first: bool,
        device: torch.device,
    ) -> None:
        super().__init__(folder, model, given, first=first)
        self._device = device

    def _weights(self) -> dict[str, Tensor]:
        """Whole weights in the first process; nothing in the others, which must ask together with it."""
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        return get_model_state_dict(self._model, options=options)  # type: ignore[return-value]

    def load(self, place: str) -> None:
        """Put weights into the model, if they are not there already.

        Raises:
            OSError: the file cannot be read.
            ValueError: the weights are not those of this model.
        """
        # A forward pass without a backward pass leaves the last layers gathered. An optimiser that is made
        # then would take those copies for the parameters, and never change the model.
        for module in self._model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()
        super().load(place)

    def _put(self, path: Path) -> None:
        own: dict[str, Tensor] = self._model.state_dict()
        with safe_open(path, framework="pt") as opened:
            file: Any = opened  # whose methods have no types
            names = file.keys()
            kept = {name: tuple(file.get_slice(name).get_shape()) for name in names}
            if kept != {name: tuple(tensor.shape) for name, tensor in own.items()}:
                raise self._other_model(path)
            for name in names:  # one at a time is in memory
                _fill(own[name], file.get_tensor(name))

    @contextmanager
    def shared(self, place: str) -> Iterator[PreTrainedModel]:
        """The split model with the weights kept at ``place``; all processes must pass forwards together."""
        with super().policy(place) as model:
            yield model

    @contextmanager
    def policy(self, place: str) -> Iterator[PreTrainedModel]:
        """A whole copy of the policy kept at ``place``, for this process alone."""
        if place == GIVEN:
            with super().policy(place) as model:
                yield model
            return
        yield self._whole(load_file(self._folder / place)).to(self._device)

    def _whole(self, weights: dict[str, Tensor]) -> PreTrainedModel:
        split = self._model
        config = copy.deepcopy(split.config)
        config.distributed_config = None
        kind: Any = next(kind for kind in type(split).__mro__ if not issubclass(kind, FSDPModule))
        whole: PreTrainedModel = kind.from_pretrained(
            None,
            config=config,
            state_dict=weights,
            dtype=split.dtype,
            attn_implementation=config._attn_implementation,
        )
        whole.generation_config = copy.deepcopy(split.generation_config)
        return whole.eval()


@torch.no_grad()
def _fill(own: Tensor, whole: Tensor) -> None:
    """Overwrite a tensor, or this process's part of it."""
    if isinstance(own, DTensor):
        # Every process has the file, so nothing is sent.
        part = distribute_tensor(whole, own.device_mesh, own.placements, src_data_rank=None)
        own, whole = own.to_local(), part.to_local()
    own.copy_(whole)
