"""Situations: what a player may know when it decides, as values.

A situation holds nothing that is hidden from the player, so whatever is made of it, a text or a move,
cannot leak. Players that compute read its arrays; players that read get it in words by `games.text.render`.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.protocols import EnvGame
from games.social.desires import Desire

Joint: TypeAlias = tuple[int, ...]
"""One action per player, in the order of players."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What another player said: a text that nobody vouches for.

    Attributes:
        speaker: whose words they are, in the order of players.
        text: the words, as they came.
    """

    speaker: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class MatrixSituation:
    """A seat in a normal-form game that is played once, or again and again.

    Attributes:
        game: the payoffs of one round, all of them known to the player.
        seat: which player decides.
        history: joint actions of the rounds before, oldest first.
        rounds: how many there will be in all, or None where the player is not told.
        told: per player the action that it is known to take in this round, or None; empty where nothing is.
        desire: what the player is asked to want of an outcome; None leaves it to want what it likes.
        remarks: what others said before this round.
    """

    game: NormalFormGame
    seat: int = 0
    history: tuple[Joint, ...] = ()
    rounds: int | None = 1
    told: tuple[int | None, ...] = ()
    desire: Desire | None = None
    remarks: tuple[Remark, ...] = ()

    def __post_init__(self) -> None:
        sizes = self.game.num_actions
        if not 0 <= self.seat < len(sizes):
            raise ValueError(f"seat must lie in range({len(sizes)}), got {self.seat}")
        for joint in self.history:
            if len(joint) != len(sizes) or not all(0 <= a < n for a, n in zip(joint, sizes, strict=True)):
                raise ValueError(f"history must hold joint actions of a game of {sizes}, got {joint}")
        if self.rounds is not None and self.rounds <= len(self.history):
            raise ValueError(f"rounds must exceed the {len(self.history)} played, got {self.rounds}")
        if self.told and len(self.told) != len(sizes):
            raise ValueError(f"told must hold an entry per player, {len(sizes)}, got {len(self.told)}")
        for action, size in zip(self.told, sizes, strict=False):
            if action is not None and not 0 <= action < size:
                raise ValueError(f"told must hold actions of a game of {sizes}, got {self.told}")

    @property
    def options(self) -> tuple[str, ...]:
        """Labels of the player's actions."""
        return self.game.actions[self.seat]

    def options_of(self, player: int) -> tuple[str, ...]:
        """Labels of another player's actions."""
        return self.game.actions[player]


@dataclass(frozen=True, slots=True, eq=False)
class AllocationSituation:
    """A choice among divisions between people, of whom only the first chooses.

    Attributes:
        payoffs: float64 (k, n), what each of n people gets under each of k options; read-only.
        options: k distinct labels.
        people: n names, the chooser's first; an empty one is for somebody without a name.
        desire: what the player is asked to want; None leaves it to want what it likes.
    """

    payoffs: NDArray[np.float64]
    options: tuple[str, ...]
    people: tuple[str, ...]
    desire: Desire | None = None
    seat: int = 0

    def __post_init__(self) -> None:
        payoffs = np.array(self.payoffs, dtype=np.float64)
        payoffs.setflags(write=False)
        object.__setattr__(self, "payoffs", payoffs)
        if payoffs.shape != (len(self.options), len(self.people)) or len(set(self.options)) < 2:
            raise ValueError(
                "payoffs must have shape (options, people) with at least two options, got "
                f"{payoffs.shape} for {len(self.options)} and {len(self.people)}"
            )
        if len(set(self.options)) != len(self.options) or not np.isfinite(payoffs).all():
            raise ValueError("options must be distinct, and payoffs finite")
        if self.seat != 0:
            raise ValueError(f"seat must be 0, the chooser, got {self.seat}")


@dataclass(frozen=True, slots=True, eq=False)
class BundleSituation:
    """A choice among bundles of goods, all that a budget buys.

    Attributes:
        bundles: float64 (k, g), units of each of g goods in each of k bundles; read-only.
        prices: float64 (g,), of one unit, > 0; read-only.
        income: what there is to spend, in the unit of the prices.
        options: k distinct labels.
        goods: g names.
    """

    bundles: NDArray[np.float64]
    prices: NDArray[np.float64]
    income: float
    options: tuple[str, ...]
    goods: tuple[str, ...]
    seat: int = 0

    def __post_init__(self) -> None:
        for name in ("bundles", "prices"):
            values = np.array(getattr(self, name), dtype=np.float64)
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        if self.bundles.shape != (len(self.options), len(self.goods)) or len(set(self.options)) < 2:
            raise ValueError(
                "bundles must have shape (options, goods) with at least two options, got "
                f"{self.bundles.shape} for {len(self.options)} and {len(self.goods)}"
            )
        if self.prices.shape != (len(self.goods),) or not (self.prices > 0).all():
            raise ValueError(f"prices must be positive, one per good, got {self.prices}")
        if len(set(self.options)) != len(self.options) or not (self.bundles >= 0).all():
            raise ValueError("options must be distinct, and bundles not negative")
        if (self.bundles @ self.prices > self.income * (1 + 1e-9)).any():
            raise ValueError(f"bundles must cost at most the income {self.income}")
        if self.seat != 0:
            raise ValueError(f"seat must be 0, the chooser, got {self.seat}")


@dataclass(frozen=True, slots=True, eq=False)
class PlaySituation:
    """A decision in a game that is played move by move, by one player and with what that player knows.

    Attributes:
        game: whose rules they are; its states stay with whoever runs it.
        seat: which player decides.
        rules: the rules in words, the same throughout a game.
        known: in words, what the player knows of this play: own cards, the moves it saw, the board.
        legal: the actions that may be taken, as the game numbers them.
        options: their labels, in the same order.
        information_state: names what the player knows; equal ones mean equal knowledge.
        observation: float32, as ``game.observe`` gives it, for policies that learnt.
        mask: bool (num_actions,), True at ``legal``.
        remarks: what others said.
    """

    game: EnvGame[Any]
    seat: int
    rules: str
    known: str
    legal: tuple[int, ...]
    options: tuple[str, ...]
    information_state: bytes
    observation: NDArray[np.float32]
    mask: NDArray[np.bool_]
    remarks: tuple[Remark, ...] = ()

    def __post_init__(self) -> None:
        if len(self.legal) != len(self.options) or len(set(self.options)) != len(self.options):
            raise ValueError(
                f"options must be distinct labels of the {len(self.legal)} legal actions, got {self.options}"
            )


Situation: TypeAlias = MatrixSituation | AllocationSituation | BundleSituation | PlaySituation
