"""What must hold in the arrays of a ``SequenceForm``; compiled loops index by them unchecked."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.extensive.sequence_form import SequenceForm, Treeplex, Utility

# Entries add up many leaves; this is far above rounding and far below a wrong payoff.
_SUM_TOLERANCE = 1e-9


def validate_form(form: SequenceForm) -> None:
    """Check every invariant of ``SequenceForm`` that its arrays can show.

    That the entries come from one tree is not shown by them.

    Raises:
        ValueError: an invariant is broken; the message names the array and the first place.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # numbers out of all proportion are complained about
        for complaint in _complaints(form):
            raise ValueError(f"sequence form {form.name!r}: {complaint}")


def _complaints(form: SequenceForm) -> Iterator[str]:
    for i, plex in enumerate(form.treeplexes):
        for complaint in _check_treeplex(plex):
            yield f"player {i}: {complaint}"
    yield from _check_entries(form)
    yield from _check_payoffs(form)


def _check_treeplex(plex: Treeplex) -> Iterator[str]:
    sets = len(plex.infosets)
    for name, array, shape, dtype in (
        ("parent", plex.parent, (sets,), np.int32),
        ("start", plex.start, (sets + 1,), np.int32),
        ("action_ids", plex.action_ids, (plex.num_sequences,), np.int64),
    ):
        if array.shape != shape or array.dtype != dtype:
            yield _misfit(name, array, shape, dtype)
    if len(plex.actions) != sets:
        yield f"actions must have one entry for each of {sets} information sets, got {len(plex.actions)}"
    counts = np.fromiter(map(len, plex.actions), np.int64, sets)
    if plex.start[0] != 1 or plex.action_ids[0] != -1:
        yield f"start must begin with 1 and action_ids with -1, got {plex.start[0]} and {plex.action_ids[0]}"
    h = _first((np.diff(plex.start.astype(np.int64)) != counts) | (counts < 1))
    if h >= 0:
        yield f"start[{h}:{h + 2}] is {plex.start[h : h + 2].tolist()}, but {counts[h]} actions have labels"
    h = _first((plex.parent < 0) | (plex.parent >= plex.start[:-1]))
    if h >= 0:
        yield f"parent of information set {h} is {plex.parent[h]}, wanted a sequence below {plex.start[h]}"
    if len(set(plex.infosets)) != sets:
        yield "infosets must have distinct labels"
    for h, actions in enumerate(plex.actions):
        if len(set(actions)) != len(actions):
            yield f"information set {h} has repeated action labels {actions}"


def _check_entries(form: SequenceForm) -> Iterator[str]:
    shape = (form.num_players, form.weight.size)
    for name, array, wanted, dtype in (
        ("sequences", form.sequences, shape, np.int32),
        ("weight", form.weight, shape[1:], np.float64),
        ("payoff", form.payoff, shape, np.float64),
        ("payoff_sq", form.payoff_sq, shape, np.float64),
    ):
        if array.shape != wanted or array.dtype != dtype or array.size == 0:
            yield _misfit(name, array, wanted, dtype)
    limits = np.array(form.num_sequences)[:, None]
    e = _first_entry((form.sequences < 0) | (form.sequences >= limits))
    if e >= 0:
        yield f"entry {e} has sequences {form.sequences[:, e].tolist()} out of {list(form.num_sequences)}"
    step = np.diff(form.sequences.astype(np.int64), axis=1)
    leading = np.take_along_axis(step, (step != 0).argmax(axis=0)[None], axis=0)[0]
    e = _first(leading <= 0)
    if e >= 0:
        yield f"entries {e} and {e + 1} are not distinct and in lexicographic order"


def _check_payoffs(form: SequenceForm) -> Iterator[str]:
    for name, array in (("weight", form.weight), ("payoff", form.payoff), ("payoff_sq", form.payoff_sq)):
        e = _first_entry(~np.isfinite(np.atleast_2d(array)))
        if e >= 0:
            yield f"{name} must be finite, got {array[..., e]} at entry {e}"
    e = _first_entry((form.weight < 0) | (form.payoff_sq < 0))
    if e >= 0:
        yield f"weight and payoff_sq must not be negative, as they are at entry {e}"
    low, high = form.payoff_bounds
    if not (np.isfinite([low, high]).all() and low <= high):
        yield f"payoff_bounds must be two finite numbers in order, got {form.payoff_bounds}"
    slack = _SUM_TOLERANCE * max(abs(low), abs(high)) * np.maximum(form.weight, np.finfo(float).tiny)
    e = _first_entry((form.payoff < low * form.weight - slack) | (form.payoff > high * form.weight + slack))
    if e >= 0:
        yield f"payoff_bounds {form.payoff_bounds} are exceeded at entry {e}"
    e = _first(np.abs(_imbalance(form)) > form.num_players * slack)
    if e >= 0:
        yield f"utility is {form.utility}, but the payoffs at entry {e} are {form.payoff[:, e].tolist()}"


def _imbalance(form: SequenceForm) -> NDArray[np.float64]:
    """How far each entry is from what the utility says, shape (E,)."""
    totals = form.payoff.sum(axis=0)
    if form.utility is Utility.ZERO_SUM:
        return np.asarray(totals)
    if form.utility is Utility.COMMON:
        return np.asarray(np.ptp(form.payoff, axis=0))
    if form.utility is Utility.CONSTANT_SUM:
        heaviest = int(form.weight.argmax())
        constant = totals[heaviest] / form.weight[heaviest] if form.weight[heaviest] else 0.0
        return np.asarray(totals - constant * form.weight)
    return np.zeros_like(totals)


def _misfit(name: str, array: NDArray[Any], shape: tuple[int, ...], dtype: type[np.generic]) -> str:
    return f"{name} must be {np.dtype(dtype)} of shape {shape}, got {array.dtype} of shape {array.shape}"


def _first_entry(broken: NDArray[np.bool_]) -> int:
    """First entry for which any player's row, of shape (players, E), is True; or -1."""
    return _first(np.asarray(broken.any(axis=0)))


def _first(broken: NDArray[np.bool_]) -> int:
    """Index of the first True, or -1."""
    k = int(broken.argmax()) if broken.size else 0
    return k if broken.size and broken[k] else -1
