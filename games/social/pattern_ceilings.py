"""What the best player can get from an opponent whose pattern it knows, by dynamic programming.

Patterns that look at the player's moves can be led: the best move is not always the best reply. Since they
ignore their own luck, a pattern's memory moves deterministically with the player's action, and the expected
payoff of a round depends on the memory and the action. So the best total over T rounds comes from backward
induction over the memories reachable in each round, and the best average for ever is the greatest mean of a
cycle in the graph of memories (Karp 1978, A characterization of the minimum cycle mean in a digraph).
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.social.patterns import Moves, Pattern


@dataclass(frozen=True, slots=True, eq=False)
class BestPlay:
    """The best way to play a known pattern for a number of rounds.

    Attributes:
        pattern: the opponent.
        value: greatest expected payoff per round.
        actions: the best action by round and by the pattern's memory, the first when several are best.
    """

    pattern: Pattern
    value: float
    actions: Mapping[tuple[int, Hashable], int]

    def action(self, moves: Moves) -> int:
        """The best action after the player's ``moves``, whether or not those were best."""
        return self.actions[len(moves), self.pattern.memory(moves)]


def best_play(pattern: Pattern, payoffs: ArrayLike, rounds: int) -> BestPlay:
    """The best play of a known number of rounds against a known pattern.

    Args:
        pattern: the opponent.
        payoffs: shape (m, n): the player's payoff of each of its actions against each of the opponent's; the
            pattern must understand every action, so m is at most n.
        rounds: how many, >= 1.

    Raises:
        ValueError: payoffs or rounds do not fit.
    """
    table = _table(pattern, payoffs)
    if rounds < 1:
        raise ValueError(f"rounds must be >= 1, got {rounds}")
    layers: list[dict[Hashable, Moves]] = [{pattern.memory(_NONE): _NONE}]
    for _ in range(rounds - 1):
        following: dict[Hashable, Moves] = {}
        for moves in layers[-1].values():
            for longer in _longer(moves, len(table)):
                following.setdefault(pattern.memory(longer), longer)
        layers.append(following)
    actions: dict[tuple[int, Hashable], int] = {}
    ahead: dict[Hashable, float] = {}
    for number in reversed(range(rounds)):
        values: dict[Hashable, float] = {}
        for memory, moves in layers[number].items():
            totals = table @ pattern.forecasts(moves)[-1]
            if number < rounds - 1:
                totals += [ahead[pattern.memory(longer)] for longer in _longer(moves, len(table))]
            # Rounding must not decide between actions of equal worth.
            actions[number, memory] = int(np.argmax(totals >= totals.max() - 1e-12 * rounds * np.ptp(table)))
            values[memory] = float(totals.max())
        ahead = values
    return BestPlay(pattern, ahead[pattern.memory(_NONE)] / rounds, actions)


def stationary_ceiling(pattern: Pattern, payoffs: ArrayLike, *, limit: int = 1000) -> float:
    """The greatest average payoff per round that a player can keep up for ever against a known pattern.

    Args:
        pattern: the opponent, of finitely many memories.
        payoffs: as in `best_play`.
        limit: most memories.

    Raises:
        ValueError: payoffs do not fit, or there are more memories than ``limit``; a pattern that remembers
            the whole history, such as `games.social.patterns.Sample`, has no end of them.
    """
    table = _table(pattern, payoffs)
    numbers: dict[Hashable, int] = {pattern.memory(_NONE): 0}
    queue = [_NONE]
    targets: list[list[int]] = []
    rewards: list[NDArray[np.float64]] = []
    for moves in queue:
        rewards.append(table @ pattern.forecasts(moves)[-1])
        row = []
        for longer in _longer(moves, len(table)):
            memory = pattern.memory(longer)
            if memory not in numbers:
                if len(numbers) == limit:
                    raise ValueError(
                        f"pattern must have at most {limit} memories, but {pattern.name} has more"
                    )
                numbers[memory] = len(numbers)
                queue.append(longer)
            row.append(numbers[memory])
        targets.append(row)
    return _greatest_cycle_mean(np.array(targets), np.stack(rewards))


def _greatest_cycle_mean(targets: NDArray[np.int64], rewards: NDArray[np.float64]) -> float:
    """Karp's theorem for a graph that is reachable from node 0, with edges (node, action) -> target."""
    size = len(targets)
    walks = np.full((size + 1, size), -np.inf)  # the greatest weight of a walk of k edges from node 0
    walks[0, 0] = 0.0
    for length in range(size):
        np.maximum.at(walks[length + 1], targets, walks[length][:, None] + rewards)
    # Where no walk of full length ends, no cycle is passed; that of -inf - (-inf) never counts.
    ends = np.isfinite(walks[size])
    lengths = size - np.arange(size)[:, None]
    means = (walks[size, ends] - walks[:size, ends]) / lengths
    return float(means.min(axis=0).max())


_NONE: Moves = np.empty(0, dtype=np.int64)


def _longer(moves: Moves, num_actions: int) -> list[Moves]:
    return [np.append(moves, action) for action in range(num_actions)]


def _table(pattern: Pattern, payoffs: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(payoffs, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != pattern.num_actions or not 0 < len(table) <= pattern.num_actions:
        raise ValueError(
            f"payoffs must have shape (m, {pattern.num_actions}) with m at most that, got {table.shape}"
        )
    return table
