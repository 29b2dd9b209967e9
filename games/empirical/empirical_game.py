"""The empirical game: what simulation has shown about the payoffs between policies.

Every joint choice of policies is a cell. A cell holds, per player, the mean and the sum of squared
deviations of the returns of its episodes, and their count, which is common to the players because an episode
pays all of them. Cells whose payoffs are known exactly have an infinite count.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.empirical.moments import Moments
from games.normal_form.game import NormalFormGame

_ARRAYS = ("counts", "means", "squares")


class EmpiricalGame:
    """Sampled payoffs between all policies of all players, extended as policies arrive.

    Attributes:
        num_players: N.
        payoff_bounds: least and greatest return of any player; infinite where unknown. Confidence
            statements rest on them.
        name: how reports call the game.

    Raises:
        ValueError: no player, or bounds that are not in order.

    Example:
        >>> game = EmpiricalGame(2, (-1.0, 1.0))
        >>> game.add_policy(0), game.add_policy(1)
        (0, 0)
        >>> game.record((0, 0), Moments.of_sample([[1.0, -1.0], [0.0, 0.0]]))
        >>> game.means[:, 0, 0].tolist(), game.variance[:, 0, 0].tolist()
        ([0.5, -0.5], [0.5, 0.5])
    """

    def __init__(
        self,
        num_players: int,
        payoff_bounds: tuple[float, float] = (-math.inf, math.inf),
        *,
        name: str = "empirical game",
    ) -> None:
        if num_players < 1:
            raise ValueError(f"num_players must be at least 1, got {num_players}")
        if not payoff_bounds[0] <= payoff_bounds[1]:  # `not <=` also refuses NaN
            raise ValueError(f"payoff_bounds must be (least, greatest), got {payoff_bounds}")
        self.num_players = num_players
        self.payoff_bounds = payoff_bounds
        self.name = name
        self._counts = np.zeros((0,) * num_players)
        self._means = np.zeros((num_players, *self._counts.shape))
        # In exact cells the variance itself: the limit of squares over count.
        self._squares = self._means.copy()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of policies of each player."""
        return self._counts.shape

    @property
    def counts(self) -> NDArray[np.float64]:
        """Episodes per cell, shape (n_1, ..., n_N); infinite where exact. Read-only."""
        return _read_only(self._counts)

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean return per player and cell, shape (N, n_1, ..., n_N); zero where unsampled. Read-only."""
        return _read_only(self._means)

    @property
    def variance(self) -> NDArray[np.float64]:
        """Within-cell variance of the return, unbiased, shape (N, n_1, ..., n_N).

        It comes from chance and from the policies' own randomness, the joint choice of policies being fixed.
        NaN in cells with fewer than two episodes.
        """
        divisor = np.where(self._counts >= 2, self._counts - 1, np.nan)
        return self._squares / np.where(np.isinf(divisor), 1.0, divisor)

    @property
    def mean_variance(self) -> NDArray[np.float64]:
        """Sampling variance of the cell means: variance over count; zero in exact cells, NaN as above."""
        return self.variance / np.where(self._counts > 0, self._counts, np.nan)

    def add_policy(self, player: int) -> int:
        """Add a policy of ``player``, its cells unsampled, and return its number."""
        if not 0 <= player < self.num_players:
            raise ValueError(f"player must lie in range({self.num_players}), got {player}")
        number = self.sizes[player]
        shape = list(self.sizes)
        shape[player] = 1
        new = np.zeros((self.num_players, *shape))
        self._counts = np.concatenate([self._counts, new[0]], axis=player)
        self._means = np.concatenate([self._means, new], axis=player + 1)
        self._squares = np.concatenate([self._squares, new], axis=player + 1)
        return number

    def record(self, cell: Sequence[int], moments: Moments) -> None:
        """Merge the episodes of ``moments`` into a cell.

        Raises:
            ValueError: no such cell, the cell is exact, another number of players, numbers that are not
                finite, or returns outside the payoff bounds.
        """
        index = self._index(cell)
        if moments.mean.shape != (self.num_players,) or moments.squares.shape != (self.num_players,):
            raise ValueError(
                f"moments must be of {self.num_players} players, got shapes {moments.mean.shape} "
                f"and {moments.squares.shape}"
            )
        if moments.count < 1:
            raise ValueError(f"moments must hold at least one episode, got {moments.count}")
        self._check_payoffs(moments.mean, moments.squares)
        if math.isinf(self._counts[index]):
            raise ValueError(f"cell {index} is exact; episodes cannot add to it")
        where: tuple[int | slice, ...] = (slice(None), *index)
        held = Moments(int(self._counts[index]), self._means[where], self._squares[where])
        merged = held.merge(moments)
        self._counts[index] = merged.count
        self._means[where] = merged.mean
        self._squares[where] = merged.squares

    def set_exact(self, cell: Sequence[int], mean: ArrayLike, variance: ArrayLike) -> None:
        """Put known moments, both of shape (N,), in a cell; they replace what was sampled there."""
        index = self._index(cell)
        m, v = np.asarray(mean, dtype=np.float64), np.asarray(variance, dtype=np.float64)
        if m.shape != (self.num_players,) or v.shape != (self.num_players,):
            raise ValueError(
                f"mean and variance must have shape ({self.num_players},), got {m.shape} and {v.shape}"
            )
        self._check_payoffs(m, v)
        where: tuple[int | slice, ...] = (slice(None), *index)
        self._counts[index] = math.inf
        self._means[where] = m
        self._squares[where] = v

    def normal_form(self) -> NormalFormGame:
        """The game of the cell means; action k of a player is their policy k.

        Raises:
            ValueError: a player has no policy, or a cell no episode.
        """
        if self._counts.size == 0:
            raise ValueError(f"every player needs a policy, got {self.sizes}")
        if not self._counts.all():
            cell = tuple(int(k) for k in np.argwhere(self._counts == 0)[0])
            raise ValueError(f"cell {cell} has no episode; simulate it first")
        return NormalFormGame(self._means, name=self.name)

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """What ``restore`` needs, as copies: counts, means, squares."""
        return {"counts": self._counts.copy(), "means": self._means.copy(), "squares": self._squares.copy()}

    @classmethod
    def restore(
        cls,
        arrays: Mapping[str, NDArray[np.float64]],
        payoff_bounds: tuple[float, float] = (-math.inf, math.inf),
        *,
        name: str = "empirical game",
    ) -> "EmpiricalGame":
        """Rebuild the game from ``arrays``.

        Raises:
            ValueError: an array is missing, or shapes or numbers contradict each other.
        """
        missing = [key for key in _ARRAYS if key not in arrays]
        if missing:
            raise ValueError(f"arrays must hold {', '.join(_ARRAYS)}; {', '.join(missing)} missing")
        counts, means, squares = (np.array(arrays[key], dtype=np.float64) for key in _ARRAYS)
        game = cls(max(counts.ndim, 1), payoff_bounds, name=name)
        if counts.ndim == 0 or any(a.shape != (counts.ndim, *counts.shape) for a in (means, squares)):
            raise ValueError(
                f"means and squares must have shape (N, n_1, ..., n_N) over counts of shape {counts.shape}, "
                f"got {means.shape} and {squares.shape}"
            )
        finite = counts[np.isfinite(counts)]
        if np.isnan(counts).any() or (finite < 0).any() or (finite != np.floor(finite)).any():
            raise ValueError("counts must be whole numbers of at least 0, or infinite")
        for cell in np.argwhere(counts > 0):
            where = (slice(None), *cell)
            game._check_payoffs(means[where], squares[where])
        game._counts, game._means, game._squares = counts, means, squares
        return game

    def _index(self, cell: Sequence[int]) -> tuple[int, ...]:
        index = tuple(cell)
        inside = len(index) == self.num_players and all(
            0 <= k < n for k, n in zip(index, self.sizes, strict=True)
        )
        if not inside:
            raise ValueError(f"cell must be one policy per player within {self.sizes}, got {index}")
        return index

    def _check_payoffs(self, mean: NDArray[np.float64], squares: NDArray[np.float64]) -> None:
        if not (np.isfinite(mean).all() and np.isfinite(squares).all() and (squares >= 0).all()):
            raise ValueError("moments must be finite and squares non-negative")
        low, high = self.payoff_bounds
        slack = 1e-9 * max(abs(b) for b in (low, high)) if math.isfinite(high - low) else 0.0
        if (mean < low - slack).any() or (mean > high + slack).any():
            raise ValueError(f"mean returns {mean} lie outside the payoff bounds {self.payoff_bounds}")


def _read_only(array: NDArray[np.float64]) -> NDArray[np.float64]:
    view = array.view()
    view.flags.writeable = False
    return view
