"""Results of influence maximisation on disk, with the problem they are about.

The file holds graph (whole, or by digest where large: see ``games.storage.influence_graphs``), diffusion
model, what each node is worth, adopters with their capacities or the number of seeds, who invites whom, the
claimed spread, bound and ratio, and the settings of the run. ``games.checking_influence`` judges the claim.
"""

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError
from games.influence.problem import CapacityProblem, capacity_problem
from games.influence.seeding import SeedProblem, node_worth, seed_problem
from games.results import SolveResult
from games.storage.bundle import read_bundle, write_bundle
from games.storage.fields import Arrays, Fields, array_of
from games.storage.influence_graphs import (
    Encoded,
    GraphFile,
    decode_diffusion,
    decode_graph,
    encode_diffusion,
    encode_graph,
)
from games.storage.outcomes import (
    decode_notes,
    decode_origin,
    decode_outcome,
    encode_notes,
    encode_origin,
    encode_outcome,
)

SCHEMA = "counterplay.influence"
VERSION = 1

InfluenceProblem: TypeAlias = CapacityProblem | SeedProblem
"""What is saved: adopters with capacities, or seeds chosen freely."""

Settings: TypeAlias = Mapping[str, float | int | str | bool]
"""What the run was asked for, by the names of the solver's arguments."""


class Claimed(Protocol):
    """What a solver says of the seeds it chose."""

    @property
    def spread(self) -> float:
        """Estimate of what they reach, in units of node weight."""

    @property
    def spread_interval(self) -> tuple[float, float]:
        """What it lies between."""

    @property
    def optimum_bound(self) -> float:
        """What no choice exceeds."""

    @property
    def ratio(self) -> float:
        """Certified share of the optimum."""


class Inviting(Claimed, Protocol):
    """An answer to a ``CapacityProblem``."""

    @property
    def friends(self) -> Mapping[Hashable, tuple[Hashable, ...]]:
        """Per adopter the labels of those it invites."""


class Seeding(Claimed, Protocol):
    """An answer to a ``SeedProblem``."""

    @property
    def nodes(self) -> tuple[Hashable, ...]:
        """Labels of the seeds."""


@dataclass(frozen=True, slots=True, eq=False)
class InfluenceAnswer:
    """Seeds as they were found on disk; nothing is checked but that the numbers exist.

    Attributes:
        invited: number in the graph of each seed, in the order of the file, int64 (s,).
        inviter: which adopter invites it, by its place in ``CapacityProblem.adopters``, int64 (s,); -1
            where seeds are chosen freely.
        spread: claimed estimate of what they reach, in units of node weight.
        spread_interval: what it is claimed to lie between.
        optimum_bound: what no choice is claimed to exceed.
        ratio: claimed share of the optimum.
    """

    invited: NDArray[np.int64]
    inviter: NDArray[np.int64]
    spread: float
    spread_interval: tuple[float, float]
    optimum_bound: float
    ratio: float


@dataclass(frozen=True, slots=True, eq=False)
class StoredInfluence:
    """A result as it was found on disk.

    Attributes:
        problem: what was solved, built again from graph, model, adopters and capacities.
        result: what the solver returned.
        settings: what the run was asked for.
        created: when it was saved.
        versions: versions of ``counterplay``, ``numpy`` and ``python`` that saved it.
    """

    problem: InfluenceProblem
    result: SolveResult[InfluenceAnswer]
    settings: Settings
    created: datetime
    versions: Mapping[str, str]

    @property
    def chosen(self) -> dict[Hashable, tuple[Hashable, ...]] | tuple[Hashable, ...]:
        """Labels: of the friends per adopter, or of the seeds."""
        answer, graph = self.result.unwrap(), self.problem.diffusion.graph
        if isinstance(self.problem, SeedProblem):
            return tuple(graph.label(int(v)) for v in answer.invited)
        return {
            graph.label(int(adopter)): tuple(graph.label(int(v)) for v in answer.invited[answer.inviter == k])
            for k, adopter in enumerate(self.problem.adopters)
        }


def save_influence(
    path: str | os.PathLike[str],
    problem: InfluenceProblem,
    result: SolveResult[Any],
    *,
    settings: Settings | None = None,
    graph_file: GraphFile | None = None,
) -> None:
    """Save a result with its problem, atomically; missing folders are made.

    Args:
        path: ``NAME.json``; the arrays go beside it.
        problem: what was solved.
        result: its solution says whom adopters invite (``Inviting``) or names seeds (``Seeding``).
        settings: what the run was asked for.
        graph_file: the edge list the graph was read from, by which a large one is remembered; it then has to
            lie beside the result, or be named, when that is loaded. None stores any graph whole.

    Raises:
        TypeError: problem or solution are of another kind, or a label cannot be stored.
        ValueError: there is no solution, it names nodes that do not exist, or ``path`` is refused.
        OSError: the files cannot be written; a result that was there is as before.
    """
    if result.solution is None:
        raise ValueError(f"the result of {result.solver} holds no solution, so there is nothing to save")
    graph, graph_arrays = encode_graph(problem.diffusion.graph, graph_file)
    model, model_arrays = encode_diffusion(problem.diffusion)
    rest, arrays = _encode_rest(problem)
    answer, answer_arrays = _encode_answer(problem, result.solution)
    header = {
        "schema": SCHEMA,
        "version": VERSION,
        **encode_origin(),
        "problem": rest | {"graph": graph, "diffusion": model},
        "settings": encode_notes("settings", settings or {}),
        "answer": answer,
        "result": encode_outcome(result),
    }
    write_bundle(path, header, graph_arrays | model_arrays | arrays | answer_arrays)


