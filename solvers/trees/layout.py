r"""A sequence form laid out for compiled sweeps: blocks of alike information sets, rows of alike length.

*Blocks.* The information sets of a player that lie equally deep in their treeplex and have equally many
actions form a block of n sets with w actions. Action a of the k-th set has the place ``begin + a n + k``, so
one instruction treats the same action of several information sets, and no set of a block waits for another.

*Rows.* The gradient of player i in their plan is a sparse matrix times the other's plan (with several
others, a sum of products). Consecutive rows that hold equally many numbers form a segment, stored column by
column, so that the inner loop again runs over rows. Information sets within a block are sorted by these
lengths. Entries that pay nothing are left out.

Building costs a few sorts of the entries. Memory: 12 bytes per paying entry and player, 4 more for each
player beyond two.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.extensive.sequence_form import FlatTreeplexes, SequenceForm

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Rows of a segment: what they gather into stays in the first cache while its columns pass.
_LONGEST_SEGMENT = 1024
_HASH_BASE = np.uint64(0x9E3779B97F4A7C15)


class Blocks(NamedTuple):
    """The treeplexes as blocks; N players, B blocks, H information sets, S sequences.

    Attributes:
        sequence_offset: int64 (N + 1,), places of player i are ``[offset[i], offset[i + 1])``; the first of
            them is the empty sequence.
        block_offset: int64 (N + 1,), blocks of each player, shallow ones first.
        begin: int64 (B,), first place of each block.
        size: int64 (B,), information sets in it.
        width: int64 (B,), actions of each of them.
        slot: int64 (B,), its first information set in ``parent``.
        parent: uint32 (H,), place of the sequence that leads to each information set.
    """

    sequence_offset: IntArray
    block_offset: IntArray
    begin: IntArray
    size: IntArray
    width: IntArray
    slot: IntArray
    parent: NDArray[np.uint32]


class Segments(NamedTuple):
    """All players' payoff matrices; G segments, Z numbers.

    Attributes:
        offset: int64 (N + 1,), segments of each player.
        row: int64 (G,), place of the first row.
        size: int64 (G,), number of rows.
        length: int64 (G,), numbers in each of these rows.
        start: int64 (G,), where they begin in ``values``; the j-th of row r is at ``start + j size + r``.
        values: float64 (Z,), payoffs.
        columns: uint32 (N - 1, Z), places of the other players' sequences, in the order of the players.
    """

    offset: IntArray
    row: IntArray
    size: IntArray
    length: IntArray
    start: IntArray
    values: FloatArray
    columns: NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A game laid out.

    Attributes:
        blocks: the treeplexes.
        segments: the payoffs.
        place: int64 (S,), where each sequence of the form, players end to end, has gone.
    """

    blocks: Blocks
    segments: Segments
    place: IntArray

    def restored(self, array: FloatArray) -> FloatArray:
        """An array over places, shape (S,), in the order of the form."""
        return array[self.place]

    def laid_out(self, array: FloatArray) -> FloatArray:
        """An array in the order of the form, shape (S,), over places."""
        out = np.empty_like(array)
        out[self.place] = array
        return out


def lay_out(form: SequenceForm) -> Layout:
    """Lay a game out; any number of players."""
    lengths = _row_lengths(form)
    blocks, place = _blocks(form.flat, lengths)
    return Layout(blocks, _segments(form, place), place)


def _row_lengths(form: SequenceForm) -> IntArray:
    """Entries with a payoff to the sequence's own player, players end to end, shape (S,)."""
    parts = [
        np.bincount(own[pay != 0.0], minlength=size)
        for own, pay, size in zip(form.sequences, form.payoff, form.num_sequences, strict=True)
    ]
    return np.concatenate(parts).astype(np.int64)


