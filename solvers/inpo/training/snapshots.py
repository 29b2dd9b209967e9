"""Named policies on disk, of which one at a time is in the model.

With an adapter only the adapter is kept, and the reference is the model with its adapter switched off; so a
run holds one model in memory, whatever the number of policies.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from transformers import PreTrainedModel

from games.errors import FileFormatError
from games.files import atomic_write

BASE = "base"
"""Place of the policy that the model is without its adapter."""

GIVEN = "given"
"""Place of a reference model that the user passed."""


class Snapshots:
    """Weights by place: a path below ``folder``, or one of ``BASE`` and ``GIVEN``.

    Args:
        folder: where places are relative to.
        model: the model, or a PEFT model; its trained weights are read and replaced.
        given: a reference model beside it, or None.
        first: whether this process writes; where there are several, one does.
    """

    def __init__(
        self, folder: Path, model: PreTrainedModel, given: PreTrainedModel | None, *, first: bool = True
    ) -> None:
        self._folder = folder
        self._first = first
        self._model = model
        self._given = given
        self._adapter = hasattr(model, "peft_config")
        self._at: str | None = None

    @property
    def at(self) -> str | None:
        """The place whose weights are in the model; None where they are from no place."""
        return self._at

    def touched(self) -> None:
        """The model's weights have changed."""
        self._at = None

    def save(self, place: str) -> None:
        """Keep the weights that are in the model, whole or not at all; all processes must call it."""
        weights = self._weights()
        if self._first:
            self._write(place, _packed(weights))

    def save_by_content(self) -> str:
        """Keep the weights that are in the model at a place named after them; all processes must call it.

        Returns:
            The place, in the process that writes; nothing in the others.
        """
        weights = self._weights()
        if not self._first:
            return ""
        data = _packed(weights)
        place = f"evaluation/{hashlib.sha256(data).hexdigest()[:24]}.safetensors"
        self._write(place, data)
        return place

    def _write(self, place: str, data: bytes) -> None:
        path = self._folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(data)
        self._at = place

    def load(self, place: str) -> None:
        """Put weights into the model, if they are not there already.

        Raises:
            OSError: the file cannot be read.
            FileFormatError: it is damaged.
            ValueError: the weights are not those of this model.
        """
        if self._at == place:
            return
        self._at = None
        path = self._folder / place
        try:
            self._put(path)
        except SafetensorError as error:
            raise FileFormatError(f"{path}: no whole file of weights: {error}") from None
        self._at = place

    def _put(self, path: Path) -> None:
        weights = load_file(path)
        if self._adapter:
            from peft import set_peft_model_state_dict

            name = self._model.active_adapter
            unexpected = set_peft_model_state_dict(self._model, weights, adapter_name=name).unexpected_keys
            missing: list[str] = []
        else:
            missing, unexpected = self._model.load_state_dict(weights, strict=False)
            aliases = {name for group in _aliases(self._model.state_dict()) for name in group[1:]}
            missing = sorted(set(missing) - aliases)
        if unexpected or missing:
            raise self._other_model(path)

    def _other_model(self, path: Path) -> ValueError:
        return ValueError(f"the weights at {path} are not those of this model")

    @contextmanager
    def shared(self, place: str) -> Iterator[PreTrainedModel]:
        """The policy kept at ``place`` where all processes use it together."""
        with self.policy(place) as model:
            yield model

    @contextmanager
    def policy(self, place: str) -> Iterator[PreTrainedModel]:
        """The policy kept at ``place`` as a model in evaluation mode, for the length of the block."""
        model = self._model
        if place == GIVEN:
            assert self._given is not None  # places come from the trainer that knows
            model = self._given
        elif place != BASE:
            self.load(place)
        training = model.training
        model.eval()
        try:
            if place == BASE:
                with model.disable_adapter():
                    yield model
            else:
                yield model
        finally:
            model.train(training)

    def discard(self, keep: set[str], last: str) -> None:
        """Delete the weights of passes that are at none of the places to ``keep``.

        Those after the place ``last`` stay: a run that goes on passes the earlier ones once more.
        """
        for path in self._folder.glob("rounds/*/*/weights.safetensors"):
            place = path.relative_to(self._folder).as_posix()
            if place not in keep and _in_order(place) <= _in_order(last):
                path.unlink(missing_ok=True)

    def _weights(self) -> dict[str, Tensor]:
        if self._adapter:
            from peft import get_peft_model_state_dict

            # "auto" would look the base model up on the network.
            found: dict[str, Tensor] = get_peft_model_state_dict(
                self._model, adapter_name=self._model.active_adapter, save_embedding_layers=False
            )
            return found
        weights: dict[str, Tensor] = self._model.state_dict()
        return weights


def _packed(weights: dict[str, Tensor]) -> bytes:
    dropped = {name for group in _aliases(weights) for name in group[1:]}
    plain = {n: t.detach().cpu().contiguous() for n, t in weights.items() if n not in dropped}
    return bytes(save(plain))


def _in_order(place: str) -> tuple[int, ...]:
    """Round and pass of a place."""
    return tuple(map(int, re.findall(r"\d+", place)))


def _aliases(weights: dict[str, Tensor]) -> list[list[str]]:
    """Names that share one tensor, such as tied embeddings, in groups of two or more."""
    owners: dict[tuple[int, torch.Size], list[str]] = {}
    for name, tensor in weights.items():
        owners.setdefault((tensor.data_ptr(), tensor.shape), []).append(name)
    return [names for names in owners.values() if len(names) > 1]
