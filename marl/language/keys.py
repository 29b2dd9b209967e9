"""What tells questions apart: a hash of all that an answer depends on, and a seed for each replicate."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np

from marl.language.model import Request, Sampling

_SAMPLING_FIELDS = tuple(field.name for field in dataclasses.fields(Sampling))


def question_key(name: str, request: Request, options: Sequence[str] | None = None) -> str:
    """SHA-256, as 64 hexadecimal digits.

    Args:
        name: identity of the model.
        request: what is asked. All of it counts for a text; for a choice, where nothing is drawn, only the
            messages and the replicate do.
        options: what to choose among, in their order, or None for a text.
    """
    sampling = None if options is not None else {f: getattr(request.sampling, f) for f in _SAMPLING_FIELDS}
    question = {
        "version": 1,
        "model": name,
        "messages": [[message.role.value, message.content] for message in request.messages],
        "sampling": sampling,
        "replicate": request.replicate,
        "options": None if options is None else list(options),
    }
    canonical = json.dumps(question, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def replicate_seed(seed: int, replicate: int) -> int:
    """A seed for each replicate, the given one for the first; those made here have 31 bits."""
    if not replicate:
        return seed
    return int(np.random.SeedSequence([seed, replicate]).generate_state(1)[0] >> 1)
