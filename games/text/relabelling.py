"""Relabelling: the same situation with its options in another order and, if wished, under other names.

What a player is shown is the *presented* situation, what a scenario means is the *original* one. Nothing else
differs: payoffs, history and what is told move along with the actions, so that whoever decides by payoffs
decides alike.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.text.situations import (
    AllocationSituation,
    BundleSituation,
    Joint,
    MatrixSituation,
    PlaySituation,
    Situation,
)

_KEPT = 128


def _letters() -> tuple[str, ...]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return (*alphabet, *("".join(pair) for pair in product(alphabet, repeat=2)))


def _invented() -> tuple[str, ...]:
    heads = ("Zor", "Bli", "Vek", "Kru", "Fim", "Dro", "Mib", "Tyl", "Gwe", "Plo", "Sna", "Hux", "Jop", "Wef")
    tails = ("pa", "bo", "ni", "ku", "de", "ra", "lo", "zi", "mu", "te", "gan", "vit")
    return tuple(head + tail for head, tail in product(heads, tails))


class Naming(Enum):
    """Which names options get; the value is what they are taken from."""

    KEPT = ()
    """Their own."""
    LETTERS = _letters()
    INVENTED = _invented()
    """Names that mean nothing, such as "Zorpa"."""
    SYMBOLS = tuple("◆●▲■★♣♥♠◇○△□☆☀☂☾")


@dataclass(frozen=True, slots=True)
class Relabelling:
    """For each player an order of its options, and perhaps other names for them.

    Attributes:
        orders: per player, the original position of the option that is shown at each position.
        labels: per player, the name of the option at each position; empty where options keep their own.

    Raises:
        ValueError: an order is no permutation, or there is not one distinct label per option.
    """

    orders: tuple[tuple[int, ...], ...]
    labels: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        for order in self.orders:
            if sorted(order) != list(range(len(order))):
                raise ValueError(f"orders must hold permutations, got {order}")
        sizes = [len(order) for order in self.orders]
        if self.labels and [len(set(names)) for names in self.labels] != sizes:
            raise ValueError(f"labels must hold distinct labels in numbers {sizes}, got {self.labels}")

    @classmethod
    def of(cls, situation: Situation, seed: int, *, naming: Naming = Naming.KEPT) -> "Relabelling":
        """The relabelling of a seed for situations of this kind.

        Equal labels mean the same for all players, so they get the same name, and players with equal options
        get them in the same order. The draw depends on the options and on what they lead to (payoffs,
        bundles, rules) and on nothing else: it stays the same all through a repeated game, and of two options
        in many games, the first is sometimes shown first and sometimes second. Options in a game that is
        played move by move keep their names, which say what they do.

        Args:
            situation: whose options are to be relabelled.
            seed: of the draw, >= 0.
            naming: where names come from.

        Raises:
            ValueError: there are not enough names.
        """
        groups = _options(situation)
        rng = np.random.default_rng([seed, _content(situation)])
        drawn = {labels: rng.permutation(len(labels)).tolist() for labels in dict.fromkeys(groups)}
        orders = tuple(tuple(drawn[labels]) for labels in groups)
        if naming is Naming.KEPT or isinstance(situation, PlaySituation):
            return cls(orders)
        originals = list(dict.fromkeys(label for labels in groups for label in labels))
        pool: tuple[str, ...] = naming.value
        if len(originals) > len(pool):
            raise ValueError(f"naming {naming.name} has {len(pool)} names, the options need {len(originals)}")
        # Letters are dealt from the first few, so that four options are A to D and not K, Q, T, X.
        names = pool[: len(originals)] if naming is Naming.LETTERS else pool
        dealt = dict(zip(originals, rng.permutation(np.array(names, dtype=object)), strict=False))
        return cls(
            orders,
            tuple(
                tuple(dealt[labels[k]] for k in order) for labels, order in zip(groups, orders, strict=True)
            ),
        )

    def apply(self, situation: Situation) -> Situation:
        """The situation as it is presented.

        Remarks and rules are texts: names of options within them stay as they are.

        Raises:
            ValueError: the situation has other numbers of options.
        """
        groups = _options(situation)
        if [len(labels) for labels in groups] != [len(order) for order in self.orders]:
            raise ValueError(
                f"situation must have {[len(order) for order in self.orders]} options by player, got "
                f"{[len(labels) for labels in groups]}"
            )
        if isinstance(situation, MatrixSituation):
            return replace(
                situation,
                game=_presented(self, situation.game),
                history=tuple(self.joint_to_presented(joint) for joint in situation.history),
                told=tuple(
                    None if action is None else self.to_presented(player, action)
                    for player, action in enumerate(situation.told)
                ),
            )
        order = list(self.orders[situation.seat])
        names = self._names(situation.seat, situation.options)
        if isinstance(situation, AllocationSituation):
            return replace(situation, payoffs=situation.payoffs[order], options=names)
        if isinstance(situation, BundleSituation):
            return replace(situation, bundles=situation.bundles[order], options=names)
        return replace(situation, legal=tuple(situation.legal[k] for k in order), options=names)

    def to_presented(self, player: int, action: int) -> int:
        """Where an option of the original is shown."""
        return self.orders[player].index(action)

    def to_original(self, player: int, action: int) -> int:
        """Which option of the original is shown at a position."""
        return self.orders[player][action]

    def joint_to_presented(self, joint: Joint) -> Joint:
        """`to_presented` of every player's action."""
        return tuple(self.to_presented(player, action) for player, action in enumerate(joint))

    def belief_to_presented(self, player: int, belief: Sequence[float]) -> tuple[float, ...]:
        """Probabilities over a player's original options, as they are shown."""
        return tuple(belief[k] for k in self.orders[player])

    def belief_to_original(self, player: int, belief: Sequence[float]) -> tuple[float, ...]:
        """Probabilities over a player's options as they are shown, in the original order."""
        return tuple(belief[k] for k in np.argsort(self.orders[player]).tolist())

    def _names(self, player: int, labels: tuple[str, ...]) -> tuple[str, ...]:
        return self.labels[player] if self.labels else tuple(labels[k] for k in self.orders[player])


