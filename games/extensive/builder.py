"""Building a game tree by hand, move by move, with every slip named where it is made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from games.extensive.tree import CHANCE, TERMINAL, TreeGame
from games.registry import unknown_name

_CHANCE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Edge:
    """An open end of the tree, to be continued by one node; got from ``Branch``, made by no one else."""

    node: int
    move: int
    label: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A node with its moves; ``branch["raise"]`` is the edge to continue.

    Attributes:
        node: number of the node in the order of building.
        labels: labels of the moves.
    """

    node: int
    labels: tuple[str, ...]

    def __getitem__(self, label: str) -> Edge:
        if label not in self.labels:
            raise unknown_name(f"move at node {self.node}:", label, self.labels)
        return Edge(self.node, self.labels.index(label), label)


@dataclass(slots=True)
class _Node:
    actor: int
    infoset: int
    chance: tuple[float, ...]
    labels: tuple[str, ...]
    payoffs: tuple[float, ...]
    children: list[int | None]


class TreeBuilder:
    """Collects nodes in any order in which a parent comes before its children.

    Args:
        name: how reports call the game.
        players: labels of the players, numbered from 0 in this order.

    Example:
        >>> builder = TreeBuilder("entry", ["entrant", "incumbent"])
        >>> entrant = builder.decision(None, 0, "entry", ["in", "out"])
        >>> incumbent = builder.decision(entrant["in"], 1, "reply", ["share", "fight"])
        >>> for edge, payoffs in ((entrant["out"], (1, 5)), (incumbent["share"], (2, 2))):
        ...     builder.terminal(edge, payoffs)
        >>> builder.terminal(incumbent["fight"], (0, 0))
        >>> builder.build().num_nodes
        5
    """

    def __init__(self, name: str, players: Sequence[str]) -> None:
        self._name = name
        self._players = tuple(players)
        if not self._players or len(set(self._players)) != len(self._players):
            raise ValueError(f"players must be one or more distinct labels, got {self._players}")
        self._nodes: list[_Node] = []
        self._infosets: dict[tuple[int, str], tuple[str, ...]] = {}
        self._numbers: dict[tuple[int, str], int] = {}

    def decision(self, parent: Edge | None, player: int, infoset: str, actions: Sequence[str]) -> Branch:
        """Add a node where a player moves.

        Args:
            parent: the edge that leads here, None for the root.
            player: who moves, from 0.
            infoset: label of the information set; nodes that the player cannot tell apart share it.
            actions: labels of the moves, the same in the same order at all nodes of the information set.

        Raises:
            ValueError: no such player, actions missing or repeated or different from those the information
                set had before, or ``parent`` is not an open end.
        """
        labels = self._labels(actions, "actions")
        if not 0 <= player < len(self._players):
            raise ValueError(f"player must lie in 0..{len(self._players) - 1}, got {player}")
        known = self._infosets.get((player, infoset), labels)
        if labels != known:
            raise ValueError(
                f"information set {infoset!r} of player {player} has the actions {known}, got {labels}"
            )
        branch = self._attach(parent, player, (), labels)
        self._infosets[player, infoset] = labels
        number = self._numbers.setdefault((player, infoset), len(self._numbers))
        self._nodes[branch.node].infoset = number
        return branch

    def chance(self, parent: Edge | None, outcomes: Mapping[str, float | Fraction]) -> Branch:
        """Add a chance node; ``outcomes`` maps labels to probabilities that sum to one.

        Raises:
            ValueError: no outcome, a probability that is negative or not finite, a sum farther than 1e-9
                from one, or ``parent`` is not an open end.
        """
        labels = self._labels(list(outcomes), "outcomes")
        probabilities = tuple(float(p) for p in outcomes.values())
        total = math.fsum(probabilities)
        if not min(probabilities) >= 0 or not abs(total - 1.0) <= _CHANCE_TOLERANCE:
            raise ValueError(
                f"outcomes must be non-negative and sum to one, got {dict(outcomes)} (sum {total!r})"
            )
        return self._attach(parent, CHANCE, probabilities, labels)

    def terminal(self, parent: Edge | None, payoffs: Sequence[float]) -> None:
        """Add an end of the game.

        Raises:
            ValueError: not one finite payoff per player, or ``parent`` is not an open end.
        """
        values = tuple(float(x) for x in payoffs)
        if len(values) != len(self._players) or not all(map(math.isfinite, values)):
            raise ValueError(f"payoffs must be {len(self._players)} finite numbers, got {tuple(payoffs)}")
        self._nodes[self._attach(parent, TERMINAL, (), ()).node].payoffs = values

    def build(self) -> TreeGame:
        """The finished tree, its nodes renumbered in depth-first preorder.

        Raises:
            ValueError: the tree is empty, or a move leads nowhere yet.
        """
        if not self._nodes:
            raise ValueError(f"tree {self._name!r} has no node yet")
        for k, node in enumerate(self._nodes):
            for move, child in enumerate(node.children):
                if child is None:
                    raise ValueError(
                        f"tree {self._name!r}: the move {node.labels[move]!r} of node {k} leads nowhere yet; "
                        "add a decision, chance or terminal node"
                    )
        return self._tree(*self._preorder())

    def _labels(self, labels: Sequence[str], name: str) -> tuple[str, ...]:
        result = tuple(labels)
        if isinstance(labels, str) or not result or len(set(result)) != len(result):
            raise ValueError(f"{name} must be a sequence of one or more distinct labels, got {labels!r}")
        return result

    def _attach(
        self, parent: Edge | None, actor: int, chance: tuple[float, ...], labels: tuple[str, ...]
    ) -> Branch:
        number = len(self._nodes)
        if parent is None:
            if self._nodes:
                raise ValueError("the tree has its root already; give the edge that leads to this node")
        else:
            children = self._nodes[parent.node].children
            if children[parent.move] is not None:
                raise ValueError(f"the move {parent.label!r} of node {parent.node} leads to a node already")
            children[parent.move] = number
        self._nodes.append(_Node(actor, -1, chance, labels, (), [None] * len(labels)))
        return Branch(number, labels)

    def _preorder(self) -> tuple[list[int], list[int], list[int]]:
        """Own numbers of the nodes in preorder, with their parents (new numbers) and moves."""
        order: list[int] = []
        parents: list[int] = []
        moves: list[int] = []
        stack: list[tuple[int, int, int]] = [(0, -1, -1)]
        while stack:
            old, up, move = stack.pop()
            new = len(order)
            order.append(old)
            parents.append(up)
            moves.append(move)
            children = self._nodes[old].children
            for k in range(len(children) - 1, -1, -1):
                child = children[k]
                if child is not None:
                    stack.append((child, new, k))
        return order, parents, moves

    def _tree(self, order: list[int], parents: list[int], moves: list[int]) -> TreeGame:
        nodes = [self._nodes[k] for k in order]
        chance = [
            nodes[up].chance[move] if up >= 0 and nodes[up].chance else 1.0
            for up, move in zip(parents, moves, strict=True)
        ]
        # Information sets take new numbers too: in order of their first node in preorder.
        keys = list(self._numbers)
        first = list(dict.fromkeys(node.infoset for node in nodes if node.infoset >= 0))
        renumber = {old: new for new, old in enumerate(first)} | {-1: -1}
        sets = [keys[old] for old in first]
        return TreeGame(
            name=self._name,
            num_players=len(self._players),
            parent=np.array(parents, np.int32),
            move=np.array(moves, np.int32),
            chance=np.array(chance, np.float64),
            actor=np.array([node.actor for node in nodes], np.int32),
            infoset=np.array([renumber[node.infoset] for node in nodes], np.int32),
            payoffs=np.array([node.payoffs for node in nodes if node.actor == TERMINAL], np.float64),
            infoset_player=np.array([player for player, _ in sets], np.int32),
            infoset_labels=tuple(label for _, label in sets),
            infoset_actions=tuple(self._infosets[key] for key in sets),
            infoset_action_ids=tuple(tuple(range(len(self._infosets[key]))) for key in sets),
            chance_labels=tuple(node.labels for node in nodes if node.actor == CHANCE),
            players=self._players,
        )
