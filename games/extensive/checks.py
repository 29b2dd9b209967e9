"""What must hold in the arrays of a ``TreeGame``, checked by whole-array operations."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from games.extensive.tree import CHANCE, TERMINAL, TreeGame

_CHANCE_TOLERANCE = 1e-9


def validate_tree(tree: TreeGame) -> None:
    """Check every invariant of ``TreeGame``.

    Time is O(M log M) in the nodes M, whatever the depth.

    Raises:
        ValueError: an invariant is broken; the message names the first node or information set and the rule.
    """
    for check in (_check_shapes, _check_order, _check_actors, _check_infosets, _check_labels, _check_numbers):
        for complaint in check(tree):
            raise ValueError(f"tree {tree.name!r}: {complaint}")


def _first(broken: NDArray[np.bool_]) -> int:
    """Index of the first True, or -1."""
    k = int(broken.argmax()) if broken.size else 0
    return k if broken.size and broken[k] else -1


def _check_shapes(tree: TreeGame) -> Iterator[str]:
    if tree.num_players < 1:
        yield f"num_players must be at least 1, got {tree.num_players}"
    if tree.parent.ndim != 1 or tree.parent.size == 0:
        yield f"parent must have shape (M,) with M >= 1, got {tree.parent.shape}"
    nodes, sets = tree.parent.shape, (len(tree.infoset_labels),)
    leaves = (int(np.count_nonzero(tree.actor == TERMINAL)), tree.num_players)
    for name, array, shape, dtype in (
        ("parent", tree.parent, nodes, np.int32),
        ("move", tree.move, nodes, np.int32),
        ("chance", tree.chance, nodes, np.float64),
        ("actor", tree.actor, nodes, np.int32),
        ("infoset", tree.infoset, nodes, np.int32),
        ("infoset_player", tree.infoset_player, sets, np.int32),
        ("payoffs", tree.payoffs, leaves, np.float64),
    ):
        if array.shape != shape or array.dtype != dtype:
            yield (
                f"{name} must be {np.dtype(dtype)} of shape {shape}, got {array.dtype} of shape {array.shape}"
                + (" (one row per terminal node, one column per player)" if name == "payoffs" else "")
            )


def _check_order(tree: TreeGame) -> Iterator[str]:
    """Parents precede, nodes are in depth-first preorder, moves count up from 0."""
    parent, move = tree.parent, tree.move
    if parent[0] != -1 or move[0] != -1:
        yield f"node 0 is the root and must have parent -1 and move -1, got {parent[0]} and {move[0]}"
    index = np.arange(parent.size)
    k = _first((parent[1:] < 0) | (parent[1:] >= index[1:])) + 1
    if k:
        yield f"node {k} has parent {parent[k]}; a parent must precede its children and only node 0 is a root"
    # In preorder the parent is the latest earlier node one level up, and levels rise by at most one.
    # Sorting by (level, index) puts that node just before the place where the child would go.
    depth = _depths(parent)
    order = np.argsort(depth, kind="stable")
    keys = depth[order] * np.int64(parent.size) + order
    place = np.searchsorted(keys, (depth[1:] - 1) * np.int64(parent.size) + index[1:]) - 1
    k = _first((order[place] != parent[1:]) | (depth[1:] > depth[:-1] + 1)) + 1
    if k:
        yield f"node {k} (child of {parent[k]}) is out of depth-first preorder"
    siblings = np.argsort(parent[1:], kind="stable")
    owner = parent[1:][siblings]
    start = np.flatnonzero(np.diff(owner, prepend=-1))
    rank = index[: owner.size] - np.repeat(start, np.diff(start, append=owner.size))
    k = _first(move[1:][siblings] != rank)
    if k >= 0:
        node = int(siblings[k]) + 1
        yield f"node {node} is child number {rank[k]} of node {owner[k]}, but its move is {move[node]}"


def _depths(parent: NDArray[np.int32]) -> NDArray[np.int64]:
    """Edges from the root to each node, by pointer doubling: log2(depth) rounds."""
    jump = np.maximum(parent, 0)
    depth = np.ones(parent.size, np.int64)
    depth[0] = 0
    while jump.any():
        depth += depth[jump]
        jump = jump[jump]
    return depth


def _check_actors(tree: TreeGame) -> Iterator[str]:
    """Terminal nodes are exactly the childless ones; chance probabilities sum to one; actors exist."""
    actor, parent = tree.actor, tree.parent
    k = _first((actor < TERMINAL) | (actor >= tree.num_players))
    if k >= 0:
        yield f"node {k} has actor {actor[k]}; wanted a player below {tree.num_players}, CHANCE or TERMINAL"
    children = np.bincount(parent[1:], minlength=parent.size)
    k = _first((actor == TERMINAL) != (children == 0))
    if k >= 0:
        yield f"node {k} has actor {actor[k]} and {children[k]} children; only terminal nodes have none"
    chance = tree.chance
    drawn = np.zeros(parent.size, np.bool_)
    drawn[1:] = actor[parent[1:]] == CHANCE
    k = _first(~drawn & (chance != 1.0))
    if k >= 0:
        yield f"node {k} does not follow a chance node, so its chance must be 1, got {chance[k]}"
    k = _first(~((chance >= 0) & (chance <= 1 + _CHANCE_TOLERANCE)))  # also catches NaN
    if k >= 0:
        yield f"node {k} has chance probability {chance[k]}, outside [0, 1]"
    totals = np.bincount(parent[drawn], weights=chance[drawn], minlength=parent.size)
    k = _first((actor == CHANCE) & (np.abs(totals - 1.0) > _CHANCE_TOLERANCE))
    if k >= 0:
        yield f"chance node {k} has probabilities that sum to {float(totals[k])!r}, not to one"


def _check_infosets(tree: TreeGame) -> Iterator[str]:
    """Nodes of one information set share the player and the number of actions."""
    actor, infoset, sets = tree.actor, tree.infoset, tree.num_infosets
    if len(tree.infoset_actions) != sets or len(tree.infoset_action_ids) != sets:
        yield (
            f"infoset_actions and infoset_action_ids must have one entry per information set ({sets}), "
            f"got {len(tree.infoset_actions)} and {len(tree.infoset_action_ids)}"
        )
    decision = actor >= 0
    k = _first(np.where(decision, (infoset < 0) | (infoset >= sets), infoset != -1))
    if k >= 0:
        wanted = f"one in 0..{sets - 1}" if decision[k] else "-1 (no decision is made there)"
        yield f"node {k} has information set {infoset[k]}, wanted {wanted}"
    nodes = np.flatnonzero(decision)
    held = infoset[nodes]
    k = _first(tree.infoset_player[held] != actor[nodes])
    if k >= 0:
        yield (
            f"node {nodes[k]} is moved by player {actor[nodes[k]]}, but its information set {held[k]} "
            f"belongs to player {tree.infoset_player[held[k]]}"
        )
    counts = np.fromiter((len(labels) for labels in tree.infoset_actions), np.int64, sets)
    children = np.bincount(tree.parent[1:], minlength=actor.size)[nodes]
    k = _first(counts[held] != children)
    if k >= 0:
        yield (
            f"node {nodes[k]} has {children[k]} children, but its information set {held[k]} "
            f"has {counts[held[k]]} actions"
        )
    seen, first = np.unique(held, return_index=True)
    if seen.size != sets:
        k = _first(~np.isin(np.arange(sets), seen))
        yield f"information set {k} has no node"
    k = _first(np.diff(first) < 0)
    if k >= 0:
        yield f"information set {k + 1} appears before {k}; they are numbered in order of first appearance"


def _check_labels(tree: TreeGame) -> Iterator[str]:
    """Labels exist where they are due, and tell things apart."""
    if tree.players and (len(tree.players) != tree.num_players or len(set(tree.players)) != tree.num_players):
        yield f"players must be empty or hold {tree.num_players} distinct labels, got {tree.players}"
    for h, (actions, ids) in enumerate(zip(tree.infoset_actions, tree.infoset_action_ids, strict=True)):
        name, n = tree.infoset_labels[h], len(actions)
        if len(set(actions)) != n:
            yield f"information set {h} ({name!r}) has repeated action labels {actions}"
        if len(ids) != n or len(set(ids)) != n:
            yield f"information set {h} ({name!r}) needs {n} distinct action ids, got {ids}"
    known: set[tuple[int, str]] = set()
    for h, key in enumerate(zip(tree.infoset_player.tolist(), tree.infoset_labels, strict=True)):
        if key in known:
            yield f"information set {h} repeats the label {key[1]!r} of player {key[0]}"
        known.add(key)
    if tree.chance_labels:
        nodes = np.flatnonzero(tree.actor == CHANCE)
        if len(tree.chance_labels) != nodes.size:
            yield f"chance_labels must be empty or have {nodes.size} entries, got {len(tree.chance_labels)}"
        sizes = np.fromiter((len(labels) for labels in tree.chance_labels), np.int64, nodes.size)
        children = np.bincount(tree.parent[1:], minlength=tree.num_nodes)[nodes]
        k = _first((sizes != 0) & (sizes != children))
        if k >= 0:
            yield f"chance node {nodes[k]} has {children[k]} outcomes, but {sizes[k]} labels"


def _check_numbers(tree: TreeGame) -> Iterator[str]:
    k = _first(np.asarray((~np.isfinite(tree.payoffs)).any(axis=1)))
    if k >= 0:
        node = int(np.flatnonzero(tree.actor == TERMINAL)[k])
        yield f"terminal node {node} has payoffs {tree.payoffs[k].tolist()}; payoffs must be finite"
