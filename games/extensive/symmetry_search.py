"""The search for an exchange of two players; see ``games.extensive.symmetry``."""

import numpy as np
from numpy.typing import NDArray

from games.extensive.sequence_form import SequenceForm

Hashes = NDArray[np.uint64]
Integers = NDArray[np.int64]

# Payoffs of one cell added in another order differ by rounding; of the largest payoff.
_ROUNDING = 1e-12

Pair = tuple[int, int]
"""A sequence of player 0 and the sequence of the other player that it is matched with."""


class Exchange:
    """Matches the sequences of player 0 with those of another player.

    Args:
        form: the game.
        player: the other player.
        trials: most matchings to try.
    """

    def __init__(self, form: SequenceForm, player: int, trials: int) -> None:
        self._form = form
        self._player = player
        self._left = trials
        self.exhausted = False
        flat = form.flat
        count = int(flat.sequence_offset[-1])
        self._entry_sequences = form.sequences + flat.sequence_offset[:-1, None]
        owner = np.repeat(np.arange(form.num_players), np.diff(flat.sequence_offset))
        self._children = np.setdiff1d(np.arange(count), flat.sequence_offset[:-1])
        self._child_set = np.repeat(np.arange(flat.parent.size), flat.last - flat.first)
        # Roles as they are, and exchanged.
        self._views = [np.arange(form.num_players), np.arange(form.num_players)]
        self._views[1][[0, player]] = player, 0
        # The others' sequences keep their places, so each has a colour of its own from the start.
        apart = (owner != 0) & (owner != player)
        colours = np.where(apart, np.arange(count) + form.num_players, 0)
        unit = count + form.num_players
        self._start = [_mix((colours + role[owner] * unit).astype(np.uint64)) for role in self._views]
        payoff, square = _classes(form.payoff), _classes(form.payoff_sq)
        self._entry_start = []
        for role in self._views:
            word = _mix(_classes(form.weight))
            for i in role.tolist():
                word = _mix(_mix(word ^ _mix(payoff[i])) ^ _mix(square[i]))
            self._entry_start.append(word)

    def find(self) -> Integers | None:
        """The sequence of the player for each sequence of player 0, int64 (S,); None where none is found.

        Afterwards ``exhausted`` tells whether the trials ended before the search did.
        """
        waiting: list[list[Pair]] = [[]]
        while waiting:
            if self._left == 0:
                self.exhausted = True
                return None
            self._left -= 1
            pairs = waiting.pop()
            here = self._part(self._colours(0, pairs), 0)
            there = self._part(self._colours(1, pairs), self._player)
            if not np.array_equal(np.sort(here), np.sort(there)):
                continue
            match = self._descend(here, there)
            if match is not None and self._holds(match):
                return match
            # Match one pair for a trial: the first sequence that has a choice, with each of its candidates.
            _, first, counts = np.unique(here, return_index=True, return_counts=True)
            if counts.max() > 1:
                s = int(first[counts > 1].min())
                candidates = np.flatnonzero(there == here[s]).tolist()
                waiting.extend([*pairs, (s, t)] for t in reversed(candidates))
        return None

    def _part(self, colours: Hashes, player: int) -> Hashes:
        offset = self._form.flat.sequence_offset
        return colours[offset[player] : offset[player + 1]]

    def _colours(self, view: int, pairs: list[Pair]) -> Hashes:
        """Hashes of all sequences in a view, spread until they tell no more apart."""
        flat, role = self._form.flat, self._views[view]
        colour = self._start[view].copy()
        offset = flat.sequence_offset
        for k, (s, t) in enumerate(pairs):
            # The exchange is its own inverse: each pair is matched both ways.
            a, b = int(offset[0]) + s, int(offset[self._player]) + t
            if view:
                a, b = b, a
            colour[a], colour[b] = _mix(np.array([2 * k + 1, 2 * k + 2], np.uint64) ^ colour[[a, b]])
        classes = 0
        while (now := np.unique(colour).size) > classes:
            classes = now
            entry = self._entry_start[view]
            for i in range(self._form.num_players):
                entry = _mix(entry ^ _mix(colour[self._entry_sequences[role[i]]]))
            # Sums do not depend on an order; they wrap around at 2**64.
            below = np.zeros(flat.parent.size, np.uint64)
            np.add.at(below, self._child_set, _mix(colour[self._children]))
            sets = _mix(below ^ _mix(colour[flat.parent]))
            around = np.zeros_like(colour)
            for row in self._entry_sequences:
                np.add.at(around, row, entry)
            np.add.at(around, flat.parent, sets)
            colour = _mix(colour ^ _mix(around))
            colour[self._children] ^= _mix(sets[self._child_set])
        return colour

    def _descend(self, here: Hashes, there: Hashes) -> Integers | None:
        """Match from the roots down by colour, equal colours in their order; None where the shapes differ."""
        one, other = self._form.treeplexes[0], self._form.treeplexes[self._player]
        below = [_below(plex.parent, plex.num_sequences) for plex in (one, other)]
        match = np.zeros(one.num_sequences, np.int64)
        waiting = [0]
        while waiting:
            s = waiting.pop()
            sets, images = below[0][s], below[1][int(match[s])]
            if len(sets) != len(images):
                return None
            # The first action's colour tells information sets apart as well as all colours do in most games;
            # where it does not, the check fails and a pair is matched for a trial.
            mine = sorted(sets, key=lambda h: (int(here[one.start[h] : one.start[h + 1]].min()), h))
            theirs = sorted(images, key=lambda h: (int(there[other.start[h] : other.start[h + 1]].min()), h))
            for h, g in zip(mine, theirs, strict=True):
                a = np.arange(one.start[h], one.start[h + 1])
                b = np.arange(other.start[g], other.start[g + 1])
                if a.size != b.size:
                    return None
                match[a[np.argsort(here[a], kind="stable")]] = b[np.argsort(there[b], kind="stable")]
                waiting.extend(a.tolist())
        return match

    def _holds(self, match: Integers) -> bool:
        """Whether the exchange maps the entries onto themselves and exchanges the payoffs, all checked."""
        form, k = self._form, self._player
        back = np.empty_like(match)
        back[match] = np.arange(match.size)
        moved = form.sequences.copy()
        moved[0], moved[k] = back[form.sequences[k]], match[form.sequences[0]]
        order = np.lexsort(moved[::-1])
        if not np.array_equal(moved[:, order], form.sequences):
            return False
        role = self._views[1]
        return all(
            float(np.abs(values[..., order] - wanted).max()) <= _ROUNDING * float(np.abs(wanted).max())
            for values, wanted in (
                (form.payoff[role], form.payoff),
                (form.payoff_sq[role], form.payoff_sq),
                (form.weight, form.weight),
            )
        )


def _below(parent: NDArray[np.int32], num_sequences: int) -> list[list[int]]:
    """Information sets under each sequence."""
    found: list[list[int]] = [[] for _ in range(num_sequences)]
    for h, s in enumerate(parent.tolist()):
        found[s].append(h)
    return found


def _classes(values: NDArray[np.float64]) -> Hashes:
    """Numbers for values, the same for values that differ by rounding; of the shape of ``values``."""
    flat = values.ravel()
    order = np.argsort(flat, kind="stable")
    slack = _ROUNDING * float(np.abs(flat).max())
    steps = np.diff(flat[order], prepend=flat[order[0]]) > slack
    numbers = np.empty(flat.size, np.uint64)
    numbers[order] = np.cumsum(steps)
    return numbers.reshape(values.shape)


def _mix(words: Hashes) -> Hashes:
    """Scramble 64-bit words (the finaliser of splitmix64)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
