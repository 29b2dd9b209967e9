r"""Symmetric games: every player can take every other's part, proved on the entries of the sequence form.

A game is symmetric here if for each player k there is a bijection f_k from the sequences of player 0 to those
of player k, respecting information sets, such that exchanging the two players exchanges their payoffs:

.. math::
    u_0(f_k^{-1}(r_k), r_{-0k}, f_k(r_0)) = u_k(r), \qquad
    u_j(f_k^{-1}(r_k), r_{-0k}, f_k(r_0)) = u_j(r) \quad (j \ne 0, k)

for all plans r, and likewise for squared payoffs, so that variances are exchanged too. Then one population
of policies of player 0 serves all seats, and the payoffs of a profile of such policies depend only on who
plays what, not on the seats. Two consequences of the definition: a game of two players must have an exchange
that is its own inverse, which matching pennies lacks (it has one of order four), and in games of three and
more nobody may be able to tell two others apart.

Candidates are found by colour refinement [1]_: sequences, information sets and entries get hashes that depend
on their surroundings, with the roles of both players as they are and exchanged. Where hashes leave a choice,
one pair of sequences is matched for a trial, and hashes are spread again. Whatever is found is checked entry
by entry; the search can miss a symmetry only where it says that it gave up.

.. [1] B. D. McKay and A. Piperno, "Practical graph isomorphism, II", Journal of Symbolic Computation 60,
   2014.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.extensive.sequence_form import Plan, SequenceForm
from games.extensive.symmetry_search import Exchange

Integers = NDArray[np.int64]

DEFAULT_TRIALS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """How each player takes the part of player 0.

    Attributes:
        form: the game.
        sequences: for each player k, int64 (S,): the sequence of player k that plays the part of each
            sequence of player 0.
    """

    form: SequenceForm
    sequences: tuple[Integers, ...]

    def to_seat(self, policy: Plan, player: int) -> Plan:
        """A policy of player 0, as plan or behavior of shape (S,), in the seat of ``player``."""
        seated = np.empty_like(policy)
        seated[self.sequences[player]] = policy
        return seated

    def from_seat(self, policy: Plan, player: int) -> Plan:
        """A policy of ``player``, as plan or behavior of shape (S,), in the seat of player 0."""
        return policy[self.sequences[player]]


def symmetry_of(form: SequenceForm, *, trials: int = DEFAULT_TRIALS) -> Symmetry:
    """Prove that a game is symmetric.

    Args:
        form: the game.
        trials: most matchings tried for each pair of players; each costs a few passes over the entries.

    Raises:
        UnsupportedGameError: the game is not symmetric, and in what; or the trials ended first.
        ValueError: ``trials`` is below 1.

    Example:
        >>> from games.extensive.folding import fold
        >>> from games.extensive.normal_form import from_normal_form
        >>> from games.normal_form import NormalFormGame
        >>> chicken = NormalFormGame.bimatrix([[2, 6], [0, 7]], [[7, 6], [0, 2]])  # columns turned round
        >>> symmetry_of(fold(from_normal_form(chicken))).sequences[1]
        array([0, 2, 1])
    """
    if trials < 1:
        raise ValueError(f"trials must be at least 1, got {trials}")
    identity = np.arange(form.num_sequences[0])
    found = [identity]
    for player in range(1, form.num_players):
        difference = _difference(form, player)
        if difference:
            raise UnsupportedGameError(f"{form.name} is not symmetric: {difference}")
        exchange = Exchange(form, player, trials)
        match = exchange.find()
        if match is None and exchange.exhausted:
            raise UnsupportedGameError(
                f"{form.name} is not known to be symmetric: trials={trials} matchings of players 0 and "
                f"{player} neither found a symmetry nor excluded it"
            )
        if match is None:
            raise UnsupportedGameError(
                f"{form.name} is not symmetric: players 0 and {player} have decisions of one shape, but no "
                "way to exchange them exchanges their payoffs and leaves everybody else's as they are"
            )
        found.append(match)
    return Symmetry(form, tuple(found))


def _difference(form: SequenceForm, player: int) -> str:
    """In what the decision points of a player differ from those of player 0; "" if in nothing countable."""
    shapes = []
    for i in (0, player):
        plex = form.treeplexes[i]
        depth = np.zeros(plex.num_sequences, np.int64)
        counts: dict[tuple[int, int], int] = {}
        for h in range(plex.num_infosets):
            first, last = int(plex.start[h]), int(plex.start[h + 1])
            depth[first:last] = depth[plex.parent[h]] + 1
            kind = (int(depth[first]), last - first)
            counts[kind] = counts.get(kind, 0) + 1
        shapes.append(counts)
    for move, actions in sorted(shapes[0].keys() | shapes[1].keys()):
        here, there = (counts.get((move, actions), 0) for counts in shapes)
        if here != there:
            return (
                f"player 0 has {here} information sets with {actions} actions at the own move number {move}, "
                f"player {player} has {there}"
            )
    return ""
