r"""Two-player constant-sum games on treeplexes that arise inside a PSRO iteration.

All are bilinear, :math:`\max_x \min_y x^\top A y`, with x and y realization plans:

*The restricted tree* [1]_ keeps, at every information set that a player's policies may reach, the actions
that some of these policies take there. With k policies it holds far more plans than their mixtures do.

*The mixture game* of a player lets them mix over their population, while the opponent may play
anything: its value to the player is what the best mixture is worth against an opponent who exploits it [2]_.
The player's treeplex is then one information set with a policy per action.

.. [1] S. McAleer, J. Lanier, K. A. Wang, P. Baldi, R. Fox, "XDO: a double oracle algorithm for
   extensive-form games", NeurIPS 2021.
.. [2] S. McAleer, K. A. Wang, J. Lanier, M. Lanctot, P. Baldi, T. Sandholm, R. Fox, "Anytime PSRO for
   two-player zero-sum games", 2022.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from games.errors import UnsupportedGameError
from games.extensive import kernels
from games.extensive.sequence_form import FlatTreeplexes, Plan, SequenceForm, Utility

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BilinearGame:
    """A two-player constant-sum game on a pair of treeplexes; E entries, S sequences of both end to end.

    Attributes:
        flat: the treeplexes.
        sequences: int32 (2, E), the players' sequences of each entry.
        payoff: float64 (2, E), what the entries pay to each player.
        payoff_range: unit of tolerances.
    """

    flat: FlatTreeplexes
    sequences: NDArray[np.int32]
    payoff: FloatArray
    payoff_range: float

    @property
    def matrix(self) -> csr_array:
        """Payoffs to the first player, sparse, shape (S_0, S_1)."""
        offset = self.flat.sequence_offset
        shape = (int(offset[1]), int(offset[2] - offset[1]))
        return csr_array(coo_array((self.payoff[0], tuple(self.sequences)), shape=shape))

    def gap(self, plans: FloatArray) -> float:
        """NashConv of plans end to end, shape (S,), within this game."""
        gains = np.empty(2)
        kernels.regrets_from_plans(self.sequences, self.payoff, self.flat, plans, np.empty(2), gains)
        return float(gains.sum())


@dataclass(frozen=True, slots=True, eq=False)
class RestrictedTree:
    """The tree that populations span.

    Attributes:
        game: the restricted game.
        kept: indices of the sequences of the full game that it keeps, per player.
    """

    game: BilinearGame
    kept: tuple[NDArray[np.int64], NDArray[np.int64]]

    def lift(self, form: SequenceForm, plans: FloatArray) -> tuple[Plan, Plan]:
        """Plans of the full game, zero on what is not kept."""
        lifted = []
        pieces = np.split(plans, self.game.flat.sequence_offset[1:-1])
        for player, (kept, piece) in enumerate(zip(self.kept, pieces, strict=True)):
            plan = np.zeros(form.num_sequences[player])
            plan[kept] = piece
            lifted.append(plan)
        return lifted[0], lifted[1]


def require_two_player_constant_sum(form: SequenceForm, part: str) -> None:
    """Refuse games in which exploitability against the full game is no minimax problem.

    Raises:
        UnsupportedGameError: not two players, or payoffs that are not constant-sum.
    """
    if form.num_players != 2 or form.utility not in (Utility.ZERO_SUM, Utility.CONSTANT_SUM):
        raise UnsupportedGameError(
            f"{part} needs a two-player constant-sum game; {form.name} has {form.num_players} players and "
            f"{form.utility} payoffs. PSRO with the exact oracle and the risk_averse meta-solver at gamma=0 "
            "takes any game"
        )


def restricted_tree(form: SequenceForm, populations: Sequence[FloatArray]) -> RestrictedTree:
    """The game in which both may take, wherever their policies arrive, every action some policy takes.

    Args:
        form: a two-player game.
        populations: realization plans of each player, shape (policies, S_i).
    """
    masks: list[NDArray[np.bool_]] = [np.asarray(np.any(plans > 0.0, axis=0)) for plans in populations]
    kept = [np.flatnonzero(mask) for mask in masks]
    new = [np.cumsum(mask) - 1 for mask in masks]
    plexes = []
    for plex, mask, index in zip(form.treeplexes, masks, new, strict=True):
        # A plan that takes a sequence goes on at each information set below it: none of these is empty.
        inside = mask[plex.parent]
        counts = np.diff(np.cumsum(mask)[plex.start - 1])
        starts = np.concatenate(([1], 1 + np.cumsum(counts[inside])))
        plexes.append((index[plex.parent[inside]], starts))
    both = masks[0][form.sequences[0]] & masks[1][form.sequences[1]]
    sequences = np.stack([index[own[both]] for index, own in zip(new, form.sequences, strict=True)])
    game = BilinearGame(_flatten(plexes), sequences.astype(np.int32), form.payoff[:, both], form.payoff_range)
    return RestrictedTree(game, (kept[0], kept[1]))


def mixture_game(form: SequenceForm, population: FloatArray, player: int) -> BilinearGame:
    """The game of ``player``'s mixtures, as first player, against everything the other may do.

    Args:
        form: a two-player game.
        population: realization plans of ``player``, shape (policies, S_player).
        player: who mixes.

    Returns:
        The mixing player's plan is (1, weights).
    """
    other = form.treeplexes[1 - player]
    shape = (form.num_sequences[player], form.num_sequences[1 - player])
    index = (form.sequences[player], form.sequences[1 - player])
    tables = [
        population @ csr_array(coo_array((form.payoff[i], index), shape=shape)) for i in (player, 1 - player)
    ]
    rows, columns = np.nonzero((tables[0] != 0.0) | (tables[1] != 0.0))
    single = (np.zeros(1, np.int64), np.array([1, 1 + len(population)]))
    return BilinearGame(
        _flatten([single, (other.parent.astype(np.int64), other.start.astype(np.int64))]),
        np.stack([rows + 1, columns]).astype(np.int32),
        np.stack([table[rows, columns] for table in tables]),
        form.payoff_range,
    )


def simplex_game(form: SequenceForm, player: int, rows: FloatArray) -> BilinearGame:
    """The game in which ``player`` picks a plan and an adversary the worst of several linear payoffs.

    Args:
        form: the game whose treeplex it is.
        player: the first player of the new game.
        rows: payoffs of the player's sequences, shape (K, S_player), one row per choice of the adversary.
    """
    plex = form.treeplexes[player]
    choices, columns = np.nonzero(rows)
    pay = rows[choices, columns]
    single = (np.zeros(1, np.int64), np.array([1, 1 + len(rows)]))
    return BilinearGame(
        _flatten([(plex.parent.astype(np.int64), plex.start.astype(np.int64)), single]),
        np.stack([columns, choices + 1]).astype(np.int32),
        np.stack([pay, -pay]),
        form.payoff_range,
    )


def _flatten(plexes: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> FlatTreeplexes:
    """Parents (H,) and starts (H + 1,) of each player, end to end."""
    sequence_offset = np.cumsum([0] + [int(start[-1]) for _, start in plexes])
    infoset_offset = np.cumsum([0] + [parent.size for parent, _ in plexes])
    shifted = [(*plex, shift) for plex, shift in zip(plexes, sequence_offset[:-1], strict=True)]
    return FlatTreeplexes(
        sequence_offset.astype(np.int64),
        infoset_offset.astype(np.int64),
        np.concatenate([parent + shift for parent, _, shift in shifted]).astype(np.int64),
        np.concatenate([start[:-1] + shift for _, start, shift in shifted]).astype(np.int64),
        np.concatenate([start[1:] + shift for _, start, shift in shifted]).astype(np.int64),
    )
