"""Compiled loops over a sequence form.

Shapes: N players, S sequences and H information sets over all players end to end (``FlatTreeplexes``),
E entries. Arguments named ``out`` are modified in place. Nothing here checks its input; the public
functions in ``evaluation`` do.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.extensive.sequence_form import FlatTreeplexes

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@njit(cache=True, nogil=True)
def plans_from_behaviors(flat: FlatTreeplexes, behaviors: Floats, out: Floats) -> None:
    """Multiply move probabilities (S,) down the treeplexes; ``out`` (S,) receives the realization plans."""
    for i in range(flat.sequence_offset.size - 1):
        out[flat.sequence_offset[i]] = 1.0
    for h in range(flat.parent.size):
        reach = out[flat.parent[h]]
        for s in range(flat.first[h], flat.last[h]):
            out[s] = reach * behaviors[s]


@njit(cache=True, nogil=True)
def behaviors_from_plans(flat: FlatTreeplexes, plans: Floats, out: Floats) -> None:
    """Divide the plans (S,) by their parents into ``out`` (S,); uniform where the plan never arrives."""
    for i in range(flat.sequence_offset.size - 1):
        out[flat.sequence_offset[i]] = 1.0
    for h in range(flat.parent.size):
        first, last = flat.first[h], flat.last[h]
        # The actual total, not the parent's value, so that rounding never spoils the sum to one.
        total = 0.0
        for s in range(first, last):
            total += max(plans[s], 0.0)
        for s in range(first, last):
            out[s] = max(plans[s], 0.0) / total if total > 0.0 else 1.0 / (last - first)


@njit(cache=True, nogil=True)
def add_gradient(
    player: int, sequences: Ints, payoff: Floats, flat: FlatTreeplexes, plans: Floats, out: Floats
) -> None:
    """Add to ``out`` (S_player,) the derivative of a multilinear payoff (E,) in the player's own plan."""
    num_players, num_entries = sequences.shape
    own = sequences[player]
    if num_players == 2:
        other = sequences[1 - player]
        shift = flat.sequence_offset[1 - player]
        for e in range(num_entries):
            out[own[e]] += payoff[e] * plans[shift + other[e]]
        return
    for e in range(num_entries):
        reach = payoff[e]
        for j in range(num_players):
            if j != player:
                reach *= plans[flat.sequence_offset[j] + sequences[j, e]]
        out[own[e]] += reach


@njit(cache=True, nogil=True)
def maximise(player: int, flat: FlatTreeplexes, gradient: Floats) -> float:
    """Value of the best plan against ``gradient`` (S_player,), which becomes the sequence values."""
    shift = flat.sequence_offset[player]
    for h in range(flat.infoset_offset[player + 1] - 1, flat.infoset_offset[player] - 1, -1):
        best = gradient[flat.first[h] - shift]
        for s in range(flat.first[h] - shift + 1, flat.last[h] - shift):
            best = max(best, gradient[s])
        gradient[flat.parent[h] - shift] += best
    return float(gradient[0])


@njit(cache=True, nogil=True)
def greedy_plan(player: int, flat: FlatTreeplexes, values: Floats, slack: float, out: Floats) -> None:
    """Pure plan that picks a best sequence at every information set, given the values ``maximise`` left.

    Values within ``slack`` of the best count as ties and the first one wins, so that rounding does not
    change the choice between runs or machines.
    """
    shift = flat.sequence_offset[player]
    out[:] = 0.0
    out[0] = 1.0
    for h in range(flat.infoset_offset[player], flat.infoset_offset[player + 1]):
        first, last = flat.first[h] - shift, flat.last[h] - shift
        best = values[first]
        for s in range(first + 1, last):
            best = max(best, values[s])
        for s in range(first, last):
            if values[s] >= best - slack:
                out[s] = out[flat.parent[h] - shift]
                break


@njit(cache=True, nogil=True)
def regrets_from_plans(
    sequences: Ints, payoff: Floats, flat: FlatTreeplexes, plans: Floats, values: Floats, regrets: Floats
) -> None:
    """Fill ``values`` (N,) with expected payoffs and ``regrets`` (N,) with best-response gains."""
    for i in range(sequences.shape[0]):
        begin, end = flat.sequence_offset[i], flat.sequence_offset[i + 1]
        gradient = np.zeros(end - begin)
        add_gradient(i, sequences, payoff[i], flat, plans, gradient)
        value = 0.0
        for s in range(end - begin):
            value += gradient[s] * plans[begin + s]
        values[i] = value
        regrets[i] = max(maximise(i, flat, gradient) - value, 0.0)


@njit(cache=True, nogil=True)
def multilinear(sequences: Ints, payoff: Floats, flat: FlatTreeplexes, plans: Floats) -> float:
    """Sum over entries of payoff (E,) times every player's plan."""
    total = 0.0
    for e in range(sequences.shape[1]):
        term = payoff[e]
        for j in range(sequences.shape[0]):
            term *= plans[flat.sequence_offset[j] + sequences[j, e]]
        total += term
    return total


@njit(cache=True, nogil=True)
def first_invalid(flat: FlatTreeplexes, behaviors: Floats, tolerance: float) -> int:
    """First information set whose probabilities are negative or do not sum to one; -1 if none."""
    for h in range(flat.parent.size):
        total = 0.0
        for s in range(flat.first[h], flat.last[h]):
            if not behaviors[s] >= -tolerance:  # also refuses NaN
                return h
            total += behaviors[s]
        if not abs(total - 1.0) <= tolerance:
            return h
    return -1
