"""What the commands about influence read: adopters, weights of nodes, and models from a word."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from games.files import read_text
from games.influence.diffusion import (
    Diffusion,
    IndependentCascade,
    trivalency_cascade,
    uniform_cascade,
    uniform_threshold,
    weighted_cascade,
)
from games.influence.graph import DirectedGraph
from solvers.influence.one_call import DiffusionOf

MODELS = "wc, uniform:P, trivalency, arcs (probabilities in the third column) or lt"
"""The words for models, for help and errors."""


@dataclass(frozen=True, slots=True)
class Adopters:
    """Node ids of a file, and the capacities it gives some of them.

    Attributes:
        nodes: all of them, in order.
        capacity: of those that have one of their own.
    """

    nodes: list[int]
    capacity: dict[Hashable, int]

    def room(self, otherwise: int | None, option: str = "--capacity") -> dict[Hashable, int]:
        """Capacity of every adopter.

        Args:
            otherwise: for those without one of their own.
            option: that would give it, for the error.

        Raises:
            ValueError: an adopter has none, and there is no other.
        """
        lacking = [v for v in self.nodes if v not in self.capacity]
        if otherwise is None and lacking:
            raise ValueError(f"{option} must be given: adopter {lacking[0]} has no capacity of its own")
        return {v: self.capacity.get(v, otherwise or 0) for v in self.nodes}


def read_adopters(path: Path, line: int | None) -> Adopters:
    """Node ids, each alone or as ``id:capacity``, of all lines of a file or of one.

    Lines are counted from 1, comments and empty ones apart.

    Raises:
        ValueError: there is no such line, or it holds no ids, or something else.
    """
    rows = _rows(path)
    if line is not None:
        if not 1 <= line <= len(rows):
            raise ValueError(f"--adopter-set must lie in 1..{len(rows)}, the sets in {path}, got {line}")
        rows = [rows[line - 1]]
    words = " ".join(rows).replace(",", " ").split()
    parts = [word.partition(":") for word in words]
    strange = [
        word
        for word, (node, mark, room) in zip(words, parts, strict=True)
        if not node.isdecimal() or (mark and not room.isdecimal())
    ]
    if strange or not words:
        got = ", ".join(repr(w) for w in strange[:3]) or "nothing"
        raise ValueError(
            f"{path}: adopters must be node ids like 3, 14, 15, or 3:2 with a capacity; got {got}"
        )
    nodes = [int(node) for node, *_ in parts]
    repeated = len(nodes) - len(set(nodes))
    if repeated:
        several = line is None and len(rows) > 1
        hint = "; if each line is a set, name one by --adopter-set" if several else ""
        raise ValueError(f"{path}: {repeated} ids are named more than once{hint}")
    return Adopters(nodes, {int(node): int(room) for node, mark, room in parts if mark})


def read_weights(path: Path, graph: DirectedGraph) -> NDArray[np.float64]:
    """What reaching each node is worth, from lines ``id weight``; nodes that are not named are worth nothing.

    Raises:
        ValueError: a line is of another form, or a node is unknown or named twice.
    """
    weights = np.zeros(graph.num_nodes)
    seen = set()
    for row in _rows(path):
        node, _, number = row.replace(",", " ").partition(" ")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not node.isdecimal() or not 0 <= value < np.inf:
            raise ValueError(
                f"{path}: lines must hold a node id and a weight of at least 0, got {row[:80]!r}"
            )
        if node in seen:
            raise ValueError(f"{path}: node {node} is named more than once")
        seen.add(node)
        weights[graph.number(int(node))] = value
    return weights


def read_model(text: str, steps: int | None, rng: np.random.Generator) -> DiffusionOf:
    """The model that a word of the command line names.

    Args:
        text: the word.
        steps: after which spreading ends; None is no limit.
        rng: draws what the model draws once for all.

    Raises:
        ValueError: there is no such model.
    """
    name, _, number = text.partition(":")
    if name == "uniform":
        try:
            chance = float(number)
        except ValueError:
            raise ValueError(
                f"--model uniform needs a probability, as in uniform:0.1, got {text!r}"
            ) from None
        return partial(uniform_cascade, probability=chance, max_steps=steps)
    known: dict[str, DiffusionOf] = {
        "wc": partial(weighted_cascade, max_steps=steps),
        "lt": partial(uniform_threshold, max_steps=steps),
        "trivalency": partial(trivalency_cascade, rng=rng, max_steps=steps),
        "arcs": partial(_given_cascade, steps=steps),
    }
    if text not in known:
        raise ValueError(f"--model must be {MODELS}, got {text!r}")
    return known[text]


def _given_cascade(graph: DirectedGraph, *, steps: int | None) -> Diffusion:
    if graph.weight is None:
        raise ValueError("--model arcs needs a graph with probabilities in a third column")
    return IndependentCascade(graph, graph.weight, steps)


def _rows(path: Path) -> list[str]:
    """Lines that say something."""
    return [text for row in read_text(path).splitlines() if (text := row.partition("#")[0].strip())]
