r"""Random normal-form games with a given structure.

Every generator takes its randomness from the keyword ``rng`` alone, so equal generators in equal states
give equal games. Payoffs are of the order of one unless the arguments say otherwise. Games of graphs
and markets are in :mod:`games.normal_form.model_generators`.

The families follow GAMUT: Nudelman, Wortman, Shoham and Leyton-Brown (2004), Run the GAMUT, AAMAS; the
constructions are this project's own.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.normal_form.sizes import check_sizes, equal_sizes


def random_game(
    sizes: Sequence[int], *, rng: np.random.Generator, low: float = -1.0, high: float = 1.0
) -> NormalFormGame:
    """Independent payoffs, uniform on [low, high).

    Args:
        sizes: number of actions of each player.
        rng: source of randomness.
        low: least payoff.
        high: bound above all payoffs.

    Raises:
        ValueError: bad sizes, or not low < high.
    """
    checked, (low, high) = check_sizes(sizes), _interval(low, high)
    return NormalFormGame(rng.uniform(low, high, (len(checked), *checked)), name="random game")


def random_integer_game(
    sizes: Sequence[int], *, rng: np.random.Generator, low: int = -9, high: int = 9
) -> NormalFormGame:
    """Independent whole payoffs, uniform on low, ..., high: ties and degenerate games are common.

    Raises:
        ValueError: bad sizes, or high < low.
    """
    checked = check_sizes(sizes)
    if high < low:
        raise ValueError(f"high must be at least low, got low={low!r}, high={high!r}")
    payoffs = rng.integers(low, high, (len(checked), *checked), endpoint=True)
    return NormalFormGame(payoffs.astype(np.float64), name="random integer game")


def random_zero_sum(
    rows: int, columns: int, *, rng: np.random.Generator, low: float = -1.0, high: float = 1.0
) -> NormalFormGame:
    """Two-player zero-sum game; the row player's payoffs are uniform on [low, high).

    Raises:
        ValueError: a player without actions, or not low < high.
    """
    checked, (low, high) = check_sizes((rows, columns)), _interval(low, high)
    return NormalFormGame.zero_sum(rng.uniform(low, high, checked), name="random zero-sum game")


def random_symmetric_zero_sum(actions: int, *, rng: np.random.Generator) -> NormalFormGame:
    """Zero-sum game with skew-symmetric payoffs A = -A': both players are in the same position, value 0.

    Payoffs above the diagonal are uniform on [-1, 1), as among strategies that play a contest.

    Source: Balduzzi et al. (2019), Open-ended learning in symmetric zero-sum games, ICML.
    """
    upper = np.triu(rng.uniform(-1.0, 1.0, check_sizes((actions, actions))), k=1)
    return NormalFormGame.zero_sum(upper - upper.T, name="random symmetric zero-sum game")


def random_symmetric(
    players: int, actions: int, *, rng: np.random.Generator, low: float = -1.0, high: float = 1.0
) -> NormalFormGame:
    """Symmetric game: a payoff depends on the own action and on how many others play each action.

    Payoffs are uniform on [low, high) and the same for everyone in the same position.

    Raises:
        ValueError: bad sizes, or not low < high.
    """
    sizes, (low, high) = equal_sizes(players, actions), _interval(low, high)
    table = rng.uniform(low, high, actions**players)
    digits = actions ** np.arange(players)
    profiles = np.indices(sizes)
    payoffs = []
    for i in range(players):
        others = np.sort(np.delete(profiles, i, axis=0), axis=0)
        position = np.concatenate([profiles[i : i + 1], others])
        payoffs.append(table[np.tensordot(digits, position, axes=1)])
    return NormalFormGame(np.stack(payoffs), name="random symmetric game")


def common_interest_game(sizes: Sequence[int], *, rng: np.random.Generator) -> NormalFormGame:
    """All players share one payoff, uniform on [-1, 1); its greatest cell is an equilibrium."""
    checked = check_sizes(sizes)
    shared = rng.uniform(-1.0, 1.0, checked)
    return NormalFormGame(np.stack([shared] * len(checked)), name="common-interest game")


def coordination_game(players: int, actions: int, *, rng: np.random.Generator) -> NormalFormGame:
    """All want to choose the same action: payoffs lie in (0, 1] where they do, in (-1, 0] elsewhere.

    Every common choice is a strict equilibrium; which of them a player prefers is random.
    """
    sizes = equal_sizes(players, actions)
    payoffs = -rng.random((players, *sizes))
    same: tuple[slice | NDArray[np.int64], ...] = (slice(None), *[np.arange(actions)] * players)
    payoffs[same] = 1.0 - rng.random((players, actions))
    return NormalFormGame(payoffs, name="coordination game")


def potential_game(sizes: Sequence[int], *, rng: np.random.Generator) -> NormalFormGame:
    r"""Exact potential game: :math:`u_i(a) = P(a) + d_i(a_{-i})`.

    P and the terms d_i that a player cannot influence are uniform on [-1, 1). Every game with an exact
    potential is of this form.

    Source: Monderer and Shapley (1996), Potential games, Games and Economic Behavior 14.
    """
    checked = check_sizes(sizes)
    payoffs = np.repeat(rng.uniform(-1.0, 1.0, (1, *checked)), len(checked), axis=0)
    for i in range(len(checked)):
        payoffs[i] += rng.uniform(-1.0, 1.0, (*checked[:i], 1, *checked[i + 1 :]))
    return NormalFormGame(payoffs, name="potential game")


def covariant_game(sizes: Sequence[int], *, rng: np.random.Generator, correlation: float) -> NormalFormGame:
    """Standard normal payoffs; in a cell, those of any two players have the given correlation.

    At 1 all interests are common, at -1 / (players - 1) the payoffs of every cell add up to zero.

    Source: Rinott and Scarsini (2000), On the number of pure strategy Nash equilibria in random games,
    Games and Economic Behavior 33.

    Raises:
        ValueError: bad sizes, fewer than two players, or a correlation outside [-1 / (players - 1), 1].
    """
    checked = check_sizes(sizes)
    players = len(checked)
    if players < 2:
        raise ValueError(f"sizes must name at least two players, got {checked}")
    lowest = -1.0 / (players - 1)
    if not lowest <= correlation <= 1.0:
        raise ValueError(f"correlation must lie in [{lowest:g}, 1], got {correlation!r}")
    noise = rng.standard_normal((players, *checked))
    mean = noise.mean(axis=0, keepdims=True)
    # The covariance has eigenvalue 1 - r across players and 1 + (N - 1) r along their mean.
    along = max(1.0 + (players - 1) * correlation, 0.0)
    payoffs = np.sqrt(1.0 - correlation) * (noise - mean) + np.sqrt(along) * mean
    return NormalFormGame(payoffs, name="covariant game")


def dominance_solvable_game(sizes: Sequence[int], *, rng: np.random.Generator) -> NormalFormGame:
    """Game that iterated elimination of strictly dominated actions reduces to one cell.

    Actions are eliminated one by one in a random order that mixes the players: each is worse than its
    player's last action by 0.1 to 1 against whatever the others have left by then, and has random
    payoffs elsewhere. The surviving cell is the only equilibrium, even the only correlated one.

    Raises:
        ValueError: bad sizes, or fewer than two players.
    """
    checked = check_sizes(sizes)
    if len(checked) < 2:
        raise ValueError(f"sizes must name at least two players, got {checked}")
    payoffs = rng.uniform(-1.0, 1.0, (len(checked), *checked))
    left = [np.arange(n) for n in checked]
    survivors = [int(rng.integers(n)) for n in checked]
    doomed = [(i, a) for i, n in enumerate(checked) for a in range(n) if a != survivors[i]]
    for k in rng.permutation(len(doomed)):
        i, action = doomed[k]
        own = np.moveaxis(payoffs[i], i, 0)
        others = np.ix_(*(left[j] for j in range(len(checked)) if j != i))
        best = own[survivors[i]][others]
        own[action][others] = best - rng.uniform(0.1, 1.0, best.shape)
        left[i] = left[i][left[i] != action]
    return NormalFormGame(payoffs, name="dominance-solvable game")


def _interval(low: float, high: float) -> tuple[float, float]:
    if not low < high or not np.isfinite(high - low):
        raise ValueError(f"need finite low < high, got low={low!r}, high={high!r}")
    return float(low), float(high)
