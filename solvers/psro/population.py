"""Populations of policies and the empirical game between them.

A policy is kept as its realization plan; the payoff of a profile of plans is multilinear, so adding one
policy costs one pass over the game's entries and one matrix-vector product per profile of the players
other than the newcomer and one more. It is paid when the table is first asked for: methods that weigh
policies against the full game never do.
"""

import itertools
import math
import operator
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
        populations: realization plans of each player, shape (policies, S_i). Where what is played is no
            mixture of the policies found so far, it is itself the last row.
        profile: mixtures over them, shape (policies,) each.
        plans: realization plans of these mixtures, end to end, shape (S,).
    """

    form: SequenceForm
    populations: tuple[NDArray[np.float64], ...]
    profile: Profile
    plans: NDArray[np.float64]


@dataclass(slots=True)
class Tally:
    """Questions put to the full game by a run's parts; what only measures progress is not counted.

    Attributes:
        responses: best responses, and passes over the full game of the same cost, such as the values of all
            sequences against a plan.
        cells: payoffs of profiles of policies.
    """

    responses: int = 0
    cells: int = 0


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

    def replace(self, index: int, plan: Plan) -> None:
        """Put another policy in the place of one."""
        self._buffer[index] = plan
        self._seen = {_key(row) for row in self.plans}

    def mixture(self, weights: NDArray[np.float64]) -> Plan:
        """Realization plan of drawing a policy by ``weights`` once per play."""
        return weights @ self._buffer[: self._size]


def _key(plan: Plan) -> bytes:
    # Adding zero turns -0.0 into 0.0, which compares equal but has other bytes.
    return (plan + 0.0).tobytes()


class EmpiricalPayoffs:
    """Populations and the exact payoffs between all their policies, filled in as they are asked for."""

    def __init__(self, form: SequenceForm) -> None:
        self.form = form
        self.populations = tuple(Population(n) for n in form.num_sequences)
        self.tally = Tally()
        self._table = np.empty((form.num_players, *([0] * form.num_players)))

    @classmethod
    def restore(
        cls, form: SequenceForm, plans: Sequence[NDArray[np.float64]], table: NDArray[np.float64]
    ) -> "EmpiricalPayoffs":
        """Rebuild from the plans of each population and the ``filled`` payoffs, trusted as given."""
        payoffs = cls(form)
        for population, rows in zip(payoffs.populations, plans, strict=True):
            for plan in rows:
                population.append(plan)
        sizes = [len(p) for p in payoffs.populations]
        shape = table.shape
        if (
            len(shape) != form.num_players + 1
            or shape[0] != form.num_players
            or any(map(operator.gt, shape[1:], sizes))
        ):
            raise ValueError(f"table of shape {shape} does not fit the populations")
        payoffs._table = table
        return payoffs

    @property
    def filled(self) -> NDArray[np.float64]:
        """The payoffs computed so far, shape (N, policies of player 1, ..., policies of player N)."""
        return self._table

    @property
    def table(self) -> NDArray[np.float64]:
        """Payoffs of all profiles; computes the missing ones."""
        # Player by player, so that what is missing decides the order, whatever was added first.
        filled = list(self._table.shape[1:])
        for player, population in enumerate(self.populations):
            for k in range(filled[player], len(population)):
                sizes = [1 if i == player else n for i, n in enumerate(filled)]
                filled[player] += 1
                if 0 not in sizes:
                    new = self._payoffs_of(player, population.plans[k], sizes)
                    # An empty table means this player had no policy before: the block is the whole table.
                    first = self._table.size == 0
                    self._table = new if first else np.concatenate([self._table, new], axis=player + 1)
        return self._table

    def add(self, player: int, plan: Plan) -> None:
        """Add a policy of ``player``."""
        self.populations[player].append(plan)

    def replace(self, player: int, index: int, plan: Plan) -> None:
        """Put another policy in the place of one, and its payoffs in the place of the old ones."""
        self.populations[player].replace(index, plan)
        if index < self._table.shape[player + 1]:
            sizes = [1 if i == player else n for i, n in enumerate(self._table.shape[1:])]
            place: list[slice | int] = [slice(None)] * self._table.ndim
            place[player + 1] = slice(index, index + 1)
            self._table = self._table.copy()  # games handed out keep the payoffs they had
            self._table[tuple(place)] = self._payoffs_of(player, plan, sizes)

    def game(self) -> NormalFormGame:
        """The empirical game; action k of a player is their policy k."""
        return NormalFormGame(self.table, name=f"empirical game of {self.form.name}")

    def play(self, profile: Profile) -> MetaPlay:
        """What is played by mixtures over the populations."""
        plans = np.concatenate([p.mixture(x) for p, x in zip(self.populations, profile, strict=True)])
        return MetaPlay(self.form, tuple(p.plans for p in self.populations), profile, plans)

    def _payoffs_of(self, player: int, plan: Plan, sizes: Sequence[int]) -> NDArray[np.float64]:
        form = self.form
        self.tally.cells += math.prod(sizes)
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
                block[(i, *index)] = self.populations[free].plans[: sizes[free]] @ _gradient(
                    form, i, free, plans
                )
        return block


def _gradient(form: SequenceForm, payoff_of: int, player: int, plans: NDArray[np.float64]) -> Plan:
    gradient = np.zeros(form.num_sequences[player])
    kernels.add_gradient(player, form.sequences, form.payoff[payoff_of], form.flat, plans, gradient)
    return gradient
