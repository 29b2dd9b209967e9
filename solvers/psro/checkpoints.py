"""What the checkpoints of all runs share: settings that must agree, and the generator's place."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from games.errors import FileFormatError

_BIT_GENERATORS = {
    kind.__name__: kind
    for kind in (
        np.random.MT19937,
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.Philox,
        np.random.SFC64,
    )
}


def check_settings(place: str, found: object, settings: Mapping[str, Any]) -> None:
    """Compare the settings in a checkpoint with those of the run that wants to go on from it.

    Args:
        place: the file, for messages.
        found: what the file holds in their place.
        settings: those of the run.

    Raises:
        FileFormatError: the file holds no settings.
        ValueError: some differ; the message names them.
    """
    if not isinstance(found, dict):
        raise FileFormatError(f"{place} is not a whole checkpoint: it holds no settings")
    changed = [key for key in settings if found.get(key) != settings[key]]
    if changed:
        raise ValueError(
            f"checkpoint {place} was made with other settings: {', '.join(changed)} differ; "
            "resume with the same ones or write to another file"
        )


def generator_text(rng: np.random.Generator) -> str:
    """Where a generator is; as text, since its 128-bit integers do not survive every JSON reader."""
    return json.dumps(rng.bit_generator.state, default=lambda array: array.tolist())


def generator_at(text: str) -> np.random.Generator:
    """The generator that ``generator_text`` described.

    Raises:
        ValueError: the text describes none.
        TypeError: neither does its type.
        KeyError: part of the description is missing.
    """
    state = json.loads(text)
    bits = _BIT_GENERATORS[state["bit_generator"]]()
    bits.state = state
    return np.random.Generator(bits)


def digest(groups: Iterable[Iterable[ArrayLike]]) -> str:
    """Groups of arrays as a word to compare by."""
    word = hashlib.sha256()
    for group in groups:
        for array in group:
            word.update(np.asarray(array, dtype=np.float64).tobytes() + b"|")
        word.update(b"/")
    return word.hexdigest()
