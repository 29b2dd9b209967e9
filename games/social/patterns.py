"""Opponents that follow a pattern, and what a Bayesian learns about them from a history.

A cyclic game has n >= 3 actions, of which action k beats action k - 1 modulo n and draws with all that are
not its neighbours; rock-paper-scissors is n = 3. A pattern gives the distribution of the opponent's next
move after any history. The families are those of Fan, Chen, Jin and He (2024) as far as they could be
learnt from re-implementations: constant, loops of two and three, copy, counter, biased and sample; the
forms for n actions, the switch and the Bayesian learner are this project's own.

Patterns look at the player's moves and the clock, never at their own luck, so a history is the array of the
player's moves, and the round is its length.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.normal_form.game import NormalFormGame

Moves = NDArray[np.int64]
"""Positions of the actions taken in the rounds so far, shape (t,)."""


def cyclic_game(
    actions: Sequence[str] = ("rock", "paper", "scissors"),
    *,
    win: float = 2.0,
    draw: float = 1.0,
    loss: float = 0.0,
) -> NormalFormGame:
    """The symmetric game in which each action beats the one before it, cyclically.

    The payoffs default to those of Fan et al. (2024). A uniform player gets (win + loss + (n - 2) draw) / n
    whatever the other plays.

    Args:
        actions: at least three labels, each beating the one before it, the first beating the last.
        win: payoff of an action that beats the other's.
        draw: payoff when neither beats the other.
        loss: payoff of an action that is beaten.

    Raises:
        ValueError: fewer than three actions, or not win > draw > loss.
    """
    if len(actions) < 3 or not win > draw > loss:
        raise ValueError(
            f"need three actions and win > draw > loss, got {tuple(actions)} and {win, draw, loss}"
        )
    n = len(actions)
    lead = (np.arange(n)[:, None] - np.arange(n)) % n
    own = np.where(lead == 1, win, np.where(lead == n - 1, loss, draw))
    name = "rock-paper-scissors" if n == 3 else f"cyclic game of {n} actions"
    return NormalFormGame.bimatrix(own, own.T, actions=(tuple(actions), tuple(actions)), name=name)


class Pattern(Protocol):
    """How an opponent moves."""

    @property
    def name(self) -> str:
        """Tells patterns of one game apart."""

    @property
    def num_actions(self) -> int:
        """Number of actions n of the game."""

    def forecasts(self, moves: Moves) -> NDArray[np.float64]:
        """Distributions of the opponent's moves.

        Args:
            moves: the player's moves, shape (t,).

        Returns:
            Shape (t + 1, n): row r is about round r, and depends on ``moves[:r]`` alone.
        """

    def memory(self, moves: Moves) -> Hashable:
        """All that matters of the history for the rounds to come: equal memories have equal futures."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Goes through a fixed sequence again and again; a sequence of one is a constant.

    Attributes:
        sequence: the moves, first round first.
        num_actions: of the game.
    """

    sequence: tuple[int, ...]
    num_actions: int

    def __post_init__(self) -> None:
        if not self.sequence or not all(0 <= move < self.num_actions for move in self.sequence):
            raise ValueError(f"sequence must hold moves in range({self.num_actions}), got {self.sequence}")

    @property
    def name(self) -> str:
        """Tells patterns of one game apart."""
        kind = "constant" if len(self.sequence) == 1 else "loop"
        return f"{kind} {'-'.join(str(move) for move in self.sequence)}"

    def forecasts(self, moves: Moves) -> NDArray[np.float64]:
        """Distributions of the opponent's moves; see `Pattern`."""
        places = np.resize(np.array(self.sequence), len(moves) + 1)
        certain: NDArray[np.float64] = np.eye(self.num_actions)[places]
        return certain

    def memory(self, moves: Moves) -> Hashable:
        """The place in the sequence."""
        return len(moves) % len(self.sequence)


@dataclass(frozen=True, slots=True)
class Reply:
    """Moves by what the player did the round before; uniform in the first round.

    Attributes:
        lead: what is added to the player's last action, modulo n: 0 copies it, 1 beats it.
        num_actions: of the game.
    """

    lead: int
    num_actions: int

    def __post_init__(self) -> None:
        if not 0 <= self.lead < self.num_actions:
            raise ValueError(f"lead must lie in range({self.num_actions}), got {self.lead}")

    @property
    def name(self) -> str:
        """Tells patterns of one game apart."""
        return {0: "copy", 1: "counter"}.get(self.lead, f"reply {self.lead}")

    def forecasts(self, moves: Moves) -> NDArray[np.float64]:
        """Distributions of the opponent's moves; see `Pattern`."""
        n = self.num_actions
        rows = np.full((len(moves) + 1, n), 1 / n)
        rows[1:] = np.eye(n)[(np.asarray(moves, dtype=np.int64) + self.lead) % n]
        return rows

    def memory(self, moves: Moves) -> Hashable:
        """The last move, if any."""
        return int(moves[-1]) if len(moves) else None


