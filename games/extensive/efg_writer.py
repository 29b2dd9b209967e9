"""Writing ``TreeGame`` as Gambit's extensive-form files."""

import os

import numpy as np

from games.extensive.checks import validate_tree
from games.extensive.tree import CHANCE, TERMINAL, TreeGame
from games.files import write_text_atomically
from games.gambit_numbers import exact_distribution, shortest_number
from games.gambit_text import quote


def write_efg(tree: TreeGame, path: str | os.PathLike[str]) -> None:
    """Write a game to an ``.efg`` file, whole or not at all; see ``format_efg``.

    Raises:
        ValueError: the tree breaks a rule of ``TreeGame``.
        OSError: the file cannot be written; one that was there stays as it was.
    """
    write_text_atomically(path, format_efg(tree))


def format_efg(tree: TreeGame) -> str:
    """Write a game in the format ``EFG 2 R``, one node per line.

    Chance probabilities are written as ratios that sum to exactly one (see ``exact_distribution``), as
    Gambit demands; payoffs so that they read back bit for bit. Players without labels are called
    ``Player 1``, ``Player 2``, ...; other labels are written as they are, though recent versions of Gambit
    only take printable ASCII with single spaces inside.

    Raises:
        ValueError: the tree breaks a rule of ``TreeGame``, or a label holds a NUL character.
    """
    validate_tree(tree)
    players = tree.players or tuple(f"Player {i + 1}" for i in range(tree.num_players))
    lines = [f"EFG 2 R {quote(tree.name)} {{ {' '.join(map(quote, players))} }}", quote(""), ""]
    infosets = _InfosetWriter(tree)
    events = _events(tree)
    outcomes: dict[tuple[float, ...], int] = {}
    leaves = iter(tree.payoffs.tolist())
    for node, (actor, infoset) in enumerate(zip(tree.actor.tolist(), tree.infoset.tolist(), strict=True)):
        if actor == TERMINAL:
            # Zeros are made positive: -0.0 and 0.0 are one outcome.
            payoffs = tuple(x + 0.0 for x in next(leaves))
            number = outcomes.get(payoffs)
            if number is None:
                number = outcomes[payoffs] = len(outcomes) + 1
                lines.append(f't "" {number} "" {{ {", ".join(map(shortest_number, payoffs))} }}')
            else:
                lines.append(f't "" {number}')
        elif actor == CHANCE:
            lines.append(f'c "" {events[node]} 0')
        else:
            lines.append(f'p "" {actor + 1} {infosets.describe(infoset)} 0')
    lines.append("")
    return "\n".join(lines)


class _InfosetWriter:
    """Numbers information sets within each player, and spells each out once."""

    def __init__(self, tree: TreeGame) -> None:
        self.tree = tree
        self.numbers: dict[int, int] = {}
        self.counts = [0] * tree.num_players

    def describe(self, infoset: int) -> str:
        number = self.numbers.get(infoset)
        if number is not None:
            return str(number)
        player = int(self.tree.infoset_player[infoset])
        self.counts[player] += 1
        number = self.numbers[infoset] = self.counts[player]
        actions = " ".join(map(quote, self.tree.infoset_actions[infoset]))
        return f"{number} {quote(self.tree.infoset_labels[infoset])} {{ {actions} }}"


def _events(tree: TreeGame) -> dict[int, str]:
    """What is written of each chance node: its number, an empty label, outcomes with probabilities."""
    nodes = np.flatnonzero(tree.actor == CHANCE)
    # In preorder the children of a node come in the order of their moves, but not side by side.
    order = np.argsort(tree.parent[1:], kind="stable") + 1
    owner = tree.parent[order]
    starts = np.searchsorted(owner, nodes)
    ends = np.searchsorted(owner, nodes, side="right")
    events = {}
    for number, (node, start, end) in enumerate(zip(nodes.tolist(), starts, ends, strict=True)):
        ratios = exact_distribution(tree.chance[order[start:end]].tolist())
        labels = (tree.chance_labels[number] if tree.chance_labels else ()) or ("",) * len(ratios)
        listed = " ".join(f"{quote(label)} {p}" for label, p in zip(labels, ratios, strict=True))
        events[node] = f'{number + 1} "" {{ {listed} }}'
    return events
