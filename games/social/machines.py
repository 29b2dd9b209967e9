r"""Opponents in repeated games as machines, and exactly what can be earned against them.

A machine has states. In each it draws its action from a distribution, and what the other does then moves it
to another state; it never looks at its own luck. Tit for tat, grim and their like are machines of few states,
and so is whoever repeats a sequence. Machines are `games.social.patterns.Pattern`, so a
`games.social.patterns.PatternFamily` of them can be learnt from what was seen.

Against a known machine a repeated game is a Markov decision process on its states s. With u(a, s) the
expected payoff of action a there and s' the state that a leads to, the best that is still to come is

.. math::  Q_t(s, a) = u(a, s) + \max_b Q_{t+1}(s', b), \qquad Q_{T+1} = 0

when T rounds are known, and the fixed point of :math:`Q(s, a) = u(a, s) + \delta \max_b Q(s', b)` when each
round is followed by another with probability delta, which is found by policy iteration.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.social.patterns import Moves

_SUM_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """An opponent with states, which starts in the first.

    Attributes:
        name: tells machines of one game apart.
        laws: float64 (S, n), distribution of its action in each state; read-only.
        following: int64 (S, m), the state that each action of the other leads to; read-only.

    Raises:
        ValueError: the arrays do not fit, a law is no distribution, or a state does not exist.
    """

    name: str
    laws: NDArray[np.float64]
    following: NDArray[np.int64]

    def __post_init__(self) -> None:
        laws, following = np.array(self.laws, dtype=np.float64), np.array(self.following, dtype=np.int64)
        if laws.ndim != 2 or following.ndim != 2 or len(laws) != len(following) or not len(laws):
            raise ValueError(
                f"laws (S, n) and following (S, m) must fit, got shapes {laws.shape} and {following.shape}"
            )
        if not ((laws >= 0).all() and (np.abs(laws.sum(axis=1) - 1) <= _SUM_TOLERANCE).all()):
            raise ValueError(f"laws must hold distributions, got {laws.tolist()}")
        if not ((following >= 0) & (following < len(laws))).all():
            raise ValueError(f"following must hold states in range({len(laws)}), got {following.tolist()}")
        for field, array in (("laws", laws), ("following", following)):
            array.setflags(write=False)
            object.__setattr__(self, field, array)

    @property
    def num_actions(self) -> int:
        """Number of its own actions n."""
        return int(self.laws.shape[1])

    def states(self, moves: Moves) -> NDArray[np.int64]:
        """Its state in each round and the next, given the other's moves of shape (t,); shape (t + 1,)."""
        states = np.zeros(len(moves) + 1, dtype=np.int64)
        for number, move in enumerate(moves):
            states[number + 1] = self.following[states[number], move]
        return states

    def forecasts(self, moves: Moves) -> NDArray[np.float64]:
        """Distributions of its actions; see `games.social.patterns.Pattern`."""
        found: NDArray[np.float64] = self.laws[self.states(moves)]
        return found

    def memory(self, moves: Moves) -> int:
        """Its state after the other's moves."""
        return int(self.states(moves)[-1])


def always(action: int) -> Machine:
    """Takes the first of two actions, 0, or the second, 1, whatever happens."""
    return _machine(f"always {('first', 'second')[action]}", np.eye(2)[[action]], [[0, 0]])


def coin() -> Machine:
    """Takes either of two actions with even odds."""
    return _machine("coin", [[0.5, 0.5]], [[0, 0]])


def alternating() -> Machine:
    """Takes two actions in turn."""
    return _machine("alternating", np.eye(2), [[1, 1], [0, 0]])


def tit_for_tat(forgiveness: float = 0.0) -> Machine:
    """Takes the first action at first, and then what the other took in the round before.

    Args:
        forgiveness: probability of the first action where the second would be due, in [0, 1].

    Raises:
        ValueError: ``forgiveness`` is out of range.
    """
    if not 0 <= forgiveness <= 1:
        raise ValueError(f"forgiveness must lie in [0, 1], got {forgiveness}")
    name = f"generous tit for tat({forgiveness:g})" if forgiveness else "tit for tat"
    return _machine(name, [[1.0, 0.0], [forgiveness, 1.0 - forgiveness]], [[0, 1], [0, 1]])


