"""From a game played forward to its exact tree.

Every joint action is tried at every state. Simultaneous moves become consecutive moves of players who do not
see each other. An information set is what a player sees now together with all that they saw and did before
(their action-observation history), so perfect recall holds by construction; what is *seen* is the caller's to
say, by a key per state and player.

Chance is written down where the game lists it (``games.chance.ListsChance``). Any other game must be
deterministic, which is proved on the way: a transition that draws from its generator is refused.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.chance import ListsChance, Outcomes
from games.errors import UnsupportedGameError
from games.extensive.sequence_form import Behavior
from games.extensive.tree import CHANCE, TERMINAL, TreeGame
from games.protocols import EnvGame

State = TypeVar("State")

DEFAULT_MAX_HISTORIES = 1_000_000
_CHANCE_TOLERANCE = 1e-9

InformationKey: TypeAlias = Callable[[State, int], str]
"""What a player sees at a state, as text; called only for players who are to move."""

_Sequence: TypeAlias = tuple[int, int] | None
"""A player's last information set and action, None before the first."""


@dataclass(frozen=True, slots=True, eq=False)
class Expansion(Generic[State]):
    """A tree, and the states it came from; H information sets.

    Attributes:
        tree: the game.
        states: a state of each information set, (H,): the first one met. The others look the same to the
            player who moves.
    """

    tree: TreeGame
    states: tuple[State, ...]

    def behavior(self, player: int, policy: Callable[[State], ArrayLike]) -> Behavior:
        """A policy of the game played forward as an array of the sequence form.

        Args:
            player: whose policy.
            policy: probabilities over all action numbers of the player at a state, zero on illegal ones.

        Returns:
            Shape (S_player,), as ``games.extensive.sequence_form.Behavior``.

        Raises:
            ValueError: the probabilities at some state do not cover its legal actions with a sum of one.
        """
        parts: list[NDArray[np.float64]] = [np.ones(1)]
        for h in np.flatnonzero(self.tree.infoset_player == player).tolist():
            legal = list(self.tree.infoset_action_ids[h])
            row = np.asarray(policy(self.states[h]), dtype=np.float64)
            if row.ndim != 1 or row.size <= max(legal) or not abs(row[legal].sum() - 1.0) <= 1e-9:
                raise ValueError(
                    f"policy must give a distribution over the actions {legal} at "
                    f"{self.tree.infoset_labels[h]!r}, got {row}"
                )
            parts.append(row[legal])
        return np.concatenate(parts)


def tree_from_env(
    game: EnvGame[State],
    *,
    information: InformationKey[State],
    actions: Sequence[Sequence[str]] = (),
    players: Sequence[str] = (),
    name: str = "",
    max_histories: int = DEFAULT_MAX_HISTORIES,
) -> TreeGame:
    """The tree of ``expand_env``, without its states.

    Example:
        >>> from games.gridworlds.trust_dilemma import TrustDilemma
        >>> hunt = TrustDilemma(
        ...     rows=1, columns=3, hunters=((0, 0), (0, 2)), stag=(0, 1), hares=(), horizon=1
        ... )
        >>> tree_from_env(hunt, information=hunt.information_key).num_nodes
        7
    """
    return expand_env(
        game,
        information=information,
        actions=actions,
        players=players,
        name=name,
        max_histories=max_histories,
    ).tree


def expand_env(
    game: EnvGame[State],
    *,
    information: InformationKey[State],
    actions: Sequence[Sequence[str]] = (),
    players: Sequence[str] = (),
    name: str = "",
    max_histories: int = DEFAULT_MAX_HISTORIES,
) -> Expansion[State]:
    """Play a game out in every way and write down its tree.

    Args:
        game: deterministic, or one that lists its chance moves.
        information: what the player to move sees; earlier keys and own actions are remembered for them.
        actions: labels of each player's action numbers; the numbers themselves where empty.
        players: labels of the players.
        name: name of the tree; that of the game where empty.
        max_histories: refuse larger trees; a history takes some 10 microseconds and 100 bytes.

    Raises:
        UnsupportedGameError: a transition draws from its generator and the game does not list its chance, the
            tree is larger than ``max_histories``, states that look the same offer different actions, listed
            probabilities do not sum to one, or a payoff is not finite.
        ValueError: ``actions`` or ``players`` do not fit the game, or ``max_histories`` is below 1.
    """
    if max_histories < 1:
        raise ValueError(f"max_histories must be at least 1, got {max_histories}")
    labels = [tuple(map(str, range(game.num_actions(i)))) for i in range(game.num_players)]
    if actions:
        if [len(a) for a in actions] != [len(a) for a in labels]:
            raise ValueError(
                f"actions must label {[len(a) for a in labels]} actions of the players, "
                f"got {[len(a) for a in actions]} labels"
            )
        labels = [tuple(a) for a in actions]
    if players and len(players) != game.num_players:
        raise ValueError(f"players must be empty or hold {game.num_players} labels, got {tuple(players)}")
    walk = _Walk(game, information, max_histories)
    walk.run()
    return Expansion(walk.tree(name or game.name, labels, tuple(players)), tuple(walk.states))


