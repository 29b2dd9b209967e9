"""Game trees in words: three behavioural classics, and any small tree as it is written down."""

from collections.abc import Iterator, Sequence

import numpy as np

from games.adapters.tree_env import TreeEnv
from games.errors import UnsupportedGameError
from games.extensive import catalogue
from games.extensive.children import child_order
from games.extensive.tree import CHANCE, TERMINAL, TreeGame
from games.text.narrators.people import counted, history, listed, you_are

_MOST_NODES = 500


def _moves_of(tree: TreeGame, node: int) -> list[tuple[int, str]]:
    """Players and the labels of their moves on the way to a node, in a tree without chance."""
    steps = []
    while node > 0:
        parent = int(tree.parent[node])
        steps.append((int(tree.actor[parent]), _edges(tree, parent)[tree.move[node]]))
        node = parent
    return steps[::-1]


def is_ultimatum(tree: TreeGame) -> bool:
    """Whether the tree is `games.extensive.catalogue.ultimatum`, of any pie."""
    pie = len(tree.infoset_actions[0]) - 1
    return pie >= 1 and _alike(tree, catalogue.ultimatum(pie))


def is_centipede(tree: TreeGame) -> bool:
    """Whether the tree is `games.extensive.catalogue.centipede`, of any length."""
    return tree.num_infosets <= 1000 and _alike(tree, catalogue.centipede(tree.num_infosets))


def is_trust(tree: TreeGame) -> bool:
    """Whether the tree is `games.extensive.catalogue.trust`, of any endowment and factor."""
    endowment = len(tree.infoset_actions[0]) - 1
    factor = (len(tree.infoset_actions[-1]) - 1) // max(endowment, 1)
    if not (1 <= endowment <= 50 and 2 <= factor <= 10):
        return False
    return _alike(tree, catalogue.trust(endowment, factor))


class Ultimatum:
    """``ultimatum`` of the catalogue."""

    def rules(self, game: TreeEnv, seat: int) -> str:
        """See `Narrator.rules`."""
        pie = _first_options(game) - 1
        return (
            f"Player 1, the proposer, divides {counted(pie, 'unit')} between two players: the proposer "
            f"offers player 2, the responder, a whole number from 0 to {pie}. The responder sees the offer "
            "and accepts or rejects it, which ends the game. After acceptance the responder's payoff is what "
            f"was offered, and the proposer's is the rest of the {pie}. After rejection both payoffs are 0.\n"
            + you_are(seat, f", the {game.tree.players[seat]}")
        )

    def known(self, game: TreeEnv, state: int, seat: int) -> str:
        """See `Narrator.known`."""
        if seat == 0:
            return "Nothing has happened yet."
        ((_, offer),) = _moves_of(game.tree, state)
        return f"You are offered {offer} of {_first_options(game) - 1}."

    def label(self, game: TreeEnv, state: int, seat: int, action: int) -> str:
        """See `Narrator.label`."""
        words = _edges(game.tree, state)[action]
        return f"offer {words}" if seat == 0 else words


class Centipede:
    """``centipede`` of the catalogue."""

    def rules(self, game: TreeEnv, seat: int) -> str:
        """See `Narrator.rules`."""
        moves, paid = game.tree.num_infosets, game.tree.payoffs
        ends = "; ".join(
            f"taken at move {k + 1}, {one:g} for player 1 and {two:g} for player 2"
            for k, (one, two) in enumerate(paid[:moves])
        )
        return (
            f"Two players move in turn, player 1 first, at most {counted(moves, 'move')} in all. Whoever "
            "moves takes, which ends the game, or passes, and then it is the other's move; after a pass at "
            f"the last move the game is over too. Payoffs: {ends}; never taken, {paid[-1][0]:g} for player 1 "
            f"and {paid[-1][1]:g} for "
            "player 2.\n" + you_are(seat)
        )

    def known(self, game: TreeEnv, state: int, seat: int) -> str:
        """See `Narrator.known`."""
        past = _moves_of(game.tree, state)
        return f"{history(past, seat, 2)}\nThis is move {len(past) + 1}."

    def label(self, game: TreeEnv, state: int, seat: int, action: int) -> str:
        """See `Narrator.label`."""
        return _edges(game.tree, state)[action]


