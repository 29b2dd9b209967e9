"""What an action set was built from, so that it can be written down and built again.

A set holds rows and a membership test, and tests are functions, which no file should hold. Sets of the
built-in families carry their parameters as a recipe; `games.storage.action_sets` writes these and builds the
set from them, test and all.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # which itself makes recipes
    from games.bandits.schedule_sets import Meeting


@dataclass(frozen=True, slots=True)
class CardinalityRecipe:
    """Arguments of `games.bandits.cardinality`."""

    size: int
    most: int
    exactly: bool


@dataclass(frozen=True, slots=True, eq=False)
class CapacityRecipe:
    """Arguments of `games.bandits.capacity`; costs int64 (N,), capacities int64 (workers,)."""

    costs: NDArray[np.int64]
    capacities: NDArray[np.int64]
    max_patterns: int


@dataclass(frozen=True, slots=True)
class ScheduleRecipe:
    """Arguments of `games.bandits.schedule`; slots of workers and arms ascend."""

    worker_slots: tuple[tuple[int, ...], ...]
    arm_slots: tuple[tuple[int, ...], ...]
    slots: int
    visits: int
    most: int | None
    meeting: "Meeting"


@dataclass(frozen=True, slots=True, eq=False)
class PathRecipe:
    """Arguments of `games.bandits.path` or `path_as_released`, nodes by their number in the graph.

    Attributes:
        nodes: their number.
        arcs: tail and head of each, ascending, int64 (arcs, 2); both ways where the graph is undirected.
        directed: whether the graph is.
        source: where the walk begins.
        steps: of the walk.
        most: arms pulled at most, or None.
        arms: the nodes that are arms; None for all.
        released: the rows of the released code, which bind by the budget alone.
    """

    nodes: int
    arcs: NDArray[np.int64]
    directed: bool
    source: int
    steps: int
    most: int | None
    arms: tuple[int, ...] | None
    released: bool


@dataclass(frozen=True, slots=True, eq=False)
class KnapsackRecipe:
    """Arguments of `games.bandits.knapsack`; weights float64 (resources, N), limits (resources,)."""

    weights: NDArray[np.float64]
    limits: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PartitionRecipe:
    """Arguments of `games.bandits.partition`; groups int64 (N,), limits int64 (groups,)."""

    groups: NDArray[np.int64]
    limits: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TransversalRecipe:
    """Arguments of `games.bandits.transversal`; places of each arm ascend."""

    reach: tuple[tuple[int, ...], ...]
    seats: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RowsRecipe:
    """Rows and nothing else: the set's own arrays say all, and its membership is asked of them."""


SetRecipe: TypeAlias = (
    CardinalityRecipe
    | CapacityRecipe
    | ScheduleRecipe
    | PathRecipe
    | KnapsackRecipe
    | PartitionRecipe
    | TransversalRecipe
    | RowsRecipe
)
