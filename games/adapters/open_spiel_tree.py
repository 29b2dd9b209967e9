"""Compile an OpenSpiel game to a flat tree, proving on the way what the arrays take for granted."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pyspiel

from games.adapters.open_spiel_load import game_string, load_open_spiel
from games.errors import UnsupportedGameError
from games.extensive.folding import fold, utility_of
from games.extensive.sequence_form import SequenceForm, Utility
from games.extensive.tree import CHANCE, TERMINAL, TreeGame

DEFAULT_MAX_HISTORIES = 20_000_000

Visitor: TypeAlias = Callable[[Any, int, int, bool], None]
"""Shown every decision node in node order: its OpenSpiel state, not to be kept or changed, the player who
moves, the number of the information set, and whether the move is made together with the one before it."""


def compile_open_spiel(
    game: "str | pyspiel.Game", *, max_histories: int = DEFAULT_MAX_HISTORIES
) -> SequenceForm:
    """Fold an OpenSpiel game to its sequence form.

    The form's ``source`` is the string that loads the game again. See ``tree_from_open_spiel`` for what is
    checked and what is refused.

    Example:
        >>> compile_open_spiel("kuhn_poker").num_sequences
        (13, 13)
    """
    loaded = load_open_spiel(game)
    return fold(tree_from_open_spiel(loaded, max_histories=max_histories), source=game_string(loaded))


def tree_from_open_spiel(
    game: "str | pyspiel.Game",
    *,
    max_histories: int = DEFAULT_MAX_HISTORIES,
    visitor: Visitor | None = None,
) -> TreeGame:
    """Walk an OpenSpiel game once and write down its tree.

    Simultaneous moves become consecutive moves of players who do not see each other. Proved here: chance
    outcomes sum to one, an information state always offers the same actions, payoffs are finite, and the
    payoffs relate as the game declares (zero-sum, common). Perfect recall is proved by ``fold``.

    Args:
        game: a name with parameters, such as ``"leduc_poker(players=3)"``, or a loaded game.
        max_histories: refuse larger trees; a history costs about 40 bytes here and a few microseconds.
        visitor: looks at the OpenSpiel states on the way.

    Raises:
        UnknownNameError: no such game.
        UnsupportedGameError: chance is sampled rather than listed, the game is a mean-field game, has no
            information states, is larger than ``max_histories``, or breaks one of the rules above.
    """
    loaded = load_open_spiel(game)
    kind = loaded.get_type()
    if kind.chance_mode == pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC:
        raise UnsupportedGameError(f"{loaded} samples its chance moves and does not list their probabilities")
    if kind.dynamics == pyspiel.GameType.Dynamics.MEAN_FIELD:
        raise UnsupportedGameError(f"{loaded} is a mean-field game: it has no finite tree of player moves")
    if not kind.provides_information_state_string:
        raise UnsupportedGameError(f"{loaded} provides no information states, so its tree has no infosets")
    walk = _Walk(loaded, max_histories, visitor)
    walk.run()
    tree = walk.tree()
    _check_utility(tree, kind.utility)
    return tree


def _check_utility(tree: TreeGame, declared: "pyspiel.GameType.Utility") -> None:
    """The payoffs at the leaves must relate as the game declares."""
    actual = utility_of(tree.payoffs)
    broken = (declared == pyspiel.GameType.Utility.ZERO_SUM and actual is not Utility.ZERO_SUM) or (
        # All-zero payoffs are common and zero-sum at once; utility_of then says zero-sum.
        declared == pyspiel.GameType.Utility.IDENTICAL and actual is not Utility.COMMON and tree.payoffs.any()
    )
    if broken:
        raise UnsupportedGameError(
            f"{tree.name} declares {declared.name} utility, but its leaves are {actual}"
        )


class _Walk:
    """Depth-first preorder walk; a simultaneous move is a chain of nodes that share one OpenSpiel state."""

    def __init__(self, game: "pyspiel.Game", max_histories: int, visitor: Visitor | None) -> None:
        self.game = game
        self.max_histories = max_histories
        self.visitor = visitor
        self.num_players = game.num_players()
        self.parent: list[int] = []
        self.move: list[int] = []
        self.chance: list[float] = []
        self.actor: list[int] = []
        self.infoset: list[int] = []
        self.payoffs: list[list[float]] = []
        self.chance_labels: list[tuple[str, ...]] = []
        self.numbers: dict[tuple[int, str], int] = {}
        self.legal: list[list[int]] = []
        self.labels: list[tuple[str, ...]] = []

    def run(self) -> None:
        # Each entry: (state, action or joint action that leads to the node or None, is the state ours to
        # change, parent node, move, chance probability, actions chosen so far in a simultaneous move).
        stack: list[tuple[Any, int | list[int] | None, bool, int, int, float, tuple[int, ...]]] = [
            (self.game.new_initial_state(), None, False, -1, -1, 1.0, ())
        ]
        while stack:
            state, action, last, up, move, probability, chosen = stack.pop()
            if action is not None:
                # The last sibling is visited when no other needs the parent's state: no copy.
                if not last:
                    state = state.clone()
                if isinstance(action, list):
                    state.apply_actions(action)
                else:
                    state.apply_action(action)
            node = len(self.parent)
            if node >= self.max_histories:
                raise UnsupportedGameError(
                    f"{self.game} has more than max_histories={self.max_histories} histories; "
                    "raise the limit, or play it forward as an EnvGame"
                )
            self.parent.append(up)
            self.move.append(move)
            self.chance.append(probability)
            player = state.current_player()
            if player >= 0:
                legal = self._decision(state, player, state.legal_actions(), together=False)
                end = len(legal) - 1
                stack.extend((state, legal[k], k == end, node, k, 1.0, ()) for k in range(end, -1, -1))
            elif player == pyspiel.PlayerId.TERMINAL:
                self._leaf(state.returns())
            elif player == pyspiel.PlayerId.CHANCE:
                outcomes = self._chance(state)
                end = len(outcomes) - 1
                for k in range(end, -1, -1):
                    outcome, p = outcomes[k]
                    stack.append((state, outcome, k == end, node, k, p, ()))
            else:
                self._simultaneous(state, node, chosen, stack)

    def _simultaneous(self, state: Any, node: int, chosen: tuple[int, ...], stack: list[Any]) -> None:  # noqa: ANN401
        player, together = len(chosen), bool(chosen)
        # OpenSpiel lists one dummy or no action for players who sit out; they need no node.
        while not state.legal_actions(player):
            chosen = (*chosen, 0)
            player += 1
        legal = self._decision(state, player, state.legal_actions(player), together=together)
        idle = player + 1
        while idle < self.num_players and not state.legal_actions(idle):
            idle += 1
        rest = (0,) * (idle - player - 1)
        for k in range(len(legal) - 1, -1, -1):
            joint = (*chosen, legal[k], *rest)
            if len(joint) == self.num_players:
                stack.append((state, list(joint), False, node, k, 1.0, ()))
            else:
                stack.append((state, None, False, node, k, 1.0, joint))

    def _decision(self, state: Any, player: int, legal: list[int], *, together: bool) -> list[int]:  # noqa: ANN401
        key = (player, state.information_state_string(player))
        number = self.numbers.get(key)
        if number is None:
            number = len(self.legal)
            self.numbers[key] = number
            self.legal.append(legal)
            self.labels.append(tuple(state.action_to_string(player, a) for a in legal))
        elif self.legal[number] != legal:
            raise UnsupportedGameError(
                f"{self.game} offers different actions at one information state of player {player}: "
                f"{self.legal[number]} and {legal} at {key[1]!r}"
            )
        self.actor.append(player)
        self.infoset.append(number)
        if self.visitor is not None:
            self.visitor(state, player, number, together)
        return legal

    def _chance(self, state: Any) -> list[tuple[int, float]]:  # noqa: ANN401
        outcomes: list[tuple[int, float]] = state.chance_outcomes()
        total = math.fsum(p for _, p in outcomes)
        if not abs(total - 1.0) <= 1e-9 or min(p for _, p in outcomes) < 0:
            raise UnsupportedGameError(
                f"{self.game} has chance probabilities that sum to {total!r} and not to one, "
                f"after the actions {state.history()}"
            )
        self.actor.append(CHANCE)
        self.infoset.append(-1)
        self.chance_labels.append(
            tuple(state.action_to_string(pyspiel.PlayerId.CHANCE, a) for a, _ in outcomes)
        )
        return outcomes

    def _leaf(self, returns: list[float]) -> None:
        self.actor.append(TERMINAL)
        self.infoset.append(-1)
        self.payoffs.append(returns)

    def tree(self) -> TreeGame:
        """The arrays of the finished walk."""
        payoffs = np.array(self.payoffs, dtype=np.float64)
        if not np.isfinite(payoffs).all():
            raise UnsupportedGameError(f"{self.game} has returns that are not finite")
        return TreeGame(
            name=game_string(self.game),
            num_players=self.num_players,
            parent=np.array(self.parent, np.int32),
            move=np.array(self.move, np.int32),
            chance=np.array(self.chance, np.float64),
            actor=np.array(self.actor, np.int32),
            infoset=np.array(self.infoset, np.int32),
            payoffs=payoffs,
            infoset_player=np.array([player for player, _ in self.numbers], np.int32),
            infoset_labels=tuple(label for _, label in self.numbers),
            infoset_actions=tuple(
                _distinct(labels, ids) for labels, ids in zip(self.labels, self.legal, strict=True)
            ),
            infoset_action_ids=tuple(tuple(ids) for ids in self.legal),
            chance_labels=tuple(self.chance_labels),
        )


def _distinct(labels: tuple[str, ...], ids: list[int]) -> tuple[str, ...]:
    """Action labels, numbered where the game calls two actions by one name."""
    if len(set(labels)) == len(labels):
        return labels
    return tuple(f"{label}#{k}" for label, k in zip(labels, ids, strict=True))