class Trust:
    """``trust-game`` of the catalogue."""

    def rules(self, game: TreeEnv, seat: int) -> str:
        """See `Narrator.rules`."""
        endowment = _first_options(game) - 1
        factor = (len(game.tree.infoset_actions[-1]) - 1) // endowment
        return (
            f"Player 1, the investor, has {counted(endowment, 'unit')}, and player 2, the trustee, has "
            f"nothing. The investor sends a whole number of units from 0 to {endowment} to the trustee and "
            f"keeps the rest. What is sent is multiplied by {factor} on the way. The trustee sees what "
            "arrives and returns a whole number of units of it, from 0 to all, to the investor; what is "
            "returned is not multiplied. Then the game is over. The investor's payoff is what was kept plus "
            "what was returned, the trustee's is what "
            "arrived minus what was returned.\n" + you_are(seat, f", the {game.tree.players[seat]}")
        )

    def known(self, game: TreeEnv, state: int, seat: int) -> str:
        """See `Narrator.known`."""
        if seat == 0:
            return "Nothing has happened yet."
        ((_, sent),) = _moves_of(game.tree, state)
        return f"The investor has sent {sent}, and {len(_edges(game.tree, state)) - 1} have arrived."

    def label(self, game: TreeEnv, state: int, seat: int, action: int) -> str:
        """See `Narrator.label`."""
        return f"{'send' if seat == 0 else 'return'} {_edges(game.tree, state)[action]}"


class WrittenTree:
    """Any game tree of at most 500 nodes: the rules list every way it can go."""

    def rules(self, game: TreeEnv, seat: int) -> str:
        """See `Narrator.rules`.

        Raises:
            UnsupportedGameError: the tree is larger.
        """
        tree = game.tree
        if tree.num_nodes > _MOST_NODES:
            raise UnsupportedGameError(
                f"{tree.name} has {tree.num_nodes} nodes; only trees of at most {_MOST_NODES} are written out"
            )
        names = _player_names(tree)
        return (
            f"A game of {counted(tree.num_players, 'player')}: {listed(names)}. It begins at point 0. Every "
            "line says what happens at a point and where each move leads. Points with the same words in "
            "quotes look the same to the one who moves there, who cannot tell which of them it is.\n"
            + "\n".join(_lines(tree, names))
            + f"\nYou are {names[seat]}."
        )

    def known(self, game: TreeEnv, state: int, seat: int) -> str:
        """See `Narrator.known`."""
        return f'You move, at a point with the words "{game.tree.infoset_labels[game.tree.infoset[state]]}".'

    def label(self, game: TreeEnv, state: int, seat: int, action: int) -> str:
        """See `Narrator.label`."""
        return _edges(game.tree, state)[action]


def _lines(tree: TreeGame, names: Sequence[str]) -> Iterator[str]:
    first, children = child_order(tree)
    leaves = np.cumsum(tree.actor == TERMINAL) - 1
    for node, actor in enumerate(tree.actor.tolist()):
        if actor == TERMINAL:
            paid = zip(names, tree.payoffs[leaves[node]], strict=True)
            yield f"Point {node}: the game is over; payoffs: {listed(f'{name} {x:g}' for name, x in paid)}."
            continue
        below = children[first[node] : first[node + 1]].tolist()
        if actor == CHANCE:
            ways = listed(f"with probability {tree.chance[k]:.6g} to point {k}" for k in below)
            yield f"Point {node}: chance leads {ways}."
            continue
        ways = listed(f"{edge} to point {k}" for edge, k in zip(_edges(tree, node), below, strict=True))
        yield f'Point {node}, "{tree.infoset_labels[tree.infoset[node]]}": {names[actor]} moves: {ways}.'


def _player_names(tree: TreeGame) -> list[str]:
    labels = tree.players or tuple(str(k + 1) for k in range(tree.num_players))
    return [f"player {name}" if name.isdecimal() else f"the {name}" for name in labels]


def _edges(tree: TreeGame, node: int) -> tuple[str, ...]:
    """Labels of the moves at a decision node."""
    return tree.infoset_actions[tree.infoset[node]]


def _first_options(game: TreeEnv) -> int:
    return len(game.tree.infoset_actions[0])


def _alike(tree: TreeGame, other: TreeGame) -> bool:
    """Whether two trees are the same but for their names."""
    return (
        tree.infoset_actions == other.infoset_actions
        and np.array_equal(tree.parent, other.parent)
        and np.array_equal(tree.actor, other.actor)
        and np.array_equal(tree.infoset, other.infoset)
        and np.array_equal(tree.payoffs, other.payoffs)
    )