def grim() -> Machine:
    """Takes the first action until the other took the second, and the second ever after."""
    return _machine("grim", np.eye(2), [[0, 1], [1, 1]])


def win_stay_lose_shift(payoffs: ArrayLike) -> Machine:
    """Takes the first action at first, and changes its action after a payoff that is not above the mean.

    Args:
        payoffs: its own, shape (2, 2): the other's action, then its own.

    Raises:
        ValueError: payoffs are not of that shape.
    """
    table = np.asarray(payoffs, dtype=np.float64)
    if table.shape != (2, 2):
        raise ValueError(f"payoffs must have shape (2, 2), got {table.shape}")
    own = np.arange(2)[:, None]
    won = table.mean() < table.T  # own action, then the other's
    return _machine("win stay, lose shift", np.eye(2), np.where(won, own, 1 - own))


def _machine(name: str, laws: ArrayLike, following: ArrayLike) -> Machine:
    return Machine(name, np.asarray(laws, dtype=np.float64), np.asarray(following, dtype=np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What actions against a machine are worth, and what is the best and the average that can be earned.

    Attributes:
        totals: Q, shape (T, S, m): by round, state and action. One round stands for all where their number
            is unknown.
        best: greatest expected total from the start.
        chance: expected total of uniform choices from the start.
    """

    totals: NDArray[np.float64]
    best: float
    chance: float

    def of(self, round_number: int, state: int) -> NDArray[np.float64]:
        """Worth of each action in a round, counted from 0, and a state of the machine."""
        row: NDArray[np.float64] = self.totals[min(round_number, len(self.totals) - 1), state]
        return row


def worth_of_rounds(machine: Machine, payoffs: ArrayLike, rounds: int) -> Worth:
    """Worths in a known number of rounds, without discount.

    Args:
        machine: the opponent.
        payoffs: the player's, shape (m, n): own action, then the machine's.
        rounds: how many, >= 1.

    Raises:
        ValueError: payoffs or rounds do not fit.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be >= 1, got {rounds}")
    now = _expected(machine, payoffs)
    totals = np.empty((rounds, *now.shape))
    best, chance = np.zeros(len(now)), np.zeros(len(now))
    for number in reversed(range(rounds)):
        totals[number] = now + best[machine.following]
        best = totals[number].max(axis=1)
        chance = (now + chance[machine.following]).mean(axis=1)
    return Worth(totals, float(best[0]), float(chance[0]))


def worth_of_continuing(machine: Machine, payoffs: ArrayLike, continuation: float) -> Worth:
    """Worths when after each round there is another with the same probability.

    Args:
        machine: the opponent.
        payoffs: as in `worth_of_rounds`.
        continuation: delta, in [0, 1).

    Returns:
        Expected totals over all rounds that there will be, those of one round for all.

    Raises:
        ValueError: payoffs or continuation do not fit.
    """
    if not 0 <= continuation < 1:
        raise ValueError(f"continuation must lie in [0, 1), got {continuation}")
    now = _expected(machine, payoffs)
    every = np.arange(len(now))
    plan = now.argmax(axis=1)
    while True:
        steps = np.eye(len(now)) - continuation * np.eye(len(now))[machine.following[every, plan]]
        values = np.linalg.solve(steps, now[every, plan])
        totals = now + continuation * values[machine.following]
        # Only a gain beyond rounding changes the plan, so that the iteration ends.
        gains = totals.max(axis=1) - totals[every, plan]
        if gains.max() <= 1e-12 * max(float(np.abs(totals).max()), np.finfo(float).tiny):
            break
        plan = totals.argmax(axis=1)
    moves = np.eye(len(now))[machine.following].mean(axis=1)
    chance = np.linalg.solve(np.eye(len(now)) - continuation * moves, now.mean(axis=1))
    return Worth(totals[None], float(totals[0].max()), float(chance[0]))


def _expected(machine: Machine, payoffs: ArrayLike) -> NDArray[np.float64]:
    """Expected payoff of a round by the machine's state and the player's action, shape (S, m)."""
    table = np.asarray(payoffs, dtype=np.float64)
    wanted = machine.following.shape[1], machine.num_actions
    if table.shape != wanted:
        raise ValueError(f"payoffs must have shape {wanted}, got {table.shape}")
    found: NDArray[np.float64] = machine.laws @ table.T
    return found
