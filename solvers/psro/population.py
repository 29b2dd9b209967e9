"""Populations of policies and the empirical game between them.

A policy is kept as its realization plan; the payoff of a profile of plans is multilinear, so adding one
policy costs one pass over the game's entries and one matrix-vector product per profile of the players
other than the newcomer and one more.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.extensive import kernels
from games.extensive.sequence_form import Plan, SequenceForm
from games.normal_form import NormalFormGame
from games.profiles import Profile


@dataclass(frozen=True, slots=True, eq=False)
class MetaPlay:
    """What the populations play.

    Attributes:
        form: the game.
        populations: realization plans of each player, shape (policies, S_i).
        profile: mixtures over them, shape (policies,) each.
        plans: realization plans of these mixtures, end to end, shape (S,).
    """

    form: SequenceForm
    populations: tuple[NDArray[np.float64], ...]
    profile: Profile
    plans: NDArray[np.float64]


class Population:
    """The policies of one player: a growing matrix with one realization plan per row."""

    def __init__(self, num_sequences: int) -> None:
        self._buffer = np.empty((8, num_sequences))
        self._size = 0
        self._seen: set[bytes] = set()

    def __len__(self) -> int:
        return self._size

    @property
    def plans(self) -> NDArray[np.float64]:
        """Read-only view of shape (policies, sequences)."""
        view = self._buffer[: self._size]
        view.flags.writeable = False
        return view

    def __contains__(self, plan: Plan) -> bool:
        return _key(plan) in self._seen

    def append(self, plan: Plan) -> None:
        """Add a policy."""
        if self._size == len(self._buffer):
            self._buffer = np.concatenate([self._buffer, np.empty_like(self._buffer)])
        self._buffer[self._size] = plan
        self._size += 1
        self._seen.add(_key(plan))

    def mixture(self, weights: NDArray[np.float64]) -> Plan:
        """Realization plan of drawing a policy by ``weights`` once per play."""
        return weights @ self._buffer[: self._size]


def _key(plan: Plan) -> bytes:
    # Adding zero turns -0.0 into 0.0, which compares equal but has other bytes.
    return (plan + 0.0).tobytes()


class EmpiricalPayoffs:
    """Exact payoffs between all policies of all populations, extended as policies arrive."""

    def __init__(self, form: SequenceForm) -> None:
        self.form = form
        self.populations = tuple(Population(n) for n in form.num_sequences)
        self._table = np.empty((form.num_players, *([0] * form.num_players)))

    @classmethod
    def restore(
        cls, form: SequenceForm, plans: Sequence[NDArray[np.float64]], table: NDArray[np.float64]
    ) -> "EmpiricalPayoffs":
        """Rebuild from the plans of each population and their ``table`` of payoffs, trusted as given."""
        payoffs = cls(form)
        for population, rows in zip(payoffs.populations, plans, strict=True):
            for plan in rows:
                population.append(plan)
        if table.shape != (form.num_players, *(len(p) for p in payoffs.populations)):
            raise ValueError(f"table of shape {table.shape} does not fit the populations")
        payoffs._table = table
        return payoffs

    @property
    def table(self) -> NDArray[np.float64]:
        """Payoffs, shape (N, policies of player 1, ..., policies of player N)."""
        return self._table

    def add(self, player: int, plan: Plan) -> None:
        """Add a policy of ``player`` and compute its payoffs against all the others' policies."""
        self.populations[player].append(plan)
        sizes = [len(p) for p in self.populations]
        sizes[player] = 1
        if 0 not in sizes:
            new = self._payoffs_of(player, plan, sizes)
            # An empty table means this player had no policy before, so the block is the whole table.
            first = self._table.size == 0
            self._table = new if first else np.concatenate([self._table, new], axis=player + 1)

    def game(self) -> NormalFormGame:
        """The empirical game; action k of a player is their policy k."""
        return NormalFormGame(self._table, name=f"empirical game of {self.form.name}")

    def play(self, profile: Profile) -> MetaPlay:
        """What is played by mixtures over the populations."""
        plans = np.concatenate([p.mixture(x) for p, x in zip(self.populations, profile, strict=True)])
        return MetaPlay(self.form, tuple(p.plans for p in self.populations), profile, plans)

    def _payoffs_of(self, player: int, plan: Plan, sizes: Sequence[int]) -> NDArray[np.float64]:
        form = self.form
        # One free player is contracted by a matrix product, the rest by enumeration.
        free = next(i for i in range(form.num_players - 1, -1, -1) if i != player) if len(sizes) > 1 else None
        block = np.empty((form.num_players, *sizes))
        plans = np.zeros(int(form.flat.sequence_offset[-1]))
        pieces = np.split(plans, form.flat.sequence_offset[1:-1])
        pieces[player][:] = plan
        if free is None:
            block[0] = plan @ _gradient(form, 0, 0, plans)
            return block
        others = [i for i in range(form.num_players) if i not in (player, free)]
        for choice in itertools.product(*(range(sizes[i]) for i in others)):
            index: list[int | slice] = [0] * form.num_players
            index[free] = slice(None)
            for i, k in zip(others, choice, strict=True):
                index[i] = k
                pieces[i][:] = self.populations[i].plans[k]
            for i in range(form.num_players):
                block[(i, *index)] = self.populations[free].plans @ _gradient(form, i, free, plans)
        return block


def _gradient(form: SequenceForm, payoff_of: int, player: int, plans: NDArray[np.float64]) -> Plan:
    gradient = np.zeros(form.num_sequences[player])
    kernels.add_gradient(player, form.sequences, form.payoff[payoff_of], form.flat, plans, gradient)
    return gradient
