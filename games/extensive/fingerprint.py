"""A digest by which two sequence forms are told apart."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from games.extensive.sequence_form import SequenceForm


def fingerprint(form: SequenceForm) -> str:
    """SHA-256, 64 hex digits, of the arrays and labels of a form; its name and source do not count.

    It is the same on every machine. Forms share it only if they are the same game in the same order.
    """
    digest = hashlib.sha256()
    for _, content in _parts(form):
        # With its length before it, no part can pass for the end or the beginning of another.
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()


def first_difference(one: SequenceForm, other: SequenceForm) -> str | None:
    """The name of the first part in which two forms differ, or None if they share their fingerprint."""
    for a, b in zip_longest(_parts(one), _parts(other)):
        if a != b:
            return str((a or b)[0])
    return None


def _parts(form: SequenceForm) -> Iterator[tuple[str, bytes]]:
    yield "number of players", form.num_players.to_bytes(8, "little")
    yield "utility", form.utility.value.encode()
    yield "payoff_bounds", _floats(np.array(form.payoff_bounds, np.float64))
    for i, plex in enumerate(form.treeplexes):
        yield f"parent of player {i}", _integers(plex.parent)
        yield f"start of player {i}", _integers(plex.start)
        yield f"action_ids of player {i}", _integers(plex.action_ids)
        yield f"infosets of player {i}", _labels(plex.infosets)
        yield f"actions of player {i}", _labels(label for labels in plex.actions for label in labels)
    yield "sequences", _integers(form.sequences)
    yield "weight", _floats(form.weight)
    yield "payoff", _floats(form.payoff)
    yield "payoff_sq", _floats(form.payoff_sq)


def _integers(array: NDArray[np.int32] | NDArray[np.int64]) -> bytes:
    return array.astype("<i8").tobytes()


def _floats(array: NDArray[np.float64]) -> bytes:
    return (array + 0.0).astype("<f8").tobytes()  # adding zero turns -0.0 into 0.0


def _labels(labels: Iterable[str]) -> bytes:
    # Labels of games read elsewhere may hold half characters; they count as well.
    pieces = [label.encode("utf-8", "surrogatepass") for label in labels]
    return b"".join(len(piece).to_bytes(8, "little") + piece for piece in pieces)
