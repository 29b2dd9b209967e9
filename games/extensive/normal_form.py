"""From trees to payoff tensors over pure strategies, and back.

A pure strategy of a player names one action at every own information set. In the *reduced* normal form
strategies that differ only where the player's own earlier moves never lead are one [1]_; a centipede of
2n moves then has n + 1 strategies per player instead of 2**n. Payoffs of a profile are expectations over
chance:

    u_n(s) = sum over leaves l that every player's s_i allows of chance(l) * payoff_n(l).

The reduction is defined here by what own moves allow, so that it also covers imperfect recall; there a
mixed strategy over these strategies can do more than a behavior strategy [1]_.

.. [1] Kuhn (1953), Extensive games and the problem of information, Contributions to the Theory of Games II.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.extensive.checks import validate_tree
from games.extensive.tree import TERMINAL, TreeGame
from games.normal_form.game import NormalFormGame

DEFAULT_LIMIT = 10_000_000


def to_normal_form(tree: TreeGame, *, reduced: bool = True, limit: int = DEFAULT_LIMIT) -> NormalFormGame:
    """Payoffs of every profile of pure strategies.

    A strategy is labelled by its actions; where the player has several information sets, each action comes
    with its information set: ``"raise at red; fold at black"``.

    Args:
        tree: the game, of any number of players, with or without perfect recall.
        reduced: merge strategies that differ only where own moves never lead.
        limit: greatest number of payoffs in the tensor, and of strategies times nodes of any player.

    Raises:
        ValueError: the tree breaks a rule of ``TreeGame``.
        UnsupportedGameError: more than ``limit`` is needed.
    """
    validate_tree(tree)
    plans = [_strategies(tree, i, reduced, limit) for i in range(tree.num_players)]
    sizes = [len(p) for p in plans]
    if tree.num_players * math.prod(sizes) > limit:
        raise UnsupportedGameError(
            f"{tree.name} has {' x '.join(map(str, sizes))} pure strategies: more than limit={limit} "
            "payoffs; its sequence form is smaller"
        )
    allowed = [_allowed_leaves(tree, i, plan) for i, plan in enumerate(plans)]
    return NormalFormGame(
        _payoffs(_chance_at_leaves(tree)[:, None] * tree.payoffs, allowed, sizes),
        tuple(_labels(tree, plan) for plan in plans),
        tree.players,
        tree.name,
    )


def from_normal_form(game: NormalFormGame) -> TreeGame:
    """The tree in which the players move one after the other without seeing what was played.

    Each player has one information set, labelled as the player is; leaves come in the order of the tensor.
    """
    sizes = game.num_actions
    num_players = len(sizes)
    # below[i]: nodes in a subtree whose root is a move of player i (a leaf for i = N).
    below = [1] * (num_players + 1)
    for i in range(num_players - 1, -1, -1):
        below[i] = 1 + sizes[i] * below[i + 1]
    if below[0] >= 2**31:
        raise UnsupportedGameError(f"{game.name} needs {below[0]} nodes, more than a tree can number")
    parent = np.full(below[0], -1, np.int32)
    move = np.full(below[0], -1, np.int32)
    actor = np.full(below[0], TERMINAL, np.int32)
    infoset = np.full(below[0], -1, np.int32)
    level = np.zeros(1, np.int32)
    for i, n in enumerate(sizes):
        actor[level] = infoset[level] = i
        children = (level[:, None] + 1 + np.arange(n, dtype=np.int32) * below[i + 1]).astype(np.int32)
        parent[children] = level[:, None]
        move[children] = np.arange(n)
        level = children.ravel()
    return TreeGame(
        name=game.name,
        num_players=num_players,
        parent=parent,
        move=move,
        chance=np.ones(below[0]),
        actor=actor,
        infoset=infoset,
        payoffs=np.ascontiguousarray(game.payoffs.reshape(num_players, -1).T),
        infoset_player=np.arange(num_players, dtype=np.int32),
        infoset_labels=game.players,
        infoset_actions=game.actions,
        infoset_action_ids=tuple(tuple(range(n)) for n in sizes),
        players=game.players,
    )


Strategy = dict[int, int]
"""Action at each information set that the strategy's own moves can lead to (at every one, unreduced)."""


def _strategies(tree: TreeGame, player: int, reduced: bool, limit: int) -> list[Strategy]:
    """Pure strategies of one player, in lexicographic order."""
    most = limit // tree.num_nodes
    if reduced:
        found = list(itertools.islice(_reduced_strategies(tree, player), most + 1))
        count = f"more than {most}" if len(found) > most else str(len(found))
    else:
        mine = np.flatnonzero(tree.infoset_player == player).tolist()
        sizes = [len(tree.infoset_actions[h]) for h in mine]
        # Compared as logarithms first: the product itself may have thousands of digits.
        large = sum(map(math.log2, sizes)) > 60
        count = "more than 2**60" if large else str(math.prod(sizes))
        found = []
        if not large and math.prod(sizes) <= most:
            choices = itertools.product(*map(range, sizes))
            found = [dict(zip(mine, choice, strict=True)) for choice in choices]
    if not found or len(found) > most:
        raise UnsupportedGameError(
            f"{tree.name} has {count} pure strategies of player {player} over {tree.num_nodes} nodes: beyond "
            f"limit={limit}; its sequence form is smaller"
        )
    return found


