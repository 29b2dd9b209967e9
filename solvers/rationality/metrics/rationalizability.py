r"""How many steps of reasoning about rationality an action is consistent with.

In each round every player loses, at once, all actions that some mixture of the own surviving ones pays more
against all surviving joint actions of the others [1]_ [2]_. Action a falls if the zero-sum game

.. math::  M_{b, s} = u_i(b, s) - u_i(a, s)

over surviving b and s has a positive value. An action that survives one round is a best response to some
belief; one that survives k rounds, to a belief that the others play what survives k - 1 rounds. With three
players and more, the belief may take the others' actions to be correlated. What survives all rounds is
rationalizable.

.. [1] B. D. Bernheim, "Rationalizable strategic behavior", Econometrica 52, 1984.
.. [2] D. G. Pearce, "Rationalizable strategic behavior and the problem of perfection", Econometrica 52, 1984.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.normal_form import NormalFormGame
from solvers.equilibrium.pivoting import MatrixSimplex

_TOLERANCE = 1e-9  # of the payoff range: smaller advantages are rounding


@dataclass(frozen=True, slots=True, eq=False)
class Elimination:
    """The rounds of elimination of a game.

    Attributes:
        rounds: how many rounds eliminate something.
        survived: per player the number of rounds that each action survives, int64 (n_i,); ``rounds`` for
            those that survive all.
    """

    rounds: int
    survived: tuple[NDArray[np.int64], ...]

    @property
    def rationalizable(self) -> tuple[tuple[int, ...], ...]:
        """Per player the actions that survive all rounds."""
        return tuple(tuple(np.flatnonzero(k == self.rounds).tolist()) for k in self.survived)

    def level(self, player: int, actions: NDArray[np.int64] | list[int]) -> int:
        """Largest k such that all of the given actions survive k rounds, at most ``rounds``.

        Raises:
            ValueError: no actions.
        """
        if not len(actions):
            raise ValueError("actions must hold at least one action")
        return int(self.survived[player][np.asarray(actions, dtype=np.int64)].min())


def eliminate_strictly(game: NormalFormGame) -> Elimination:
    """Eliminate strictly dominated actions, all at once in each round, until none is left.

    Example:
        >>> ring = NormalFormGame.bimatrix([[40, 5], [0, 15]], [[0, 10], [7, 8]])
        >>> eliminate_strictly(ring).survived
        (array([1, 2]), array([0, 2]))
    """
    slack = _TOLERANCE * game.payoff_range
    kept = [np.arange(n) for n in game.num_actions]
    survived = [np.zeros(n, dtype=np.int64) for n in game.num_actions]
    rounds = 0
    while True:
        left = [_undominated(game, player, kept, slack) for player in range(game.num_players)]
        if all(a.size == b.size for a, b in zip(left, kept, strict=True)):
            return Elimination(rounds, tuple(survived))
        kept, rounds = left, rounds + 1
        for k, actions in zip(survived, kept, strict=True):
            k[actions] = rounds


def _undominated(
    game: NormalFormGame, player: int, kept: list[NDArray[np.int64]], slack: float
) -> NDArray[np.int64]:
    """Actions of ``player`` among ``kept`` that no mixture of these dominates."""
    tensor = np.moveaxis(game.payoffs[player][np.ix_(*kept)], player, 0)
    table = tensor.reshape(tensor.shape[0], -1)
    # A best response to certainty of some joint action is dominated by nothing; most are settled so.
    alive = (table >= table.max(axis=0) - slack).any(axis=1)
    for a in np.flatnonzero(~alive):
        gains = table - table[a]
        if (gains.min(axis=1) > slack).any():
            continue
        alive[a] = MatrixSimplex(gains).solve().value <= slack
    chosen: NDArray[np.int64] = kept[player][alive]
    return chosen