def _options(situation: Situation) -> list[tuple[str, ...]]:
    """Labels by player; only the one who decides has any in a game that is played move by move."""
    if isinstance(situation, MatrixSituation):
        return list(situation.game.actions)
    if isinstance(situation, PlaySituation):
        groups: list[tuple[str, ...]] = [()] * situation.game.num_players
        groups[situation.seat] = situation.options
        return groups
    return [situation.options]


def _content(situation: Situation) -> int:
    """A number for the options and what they lead to."""
    if isinstance(situation, MatrixSituation):
        return _content_of(situation.game)
    if isinstance(situation, PlaySituation):
        return _number(repr((situation.seat, situation.options, situation.rules)).encode())
    amounts = situation.payoffs if isinstance(situation, AllocationSituation) else situation.bundles
    return _number(repr(situation.options).encode() + amounts.tobytes())


@lru_cache(maxsize=_KEPT)
def _content_of(game: NormalFormGame) -> int:
    return _number(repr(game.actions).encode() + game.payoffs.tobytes())


def _number(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest()[:8])


@lru_cache(maxsize=_KEPT)
def _presented(relabelling: Relabelling, game: NormalFormGame) -> NormalFormGame:
    """The game with its actions in their new order; kept, because a repeated game asks for it every round."""
    payoffs: NDArray[np.float64] = game.payoffs
    for player, order in enumerate(relabelling.orders):
        payoffs = payoffs.take(order, axis=player + 1)
    actions = tuple(relabelling._names(p, labels) for p, labels in enumerate(game.actions))
    return NormalFormGame(payoffs, actions, game.players, game.name)
