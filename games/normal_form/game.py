"""Normal-form games.

A game of N players is a tensor u of shape (N, n_1, ..., n_N): u[i, a_1, ..., a_N] is the payoff of
player i when player j plays action a_j. Every player's payoffs share the same axis order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NormalFormGame:
    """Payoffs of every player for every action profile.

    Attributes:
        payoffs: float64, shape (N, n_1, ..., n_N), finite; copied on construction and read-only.
        actions: labels of the actions of each player; defaults to ``"0", "1", ...``.
        players: labels of the players; defaults to ``"0", "1", ...``.
        name: how reports call the game.

    Raises:
        ValueError: the tensor is not of the shape above, is not finite, or labels do not fit it.

    Example:
        >>> prisoners = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
        >>> prisoners.num_actions
        (2, 2)
    """

    payoffs: NDArray[np.float64]
    actions: tuple[Labels, ...] = ()
    players: Labels = ()
    name: str = "game"

    def __post_init__(self) -> None:
        payoffs = np.array(self.payoffs, dtype=np.float64)
        if payoffs.ndim < 2 or payoffs.shape[0] != payoffs.ndim - 1 or payoffs.size == 0:
            raise ValueError(
                "payoffs must have shape (N, n_1, ..., n_N) with one axis of at least one action per player, "
                f"got {payoffs.shape}"
            )
        if not np.isfinite(payoffs).all():
            place = tuple(int(k) for k in np.argwhere(~np.isfinite(payoffs))[0])
            raise ValueError(f"payoffs must be finite, got {payoffs[place]} at index {place}")
        payoffs.setflags(write=False)
        object.__setattr__(self, "payoffs", payoffs)
        sizes = payoffs.shape[1:]
        actions = tuple(tuple(str(a) for a in labels) for labels in self.actions)
        actions = actions or tuple(tuple(str(k) for k in range(n)) for n in sizes)
        # A repeated label makes its set smaller, so counting distinct labels checks both.
        if (
            tuple(len(labels) for labels in actions) != sizes
            or tuple(len(set(ls)) for ls in actions) != sizes
        ):
            raise ValueError(f"actions must hold distinct labels in numbers {sizes}, got {actions}")
        object.__setattr__(self, "actions", actions)
        players = tuple(str(p) for p in self.players) or tuple(str(i) for i in range(payoffs.shape[0]))
        if len(players) != payoffs.shape[0] or len(set(players)) != len(players):
            raise ValueError(f"players must hold {payoffs.shape[0]} distinct labels, got {players}")
        object.__setattr__(self, "players", players)

    @classmethod
    def zero_sum(
        cls, payoffs: ArrayLike, *, actions: Sequence[Sequence[str]] = (), name: str = "game"
    ) -> "NormalFormGame":
        """Two-player zero-sum game; ``payoffs`` of shape (m, n) are those of the row player."""
        rows = _matrix(payoffs, "payoffs")
        return cls(np.stack([rows, -rows]), tuple(tuple(a) for a in actions), name=name)

    @classmethod
    def bimatrix(
        cls, rows: ArrayLike, columns: ArrayLike, *, actions: Sequence[Sequence[str]] = (), name: str = "game"
    ) -> "NormalFormGame":
        """Two-player game from the payoffs of the row and of the column player, both of shape (m, n)."""
        a, b = _matrix(rows, "rows"), _matrix(columns, "columns")
        if a.shape != b.shape:
            raise ValueError(f"rows and columns must have the same shape, got {a.shape} and {b.shape}")
        return cls(np.stack([a, b]), tuple(tuple(x) for x in actions), name=name)

    @property
    def num_players(self) -> int:
        """Number of players N."""
        return int(self.payoffs.shape[0])

    @property
    def num_actions(self) -> tuple[int, ...]:
        """Number of actions of each player."""
        return tuple(self.payoffs.shape[1:])

    @property
    def payoff_range(self) -> float:
        """Greatest minus least payoff in the tensor: the unit in which tolerances are scaled."""
        return float(self.payoffs.max() - self.payoffs.min())

    def constant_sum(self) -> float | None:
        """The common total of every cell, or None when the totals differ.

        Totals are compared to rounding: 1e-12 of the largest absolute payoff.
        """
        totals = self.payoffs.sum(axis=0)
        slack = 1e-12 * max(float(np.abs(self.payoffs).max()), np.finfo(float).tiny)
        return float(totals.flat[0]) if float(np.ptp(totals)) <= self.num_players * slack else None

    def is_zero_sum(self) -> bool:
        """Whether the payoffs of every cell add up to zero, to rounding."""
        total = self.constant_sum()
        slack = 1e-12 * self.num_players * float(np.abs(self.payoffs).max())
        return total is not None and abs(total) <= slack


def _matrix(values: ArrayLike, name: str) -> NDArray[np.float64]:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"{name} must have shape (m, n), got {matrix.shape}")
    return matrix