def load_influence(
    path: str | os.PathLike[str], *, graph_file: str | os.PathLike[str] | None = None
) -> StoredInfluence:
    """Load a result; nothing in the files is executed.

    Args:
        path: the header.
        graph_file: where the edge list is that a file with a large graph names; beside it where None.

    Raises:
        FileNotFoundError: there is no such file, or no graph where it is wanted.
        OSError: a file cannot be read.
        FileFormatError: the files are broken, or are not of this kind; the message names the place.
    """
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    fields = Fields(header, os.fspath(path))
    parts = fields.fields("problem")
    wanted = None if graph_file is None else Path(graph_file)
    graph = decode_graph(parts.fields("graph"), arrays, Path(path).parent, wanted)
    diffusion = decode_diffusion(parts.fields("diffusion"), arrays, graph)
    weight = None
    if "node_weight" in arrays:
        weight = array_of(arrays, "node_weight", np.float64, 1, parts.place)
    kind = parts.text("kind")
    problem: InfluenceProblem
    try:
        if kind == "capacity":
            adopters = _nodes(arrays, "adopters", graph.num_nodes, parts)
            room = array_of(arrays, "capacity", np.int64, 1, parts.place)
            names = [graph.label(int(v)) for v in adopters]
            room_of = dict(zip(names, room.tolist(), strict=True))
            problem = capacity_problem(diffusion, names, room_of, node_weight=weight)
        elif kind == "seeds":
            free = _nodes(arrays, "candidates", graph.num_nodes, parts) if "candidates" in arrays else None
            may = None if free is None else [graph.label(int(v)) for v in free]
            problem = seed_problem(diffusion, parts.integer("size"), candidates=may, node_weight=weight)
        else:
            raise parts.error("kind", "'capacity' or 'seeds'")
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{parts.place}: {error}") from error
    answer = _decode_answer(problem, fields.fields("answer"), arrays)
    return StoredInfluence(
        problem,
        decode_outcome(fields.fields("result"), answer),
        decode_notes(fields.fields("settings")),
        *decode_origin(fields),
    )


def _encode_rest(problem: InfluenceProblem) -> Encoded:
    """What a problem holds beside its diffusion."""
    arrays: dict[str, NDArray[Any]] = {}
    if problem.model.sampler.root.size:
        # Adopters are out of the model, and what they are worth never counted.
        worth = np.zeros(problem.diffusion.graph.num_nodes)
        worth[problem.model.nodes] = node_worth(problem.model)
        arrays["node_weight"] = worth
    if isinstance(problem, CapacityProblem):
        arrays |= {"adopters": problem.adopters, "capacity": problem.capacity}
        return {"kind": "capacity"}, arrays
    if not isinstance(problem, SeedProblem):
        raise TypeError(f"problem must be a CapacityProblem or a SeedProblem, got {type(problem).__name__}")
    if problem.candidates.size < problem.diffusion.graph.num_nodes:
        arrays["candidates"] = problem.candidates
    return {"kind": "seeds", "size": int(problem.size)}, arrays


def _encode_answer(problem: InfluenceProblem, answer: Inviting | Seeding) -> Encoded:
    number = problem.diffusion.graph.number
    pairs: list[tuple[int, int]]
    if isinstance(problem, SeedProblem):
        if not hasattr(answer, "nodes"):
            raise TypeError(f"the solution must name seeds as nodes, got {type(answer).__name__}")
        pairs = [(-1, number(v)) for v in answer.nodes]
    else:
        if not hasattr(answer, "friends"):
            raise TypeError(f"the solution must name friends per adopter, got {type(answer).__name__}")
        rank = {int(v): k for k, v in enumerate(problem.adopters)}
        strange = [adopter for adopter in answer.friends if number(adopter) not in rank]
        if strange:
            raise ValueError(f"friends must be invited by adopters, got some of {strange[:5]!r}")
        pairs = [(rank[number(a)], number(v)) for a, invited in answer.friends.items() for v in invited]
    header = {
        "spread": float(answer.spread),
        "spread_interval": [float(end) for end in answer.spread_interval],
        "optimum_bound": float(answer.optimum_bound),
        "ratio": float(answer.ratio),
    }
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return header, {"inviter": table[:, 0].copy(), "invited": table[:, 1].copy()}


def _decode_answer(problem: InfluenceProblem, fields: Fields, arrays: Arrays) -> InfluenceAnswer:
    interval = fields.numbers("spread_interval")
    if len(interval) != 2:
        raise fields.error("spread_interval", "two numbers")
    invited = _nodes(arrays, "invited", problem.diffusion.graph.num_nodes, fields)
    inviter = array_of(arrays, "inviter", np.int64, 1, fields.place)
    low, high = (0, problem.adopters.size - 1) if isinstance(problem, CapacityProblem) else (-1, -1)
    if inviter.shape != invited.shape or (inviter.size and not low <= inviter.min() <= inviter.max() <= high):
        raise FileFormatError(
            f"{fields.place}: array 'inviter' must hold {invited.size} numbers in {low}..{high}"
        )
    return InfluenceAnswer(
        invited,
        inviter,
        fields.number("spread"),
        (interval[0], interval[1]),
        fields.number("optimum_bound"),
        fields.number("ratio"),
    )


def _nodes(arrays: Arrays, name: str, n: int, fields: Fields) -> NDArray[np.int64]:
    numbers = array_of(arrays, name, np.int64, 1, fields.place)
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < n):
        raise FileFormatError(f"{fields.place}: array {name!r} must hold nodes in range({n})")
    return numbers
