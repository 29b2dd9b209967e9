r"""Strategies that answer kindness with kindness, in repeated two-player games of two actions each.

Of a player's two actions the kind one is that which gives the other more, whatever the other does with equal
odds. In a prisoner's dilemma it is to cooperate, in a stag hunt to hunt the stag, in chicken to swerve. It is
read from the payoffs, because actions may come under any label and in any order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.text.questions import Question
from games.text.situations import MatrixSituation
from marl.players.strategies.kinds import situation_of
from marl.players.strategies.reasoning import certain


@dataclass(frozen=True, slots=True)
class TitForTat:
    """Kind at first, and then as the other was in the round before [1]_.

    Attributes:
        forgiveness: probability of being kind to one who was not, in [0, 1]; generous tit for tat has 1/3
            with the usual payoffs.

    .. [1] R. Axelrod and W. D. Hamilton, "The evolution of cooperation", Science 211, 1981; M. A. Nowak and
       K. Sigmund, "Tit for tat in heterogeneous populations", Nature 355, 1992.
    """

    forgiveness: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.forgiveness <= 1:
            raise ValueError(f"forgiveness must be in [0, 1], got {self.forgiveness}")

    def __call__(self, question: Question) -> NDArray[np.float64]:
        """Distribution over the two actions."""
        pair = _Pair.of(question, "tit for tat")
        if not pair.was_unkind or not pair.was_unkind[-1]:
            return certain(pair.kind, 2)
        shares = np.empty(2)
        shares[pair.kind], shares[1 - pair.kind] = self.forgiveness, 1.0 - self.forgiveness
        return shares


def grim(question: Question) -> NDArray[np.float64]:
    """Kind until the other once was not, and never again."""
    pair = _Pair.of(question, "grim")
    return certain(1 - pair.kind if any(pair.was_unkind) else pair.kind, 2)


def always_kind(question: Question) -> NDArray[np.float64]:
    """Kind whatever happens."""
    return certain(_Pair.of(question, "always kind").kind, 2)


def always_unkind(question: Question) -> NDArray[np.float64]:
    """Never kind."""
    return certain(1 - _Pair.of(question, "always unkind").kind, 2)


def win_stay_lose_shift(question: Question) -> NDArray[np.float64]:
    """Kind at first; then the same action after a payoff above the mean of the own payoffs, else the other.

    In a prisoner's dilemma that is the strategy also called Pavlov [1]_.

    .. [1] M. Nowak and K. Sigmund, "A strategy of win-stay, lose-shift that outperforms tit-for-tat in the
       Prisoner's Dilemma game", Nature 364, 1993.
    """
    pair = _Pair.of(question, "win stay, lose shift")
    situation = pair.situation
    if not situation.history:
        return certain(pair.kind, 2)
    last = situation.history[-1]
    own, payoffs = last[situation.seat], situation.game.payoffs[situation.seat]
    return certain(own if payoffs[last] > payoffs.mean() else 1 - own, 2)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A round between two.

    Attributes:
        situation: the situation asked about.
        kind: the own kind action.
        was_unkind: per round before, whether the other was not kind.
    """

    situation: MatrixSituation
    kind: int
    was_unkind: tuple[bool, ...]

    @classmethod
    def of(cls, question: Question, strategy: str) -> "_Pair":
        situation = situation_of(question, MatrixSituation, strategy)
        if situation.game.num_actions != (2, 2):
            raise UnsupportedGameError(
                f"{strategy} plays games of two with two actions each, got {situation.game.num_actions}"
            )
        other = 1 - situation.seat
        kind_of_other = _kind_action(situation, other, strategy)
        was_unkind = tuple(joint[other] != kind_of_other for joint in situation.history)
        return cls(situation, _kind_action(situation, situation.seat, strategy), was_unkind)


def _kind_action(situation: MatrixSituation, player: int, strategy: str) -> int:
    to_the_other = situation.game.payoffs[1 - player].sum(axis=1 - player).tolist()
    if to_the_other[0] == to_the_other[1]:
        raise UnsupportedGameError(f"{strategy} needs an action that gives the other more, got equal ones")
    return int(to_the_other[1] > to_the_other[0])
