"""Ring games, in which the right choice tells how far a player believes others to be rational.

The payoff of each player depends on its own action and on that of the next player; the last player has a
dominant action. Whoever is rational takes it there (order 1); whoever also believes the next player to be
rational takes the only best reply to it (order 2), and so on round the ring. All games here are solved by
iterated elimination of strictly dominated actions, one order per round.

Source: Kneeland (2015), Identifying higher-order rationality, Econometrica 83; the reduced form for two
players is that of Fan, Chen, Jin and He (2024), Can large language models serve as rational players in game
theory?, AAAI 38.
Kneeland's own payoffs are not copied here: pairs are drawn at random with the property that identifies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.normal_form.game import NormalFormGame

_ATTEMPTS = 10_000


@dataclass(frozen=True, slots=True)
class PureElimination:
    """What iterated elimination of strictly dominated actions leaves of a game.

    Attributes:
        surviving: per player the positions of the actions that are left.
        orders: per player the round in which it was left with one action, counted from 1; None where
            several are left, 0 where there was but one from the start.
    """

    surviving: tuple[tuple[int, ...], ...]
    orders: tuple[int | None, ...]

    @property
    def profile(self) -> tuple[int, ...]:
        """The one action left to each player.

        Raises:
            ValueError: somebody has several left.
        """
        if any(len(actions) != 1 for actions in self.surviving):
            raise ValueError(f"the game must be solved by elimination, but leaves {self.surviving}")
        return tuple(actions[0] for actions in self.surviving)


def eliminate_pure(game: NormalFormGame) -> PureElimination:
    """Delete, round after round, every action that another of the same player beats whatever others do.

    Dominance is by pure actions: a game that needs mixtures keeps more than it must.
    """
    surviving = [list(range(size)) for size in game.num_actions]
    orders: list[int | None] = [0 if size == 1 else None for size in game.num_actions]
    for number in range(1, sum(game.num_actions)):
        block = game.payoffs[np.ix_(range(game.num_players), *surviving)]
        left = []
        for player, actions in enumerate(surviving):
            rows = np.moveaxis(block[player], player, 0).reshape(len(actions), -1)
            beaten = (rows[:, None] < rows[None]).all(axis=-1).any(axis=1)
            left.append([action for action, out in zip(actions, beaten, strict=True) if not out])
        if left == surviving:
            break
        surviving = left
        for player, actions in enumerate(surviving):
            if len(actions) == 1 and orders[player] is None:
                orders[player] = number
    return PureElimination(tuple(tuple(actions) for actions in surviving), tuple(orders))


def two_player_ring(
    own: ArrayLike = ((40, 5), (0, 15)),
    other: ArrayLike = ((0, 10), (7, 8)),
    *,
    name: str = "ring",
) -> NormalFormGame:
    """The reduced ring: the first player picks U or V, the second X or Y.

    With the payoffs of a public re-implementation, which are the default, Y strictly dominates X and V is the
    best reply to Y, while uniform belief, maximax and maximin all pick U. So V takes a step of belief in the
    other's rationality: level 1 plays U, level 2 plays V.

    Args:
        own: payoffs (2, 2) of the first player, rows U and V, columns X and Y.
        other: payoffs (2, 2) of the second player, likewise.
        name: of the game.
    """
    return NormalFormGame.bimatrix(own, other, actions=(("U", "V"), ("X", "Y")), name=name)


def random_two_player_ring(
    *, rng: np.random.Generator, highest: int = 50, margin: int = 3, name: str = "ring"
) -> NormalFormGame:
    """A ring of random whole payoffs with the dominance order of `two_player_ring`.

    The payoffs satisfy u(V,X) < u(U,Y) < u(V,Y) < u(U,X), each by at least ``margin``, from which it follows
    that U is best against a uniform belief, for maximax and for maximin. The solution is at any of the
    four cells with the same probability, so that its place says nothing; the labels follow the places.

    Args:
        rng: source of randomness.
        highest: greatest payoff possible.
        margin: least difference between payoffs that matter, >= 1.
        name: of the game.

    Raises:
        ValueError: not 1 <= margin <= highest / 3.
    """
    if not 1 <= margin <= highest / 3:
        raise ValueError(f"margin must lie in [1, highest / 3], got {margin} with highest={highest}")
    # Four whole numbers a margin apart: distinct ones of a shorter range, spread.
    low = (
        np.sort(rng.choice(highest - 3 * margin + 4, 4, replace=False)) - np.arange(4) + margin * np.arange(4)
    )
    own = np.array([[low[3], low[1]], [low[0], low[2]]], dtype=np.float64)
    worse = rng.integers(0, highest - margin, 2, endpoint=True)
    better = worse + rng.integers(margin, highest - worse, endpoint=True)
    other = np.stack([worse, better], axis=1).astype(np.float64)
    rows, columns = rng.permutation(2), rng.permutation(2)
    place = np.ix_(rows, columns)
    return two_player_ring(own[place], other[place], name=name)


@dataclass(frozen=True, slots=True, eq=False)
class RingPair:
    """Two ring games that differ in the payoffs of the last player alone.

    A player of order k knows what the last k players of the ring do, and plays otherwise in the two
    games there; where it would have to reason deeper, the change of payoffs is beyond its horizon, and it
    plays alike in both. So a subject who sits in every seat of both games shows its order.

    Attributes:
        first: one game of N players.
        second: the other.

    Raises:
        ValueError: the games differ elsewhere, are not solved by elimination at one order per player from
            the last to the first, or their solutions agree in some seat.
    """

    first: NormalFormGame
    second: NormalFormGame

    def __post_init__(self) -> None:
        if self.first.num_actions != self.second.num_actions or not np.array_equal(
            self.first.payoffs[:-1], self.second.payoffs[:-1]
        ):
            raise ValueError("first and second must differ in the payoffs of the last player alone")
        wanted = tuple(range(self.first.num_players, 0, -1))
        solved = [eliminate_pure(game) for game in (self.first, self.second)]
        for left in solved:
            if left.orders != wanted:
                raise ValueError(f"players must be solved in orders {wanted}, got {left.orders}")
        if any(a == b for a, b in zip(solved[0].profile, solved[1].profile, strict=True)):
            raise ValueError(f"solutions must differ in every seat, got {[left.profile for left in solved]}")

    @property
    def games(self) -> tuple[NormalFormGame, NormalFormGame]:
        """Both games."""
        return self.first, self.second

    @property
    def num_players(self) -> int:
        """Number of seats N."""
        return self.first.num_players

    def solutions(self) -> NDArray[np.int64]:
        """What elimination leaves to each seat of each game, shape (2, N)."""
        return np.array([eliminate_pure(game).profile for game in self.games])

    def misfits(self, choices: ArrayLike) -> NDArray[np.int64]:
        """How many choices contradict each order 0, ..., N.

        Order k foretells the solution in both games for the last k seats, and for the others
        the same choice in both, whichever it is.

        Args:
            choices: shape (..., 2, N), the action taken in each game and seat.

        Returns:
            Shape (..., N + 1).

        Raises:
            ValueError: choices are not of that shape.
        """
        taken = np.asarray(choices, dtype=np.int64)
        if taken.ndim < 2 or taken.shape[-2:] != (2, self.num_players):
            raise ValueError(f"choices must have shape (..., 2, {self.num_players}), got {taken.shape}")
        wrong = (taken != self.solutions()).sum(axis=-2)
        changed = (taken[..., 0, :] != taken[..., 1, :]).astype(np.int64)
        counts = [
            changed[..., : self.num_players - order].sum(axis=-1)
            + wrong[..., self.num_players - order :].sum(axis=-1)
            for order in range(self.num_players + 1)
        ]
        return np.stack(counts, axis=-1)

    def orders(self, choices: ArrayLike, *, allowance: int = 0) -> NDArray[np.int64]:
        """The order that contradicts the fewest choices, the lowest of several; -1 beyond the allowance.

        Args:
            choices: shape (..., 2, N), the action taken in each game and seat.
            allowance: how many choices may contradict the order.

        Returns:
            Shape (...), values in -1, ..., N.
        """
        counts = self.misfits(choices)
        return np.where(counts.min(axis=-1) <= allowance, counts.argmin(axis=-1), -1)

    def chance(self, *, allowance: int = 0) -> NDArray[np.float64]:
        """Probability of each order -1, 0, ..., N for one who picks uniformly, by counting all choices.

        Returns:
            Shape (N + 2,); entry 0 is that of no order at all.
        """
        sizes = self.first.num_actions * 2
        choices = np.array(list(product(*(range(size) for size in sizes))))
        found = self.orders(choices.reshape(-1, 2, self.num_players), allowance=allowance)
        return np.bincount(found + 1, minlength=self.num_players + 2) / len(found)


def random_ring_pair(
    *,
    rng: np.random.Generator,
    num_players: int = 4,
    actions: Sequence[str] = ("a", "b", "c"),
    highest: int = 20,
    name: str = "ring",
) -> RingPair:
    """A pair of rings with random whole payoffs from 0 to ``highest``.

    Of everybody but the last player, every action is the only best reply to exactly one action of the next
    player, so nothing is dominated before the next player's action is known. The last player has an action
    that beats all others whatever the first does, another one in the second game.

    Args:
        rng: source of randomness.
        num_players: N >= 2; Kneeland's rings have four.
        actions: labels of everybody's actions, at least two; Kneeland's games have three.
        highest: greatest payoff, >= the number of actions + 1.
        name: of the games, followed by their number.

    Raises:
        ValueError: arguments out of range.
    """
    size = len(actions)
    if num_players < 2 or size < 2 or highest < size + 1:
        raise ValueError(
            "need two players, two actions and highest above their number, got "
            f"{num_players}, {tuple(actions)} and {highest}"
        )
    inner = [_reply_table(size, highest, rng) for _ in range(num_players - 1)]
    best = rng.choice(size, 2, replace=False)
    games = []
    for number, dominant in enumerate(best, start=1):
        last = rng.integers(0, highest - 1, (size, size), endpoint=True)
        others = np.delete(last, dominant, axis=0).max(axis=0)
        last[dominant] = rng.integers(others + 1, highest, endpoint=True)
        games.append(ring_game([*inner, last], actions=actions, name=f"{name} {number}"))
    return RingPair(games[0], games[1])


def ring_game(
    tables: Sequence[ArrayLike], *, actions: Sequence[str] = ("a", "b", "c"), name: str = "ring"
) -> NormalFormGame:
    """The game in which ``tables[i][a, b]`` pays player i for its action a against b of the next player.

    The player after the last is the first.

    Args:
        tables: one per player, shape (m, m).
        actions: m labels, everybody's.
        name: of the game.

    Raises:
        ValueError: tables that do not fit.
    """
    count, size = len(tables), len(actions)
    payoffs = np.empty((count, *(size,) * count))
    for player, table in enumerate(tables):
        values = np.asarray(table, dtype=np.float64)
        if values.shape != (size, size):
            raise ValueError(f"tables must have shape {(size, size)}, got {values.shape} for player {player}")
        following = (player + 1) % count
        shape = [1] * count
        shape[player] = shape[following] = size
        # The axes of the tensor are in the order of players: only the last player's next one comes before it.
        payoffs[player] = (values if player < following else values.T).reshape(shape)
    return NormalFormGame(payoffs, (tuple(actions),) * count, name=name)


def _reply_table(size: int, highest: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Payoffs (m, m) in which each row is the only best reply to one column."""
    for _ in range(_ATTEMPTS):
        table = rng.integers(0, highest, (size, size), endpoint=True)
        best = table == table.max(axis=0)
        if (best.sum(axis=0) == 1).all() and (best.sum(axis=1) == 1).all():
            return table
    raise ValueError(f"found no table of {size} actions in {_ATTEMPTS} tries: ask for fewer actions")