class _Transitions(Generic[State]):
    """All successors of a state, listed by the game or proved to be one."""

    def __init__(self, game: EnvGame[State]) -> None:
        self._game = game
        self._lists: ListsChance[State] | None = game if isinstance(game, ListsChance) else None
        self._rng = np.random.default_rng(0)
        self._untouched = self._rng.bit_generator.state

    def start(self) -> Outcomes[State]:
        if self._lists is not None:
            return self._checked(self._lists.start_outcomes())
        return ((1.0, self._undrawn(self._game.initial(self._rng))),)

    def step(self, state: State, joint: dict[int, int]) -> Outcomes[State]:
        if self._lists is not None:
            return self._checked(self._lists.step_outcomes(state, joint))
        return ((1.0, self._undrawn(self._game.step(state, joint, self._rng))),)

    def _undrawn(self, state: State) -> State:
        if self._rng.bit_generator.state != self._untouched:
            raise UnsupportedGameError(
                f"{self._game.name} draws chance from its generator; only games that are deterministic or "
                "list their chance moves (games.chance.ListsChance) have a tree"
            )
        return state

    def _checked(self, outcomes: Outcomes[State]) -> Outcomes[State]:
        probabilities = [p for p, _ in outcomes]
        total = math.fsum(probabilities)
        if not abs(total - 1.0) <= _CHANCE_TOLERANCE or min(probabilities) < 0:
            raise UnsupportedGameError(
                f"{self._game.name} lists chance probabilities {probabilities}, which sum to {total!r}"
            )
        return outcomes


class _Walk(Generic[State]):
    """Depth-first preorder walk; nodes are appended when they are popped from the stack."""

    def __init__(self, game: EnvGame[State], information: InformationKey[State], max_histories: int) -> None:
        self._game = game
        self._information = information
        self._max_histories = max_histories
        self._transitions = _Transitions(game)
        self.states: list[State] = []
        self._parent: list[int] = []
        self._move: list[int] = []
        self._chance: list[float] = []
        self._actor: list[int] = []
        self._infoset: list[int] = []
        self._payoffs: list[NDArray[np.float64]] = []
        self._numbers: dict[tuple[int, _Sequence, str], int] = {}
        self._legal: list[tuple[int, ...]] = []

    def run(self) -> None:
        # Each entry: (parent, move, probability of the edge, outcomes still to be drawn from or one state,
        # last sequence of each player, choices so far in a simultaneous move). A node with several outcomes
        # is a chance node; one with a single outcome is the state itself.
        memory: tuple[_Sequence, ...] = (None,) * self._game.num_players
        stack: list[Any] = [(-1, -1, 1.0, self._transitions.start(), memory, {})]
        while stack:
            up, move, probability, outcomes, memory, chosen = stack.pop()
            node = len(self._parent)
            if node >= self._max_histories:
                raise UnsupportedGameError(
                    f"{self._game.name} has more than max_histories={self._max_histories} histories; raise "
                    "the limit, shorten the game, or play it forward"
                )
            self._parent.append(up)
            self._move.append(move)
            self._chance.append(probability)
            if len(outcomes) > 1:
                self._actor.append(CHANCE)
                self._infoset.append(-1)
                for k in range(len(outcomes) - 1, -1, -1):
                    p, state = outcomes[k]
                    stack.append((node, k, p, ((1.0, state),), memory, {}))
                continue
            state = outcomes[0][1]
            movers = self._game.to_move(state)
            if not movers:
                self._leaf(state)
                continue
            player = movers[len(chosen)]
            h, legal = self._decision(state, player, memory[player])
            after = [(*memory[:player], (h, k), *memory[player + 1 :]) for k in range(len(legal))]
            for k in range(len(legal) - 1, -1, -1):
                joint = {**chosen, player: legal[k]}
                whole = len(joint) == len(movers)
                reached = self._transitions.step(state, joint) if whole else outcomes
                stack.append((node, k, 1.0, reached, after[k], {} if whole else joint))

    def _decision(self, state: State, player: int, last: _Sequence) -> tuple[int, tuple[int, ...]]:
        key = (player, last, self._information(state, player))
        legal = tuple(np.flatnonzero(self._game.legal_mask(state, player)).tolist())
        h = self._numbers.setdefault(key, len(self._legal))
        if h == len(self._legal):
            self._legal.append(legal)
            self.states.append(state)
        elif self._legal[h] != legal:
            raise UnsupportedGameError(
                f"{self._game.name} offers different actions where player {player} sees the same: "
                f"{self._legal[h]} and {legal} at {key[2]!r}"
            )
        self._actor.append(player)
        self._infoset.append(h)
        return h, legal

    def _leaf(self, state: State) -> None:
        self._actor.append(TERMINAL)
        self._infoset.append(-1)
        payoffs = self._game.returns(state)
        if not np.isfinite(payoffs).all():
            raise UnsupportedGameError(f"{self._game.name} has returns that are not finite: {payoffs}")
        self._payoffs.append(payoffs)

    def tree(self, name: str, labels: Sequence[tuple[str, ...]], players: tuple[str, ...]) -> TreeGame:
        """The arrays of the finished walk."""
        owners = [player for player, _, _ in self._numbers]
        return TreeGame(
            name=name,
            num_players=self._game.num_players,
            parent=np.array(self._parent, np.int32),
            move=np.array(self._move, np.int32),
            chance=np.array(self._chance, np.float64),
            actor=np.array(self._actor, np.int32),
            infoset=np.array(self._infoset, np.int32),
            payoffs=np.array(self._payoffs, np.float64),
            infoset_player=np.array(owners, np.int32),
            infoset_labels=self._infoset_labels(labels),
            infoset_actions=tuple(
                tuple(labels[i][a] for a in legal) for i, legal in zip(owners, self._legal, strict=True)
            ),
            infoset_action_ids=tuple(self._legal),
            players=players,
        )

    def _infoset_labels(self, labels: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        """The keys, preceded by the own actions and keys that led there where a key alone is not unique."""
        times = Counter((player, key) for player, _, key in self._numbers)
        repeated = {player for (player, _), n in times.items() if n > 1}
        whole: list[str] = []
        for player, last, key in self._numbers:
            if last is None or player not in repeated:
                whole.append(key)
            else:
                h, k = last
                whole.append(f"{whole[h]} > {labels[player][self._legal[h][k]]} > {key}")
        return tuple(whole)
