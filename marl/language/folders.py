"""A transformers model from a folder on this disk; nothing is downloaded and no code of the folder is run."""

import hashlib
import os
from pathlib import Path
from typing import Any

from games.errors import MissingDependencyError
from marl.language.in_process import TransformersModel

try:
    from transformers import AutoModelForCausalLM, AutoTokenizer
except ImportError as error:
    raise MissingDependencyError("transformers is needed: pip install 'counterplay[lm]'") from error

PLAIN_TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n\n{% endfor %}"
"""For models that were not taught to talk: messages one after the other, separated by empty lines."""

_BLOCK = 2**20


def model_in_folder(folder: str | os.PathLike[str], *, batch_size: int = 32) -> TransformersModel:
    """The model and the tokenizer that a folder holds, on the processor or the one accelerator that is there.

    Its name has the hash of all files, so that other weights have another name. Weights must be in the
    safetensors format. A tokenizer without a chat template gets `PLAIN_TEMPLATE`.

    Args:
        folder: as ``save_pretrained`` writes it.
        batch_size: the most requests answered together, >= 1.

    Raises:
        ValueError: it is no folder. What it holds may be refused by transformers with errors of its own.
        MissingDependencyError: transformers is not installed.
    """
    place = Path(folder)
    if not place.is_dir():
        raise ValueError(f"folder must be one on this disk, and {os.fspath(folder)!r} is none")
    tokenizer: Any = AutoTokenizer.from_pretrained(place, local_files_only=True)
    model: Any = AutoModelForCausalLM.from_pretrained(place, local_files_only=True, use_safetensors=True)
    if tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN_TEMPLATE
    name = f"transformers {place.resolve().name} {_fingerprint(place)[:16]}"
    return TransformersModel(model, tokenizer, name=name, batch_size=batch_size)


def _fingerprint(folder: Path) -> str:
    """SHA-256 of the names and contents of all files, but for hidden ones."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        total.update(f"{path.name}\n{digest.hexdigest()}\n".encode())
    return total.hexdigest()