@dataclass(frozen=True, slots=True)
class Biased:
    """Draws every move from one distribution.

    Attributes:
        probabilities: of each action; they sum to one.
    """

    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        values = np.asarray(self.probabilities, dtype=np.float64)
        if values.ndim != 1 or not (values >= 0).all() or abs(values.sum() - 1) > 1e-9:
            raise ValueError(f"probabilities must be >= 0 and sum to one, got {self.probabilities}")

    @property
    def num_actions(self) -> int:
        """Number of actions of the game."""
        return len(self.probabilities)

    @property
    def name(self) -> str:
        """Tells patterns of one game apart; the numbers are per cent."""
        if len(set(self.probabilities)) == 1:
            return "uniform"
        return f"biased {'-'.join(f'{100 * p:g}' for p in self.probabilities)}"

    def forecasts(self, moves: Moves) -> NDArray[np.float64]:
        """Distributions of the opponent's moves; see `Pattern`."""
        return np.tile(np.asarray(self.probabilities, dtype=np.float64), (len(moves) + 1, 1))

    def memory(self, moves: Moves) -> Hashable:
        """Nothing."""
        return None


@dataclass(frozen=True, slots=True)
class Sample:
    """Repeats one of the player's moves so far, each equally likely; uniform in the first round."""

    num_actions: int

    @property
    def name(self) -> str:
        """Tells patterns of one game apart."""
        return "sample"

    def forecasts(self, moves: Moves) -> NDArray[np.float64]:
        """Distributions of the opponent's moves; see `Pattern`."""
        n = self.num_actions
        rows = np.full((len(moves) + 1, n), 1 / n)
        taken = np.eye(n)[np.asarray(moves, dtype=np.int64)]
        rows[1:] = np.cumsum(taken, axis=0) / np.arange(1, len(moves) + 1)[:, None]
        return rows

    def memory(self, moves: Moves) -> Hashable:
        """How often the player took each action."""
        return tuple(np.bincount(moves, minlength=self.num_actions).tolist())


@dataclass(frozen=True, slots=True)
class Switch:
    """Follows one pattern, and from a round on another, which sees the whole history and the whole clock.

    Attributes:
        before: pattern of the rounds 0, ..., at - 1.
        after: pattern of the rounds from ``at`` on.
        at: the round of the switch, >= 1.
    """

    before: Pattern
    after: Pattern
    at: int

    def __post_init__(self) -> None:
        if self.before.num_actions != self.after.num_actions or self.at < 1:
            raise ValueError(
                "before and after must have the same number of actions and at be >= 1, got "
                f"{self.before.num_actions}, {self.after.num_actions} and {self.at}"
            )

    @property
    def num_actions(self) -> int:
        """Number of actions of the game."""
        return self.before.num_actions

    @property
    def name(self) -> str:
        """Tells patterns of one game apart."""
        return f"{self.before.name}, from {self.at} {self.after.name}"

    def forecasts(self, moves: Moves) -> NDArray[np.float64]:
        """Distributions of the opponent's moves; see `Pattern`."""
        rows = self.before.forecasts(moves)
        rows[self.at :] = self.after.forecasts(moves)[self.at :]
        return rows

    def memory(self, moves: Moves) -> Hashable:
        """The round and both memories before the switch, then that of the second pattern."""
        after = self.after.memory(moves)
        return after if len(moves) >= self.at else (len(moves), self.before.memory(moves), after)