def _reduced_strategies(tree: TreeGame, player: int) -> Iterator[Strategy]:
    """Choose at the first information set that own moves lead to, until none is left open."""
    infoset = tree.infoset.tolist()
    roots, after = _own_moves(tree, player)
    # Each entry: the choices so far, and own nodes they lead to where nothing is chosen yet.
    stack: list[tuple[Strategy, list[int]]] = [({}, roots)]
    while stack:
        chosen, frontier = stack.pop()
        if not frontier:
            yield chosen
            continue
        h = min(infoset[node] for node in frontier)
        for action in range(len(tree.infoset_actions[h]) - 1, -1, -1):
            choices = {**chosen, h: action}
            waiting = []
            to_follow = list(frontier)
            while to_follow:
                node = to_follow.pop()
                # A move may lead to a set that has its choice already: then it leads further.
                if infoset[node] in choices:
                    to_follow.extend(after.get((node, choices[infoset[node]]), ()))
                else:
                    waiting.append(node)
            stack.append((choices, waiting))


def _own_moves(tree: TreeGame, player: int) -> tuple[list[int], dict[tuple[int, int], list[int]]]:
    """The player's nodes without an earlier own move, and those that follow next on each own move."""
    actor, parent, move = tree.actor.tolist(), tree.parent.tolist(), tree.move.tolist()
    last: list[tuple[int, int] | None] = [None] * len(actor)
    roots: list[int] = []
    after: dict[tuple[int, int], list[int]] = {}
    for node in range(len(actor)):
        if node:
            up = parent[node]
            last[node] = (up, move[node]) if actor[up] == player else last[up]
        if actor[node] == player:
            own = last[node]
            (roots if own is None else after.setdefault(own, [])).append(node)
    return roots, after


def _labels(tree: TreeGame, plan: list[Strategy]) -> tuple[str, ...]:
    if plan == [{}]:
        return ("(no move)",)
    alone = all(len(strategy) == 1 and strategy.keys() == plan[0].keys() for strategy in plan)
    return tuple(
        "; ".join(
            tree.infoset_actions[h][a]
            if alone
            else f"{tree.infoset_actions[h][a]} at {tree.infoset_labels[h]}"
            for h, a in sorted(strategy.items())
        )
        for strategy in plan
    )


def _chance_at_leaves(tree: TreeGame) -> NDArray[np.float64]:
    """Probability that chance allows each leaf, shape (L,)."""
    reach: list[float] = tree.chance.tolist()
    for node, up in enumerate(tree.parent.tolist()):
        if node:
            reach[node] *= reach[up]
    leaves: NDArray[np.float64] = np.array(reach)[tree.actor == TERMINAL]
    return leaves


def _allowed_leaves(tree: TreeGame, player: int, plan: list[Strategy]) -> NDArray[np.bool_]:
    """Whether each strategy allows each leaf, shape (S, L)."""
    choice = np.full((tree.num_infosets, len(plan)), -1, np.int32)
    for s, strategy in enumerate(plan):
        choice[list(strategy.keys()), s] = list(strategy.values())
    allowed = np.ones((tree.num_nodes, len(plan)), np.bool_)
    own = (tree.actor == player).tolist()
    for node, (up, move) in enumerate(zip(tree.parent.tolist(), tree.move.tolist(), strict=True)):
        if node:
            allowed[node] = allowed[up]
            if own[up]:
                allowed[node] &= choice[tree.infoset[up]] == move
    return np.ascontiguousarray(allowed[tree.actor == TERMINAL].T)


def _payoffs(
    weighted: NDArray[np.float64], allowed: list[NDArray[np.bool_]], sizes: list[int]
) -> NDArray[np.float64]:
    """Sum ``weighted`` (L, N) over the leaves that a profile allows, shape (N, S_1, ..., S_N)."""
    payoffs = np.empty((len(sizes), *sizes))
    if len(sizes) == 1:
        payoffs[0] = allowed[0] @ weighted[:, 0]
        return payoffs
    *others, rows, columns = allowed
    for profile in np.ndindex(*sizes[:-2]):
        both = np.ones(len(weighted), np.bool_)
        for strategies, s in zip(others, profile, strict=True):
            both &= strategies[s]
        leaves = np.flatnonzero(both)
        right = columns[:, leaves].T.astype(np.float64)
        for n in range(len(sizes)):
            payoffs[(n, *profile)] = (rows[:, leaves] * weighted[leaves, n]) @ right
    return payoffs