def _blocks(flat: FlatTreeplexes, lengths: IntArray) -> tuple[Blocks, IntArray]:
    players = flat.sequence_offset.size - 1
    widths = flat.last - flat.first
    total = int(flat.sequence_offset[-1])
    place = np.empty(total, np.int64)
    place[flat.sequence_offset[:-1]] = flat.sequence_offset[:-1]
    owner = np.repeat(np.arange(players), np.diff(flat.infoset_offset))
    levels = _levels(flat, total)
    order = np.lexsort((_signatures(flat, lengths), widths, levels, owner))
    keys = np.stack([owner, levels, widths])[:, order]
    new = np.ones(order.size, np.bool_)
    new[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    slot = np.flatnonzero(new)
    size = np.diff(np.append(slot, order.size))
    owner, _, width = keys[:, slot]
    # Every player has their empty sequence before their blocks.
    begin = np.cumsum(size * width) - size * width + owner + 1
    block = np.cumsum(new) - 1
    within = np.arange(order.size) - slot[block]
    repeats = widths[order]
    action = np.arange(int(repeats.sum())) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    place[np.repeat(flat.first[order], repeats) + action] = np.repeat(
        begin[block] + within, repeats
    ) + action * np.repeat(size[block], repeats)
    blocks = Blocks(
        flat.sequence_offset,
        np.searchsorted(owner, np.arange(players + 1)).astype(np.int64),
        begin.astype(np.int64),
        size.astype(np.int64),
        width.astype(np.int64),
        slot.astype(np.int64),
        place[flat.parent[order]].astype(np.uint32),
    )
    return blocks, place


@njit(cache=True, nogil=True)
def _levels(flat: FlatTreeplexes, num_sequences: int) -> IntArray:
    """How many own information sets lie above each information set, shape (H,)."""
    of_sequence = np.zeros(num_sequences, np.int64)
    levels = np.empty(flat.parent.size, np.int64)
    for h in range(flat.parent.size):
        levels[h] = of_sequence[flat.parent[h]]
        of_sequence[flat.first[h] : flat.last[h]] = levels[h] + 1
    return levels


def _signatures(flat: FlatTreeplexes, lengths: IntArray) -> NDArray[np.uint64]:
    """A number per information set, equal where the rows of its actions have equal lengths, shape (H,)."""
    if not flat.first.size:
        return np.empty(0, np.uint64)
    widths = flat.last - flat.first
    powers = np.multiply.accumulate(np.full(int(widths.max()), _HASH_BASE))  # wraps around, as hashes do
    sequences = np.ones(lengths.size, np.bool_)
    sequences[flat.sequence_offset[:-1]] = False
    action = np.arange(int(widths.sum())) - np.repeat(np.cumsum(widths) - widths, widths)
    terms = lengths[sequences].astype(np.uint64) * powers[action]
    return np.asarray(np.add.reduceat(terms, np.cumsum(widths) - widths))


def _segments(form: SequenceForm, place: IntArray) -> Segments:
    shifted = form.sequences + form.flat.sequence_offset[:-1, None]
    parts = []
    begun = 0
    for i in range(form.num_players):
        pays = np.flatnonzero(form.payoff[i])
        places = place[shifted[:, pays]]
        part = _player_segments(places[i], np.delete(places, i, axis=0), form.payoff[i, pays])
        parts.append(part._replace(start=part.start + begun))
        begun += part.values.size
    return Segments(
        np.cumsum([0] + [part.row.size for part in parts]).astype(np.int64),
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.size for part in parts]),
        np.concatenate([part.length for part in parts]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.columns for part in parts], axis=1),
    )


def _player_segments(rows: IntArray, columns: IntArray, payoffs: FloatArray) -> Segments:
    """The matrix of one player, from entries (Z,) in any order; ``columns`` has shape (N - 1, Z)."""
    order = np.lexsort((*columns[::-1], rows))
    rows = rows[order]
    used, first, lengths = np.unique(rows, return_index=True, return_counts=True)
    new = np.ones(used.size, np.bool_)
    new[1:] = (np.diff(used) != 1) | (np.diff(lengths) != 0)
    run = np.maximum.accumulate(np.where(new, np.arange(used.size), 0))
    new |= (np.arange(used.size) - run) % _LONGEST_SEGMENT == 0
    heads = np.flatnonzero(new)
    count = np.diff(np.append(heads, used.size))
    start = np.cumsum(count * lengths[heads]) - count * lengths[heads]
    segment = np.cumsum(new) - 1
    # Number j of the r-th row of a segment goes to start + j * count + r.
    j = np.arange(rows.size) - np.repeat(first, lengths)
    base = np.repeat(start[segment] + np.arange(used.size) - heads[segment], lengths)
    target = base + j * np.repeat(count[segment], lengths)
    values = np.empty(rows.size)
    values[target] = payoffs[order]
    placed = np.empty(columns.shape, np.uint32)
    placed[:, target] = columns[:, order]
    return Segments(
        np.array([0, heads.size]), used[heads], count, lengths[heads], start.astype(np.int64), values, placed
    )