@dataclass(frozen=True, slots=True, eq=False)
class PatternFamily:
    """All patterns that an opponent may follow, and how likely each is at first.

    Attributes:
        patterns: the hypotheses, at least one, all of one number of actions.
        prior: float64 (h,), their probabilities; read-only. They need not come scaled to sum to one.
        hazard: probability, after every round, that the opponent draws a pattern anew from the prior.

    Raises:
        ValueError: patterns of different games, a prior that does not fit, or a hazard outside [0, 1].
    """

    patterns: tuple[Pattern, ...]
    prior: NDArray[np.float64]
    hazard: float = 0.0

    def __post_init__(self) -> None:
        prior = np.array(self.prior, dtype=np.float64)
        if len({pattern.num_actions for pattern in self.patterns}) != 1:
            raise ValueError("patterns must be at least one, all of the same number of actions")
        if prior.shape != (len(self.patterns),) or not (prior >= 0).all() or not 0 < prior.sum() < np.inf:
            raise ValueError(f"prior must hold {len(self.patterns)} probabilities, got {prior}")
        if not 0 <= self.hazard <= 1:
            raise ValueError(f"hazard must lie in [0, 1], got {self.hazard!r}")
        prior /= prior.sum()
        prior.setflags(write=False)
        object.__setattr__(self, "prior", prior)

    @property
    def num_actions(self) -> int:
        """Number of actions of the game."""
        return self.patterns[0].num_actions

    def posteriors(self, moves: ArrayLike, seen: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the hypotheses before every round and after the last.

        Args:
            moves: the player's moves, shape (t,).
            seen: the opponent's, shape (t,).

        Returns:
            Shape (t + 1, h): row r is Bayes' posterior after the first r rounds.

        Raises:
            ValueError: moves that do not fit, or that no hypothesis allows.
        """
        return self._learn(*self._checked(moves, seen))[0]

    def predictives(self, moves: ArrayLike, seen: ArrayLike) -> NDArray[np.float64]:
        """Distributions of the opponent's move in each round and the next, each by what came before it.

        Args:
            moves: the player's moves, shape (t,).
            seen: the opponent's, shape (t,).

        Returns:
            Shape (t + 1, n): row r is the posterior predictive of round r.

        Raises:
            ValueError: moves that do not fit, or that no hypothesis allows.
        """
        weights, forecasts = self._learn(*self._checked(moves, seen))
        rows: NDArray[np.float64] = np.einsum("rh,hrn->rn", weights, forecasts)
        return rows

    def predictive(self, moves: ArrayLike, seen: ArrayLike) -> NDArray[np.float64]:
        """Distribution of the opponent's next move, shape (n,); arguments and errors as in `predictives`."""
        last: NDArray[np.float64] = self.predictives(moves, seen)[-1]
        return last

    def _checked(self, moves: ArrayLike, seen: ArrayLike) -> tuple[Moves, Moves]:
        arrays = []
        for name, values in (("moves", moves), ("seen", seen)):
            array = np.asarray(values, dtype=np.int64)
            if array.ndim != 1 or (array.size and not 0 <= array.min() <= array.max() < self.num_actions):
                raise ValueError(
                    f"{name} must be a list of moves in range({self.num_actions}), got {values!r}"
                )
            arrays.append(array)
        if len(arrays[0]) != len(arrays[1]):
            raise ValueError(
                f"moves and seen must be equally long, got {len(arrays[0])} and {len(arrays[1])}"
            )
        return arrays[0], arrays[1]

    def _learn(self, moves: Moves, seen: Moves) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Posteriors (t + 1, h) and forecasts (h, t + 1, n)."""
        forecasts = np.stack([pattern.forecasts(moves) for pattern in self.patterns])
        likelihoods = forecasts[:, np.arange(len(seen)), seen].T
        weights = np.empty((len(seen) + 1, len(self.patterns)))
        weights[0] = self.prior
        for number, likelihood in enumerate(likelihoods):
            joint = weights[number] * likelihood
            total = joint.sum()
            if not total > 0:
                raise ValueError(
                    f"seen must be possible, but no pattern allows move {seen[number]} in {number}"
                )
            weights[number + 1] = (1 - self.hazard) * joint / total + self.hazard * self.prior
        return weights, forecasts


def kinds_of_patterns(num_actions: int) -> dict[str, tuple[Pattern, ...]]:
    """All patterns of each kind for a cyclic game of n actions, whatever their phase or favourite.

    Loops of two go to and fro between any two actions, those of all n run up or down the cycle; a favourite
    has probability .6 and the others share the rest; a pair is half and half.
    """
    n = num_actions
    if n < 3:
        raise ValueError(f"num_actions must be >= 3, got {n}")
    cycle = np.arange(n)
    pairs = [(a, b) for a in range(n) for b in range(n) if a != b]
    favourite = np.full((n, n), 0.4 / (n - 1)) + np.eye(n) * (0.6 - 0.4 / (n - 1))
    return {
        "constant": tuple(Loop((a,), n) for a in range(n)),
        "loop-2": tuple(Loop(pair, n) for pair in pairs),
        f"loop-{n} up": tuple(Loop(tuple(((a + cycle) % n).tolist()), n) for a in range(n)),
        f"loop-{n} down": tuple(Loop(tuple(((a - cycle) % n).tolist()), n) for a in range(n)),
        "copy": (Reply(0, n),),
        "counter": (Reply(1, n),),
        "favourite": tuple(Biased(tuple(row.tolist())) for row in favourite),
        "half and half": tuple(
            Biased(tuple(0.5 * (k in (a, b)) for k in range(n))) for a, b in pairs if a < b
        ),
        "uniform": (Biased((1 / n,) * n),),
        "sample": (Sample(n),),
    }


def standard_family(num_actions: int = 3, *, hazard: float = 0.0) -> PatternFamily:
    """Every pattern of `kinds_of_patterns`: each kind equally likely, and each pattern within its kind.

    Args:
        num_actions: of the cyclic game, >= 3.
        hazard: as in `PatternFamily`.
    """
    kinds = kinds_of_patterns(num_actions)
    prior = [1 / len(patterns) for patterns in kinds.values() for _ in patterns]
    return PatternFamily(
        tuple(pattern for patterns in kinds.values() for pattern in patterns), np.array(prior), hazard
    )
