"""Action sets of the built-in families on disk: by the arguments they were built from.

The set that comes back has rows and a membership test made by today's code from these arguments, so the test
is as independent of the rows as ever. Sets that are rows and nothing else are stored by their arrays. A test
that somebody wrote in Python, and a set that depends on the state, are functions and are refused.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet, cardinality
from games.bandits.arrays import Variables, compiled
from games.bandits.capacity_sets import capacity
from games.bandits.knapsack_sets import knapsack, partition
from games.bandits.path_sets import path, path_as_released
from games.bandits.recipes import (
    CapacityRecipe,
    CardinalityRecipe,
    KnapsackRecipe,
    PartitionRecipe,
    PathRecipe,
    RowsRecipe,
    ScheduleRecipe,
    TransversalRecipe,
)
from games.bandits.schedule_sets import Meeting, schedule
from games.bandits.state_sets import Feasible
from games.bandits.transport import transversal
from games.errors import FileFormatError
from games.storage.fields import Arrays, Fields, array_of, only_keys

Encoded: TypeAlias = tuple[dict[str, Any], dict[str, NDArray[Any]]]

# A file must not cost whoever opens it gigabytes by a few large numbers.
_MOST_BITS = 10_000
_MOST_NODES = 5_000
_MOST_PATTERNS = 100_000
_MOST_ENTRIES = 20_000_000  # of all patterns
_MOST_VARIABLES = 2_000_000  # of the rows that a set of a built-in family gets
_ASKED = 64  # actions on which a set and the one built from its recipe are compared


def encode_action_set(action_set: Feasible) -> Encoded:
    """Header object and arrays of a set; arrays are named ``set_...``.

    Raises:
        TypeError: the set depends on the state, or holds a function that no file can hold.
        ValueError: its rows or its test were replaced after it was built.
    """
    if not isinstance(action_set, ActionSet):
        raise TypeError(
            f"feasible must be one ActionSet to be saved; {action_set.name!r} is a function of the state"
        )
    if action_set.recipe is None:
        raise TypeError(
            f"feasible must be of a built-in family, or rows without a membership test of its own, to be "
            f"saved; {action_set.name!r} holds functions that no file can hold"
        )
    header, arrays = _encode(action_set)
    try:
        again = decode_action_set(Fields(header, action_set.name), arrays)
    except FileFormatError as error:
        raise ValueError(f"feasible cannot be built again from its recipe: {error}") from error
    if not same_set(action_set, again):
        raise ValueError(
            f"feasible {action_set.name!r} was changed after it was built, so it cannot be saved"
        )
    return header, arrays


def decode_action_set(fields: Fields, arrays: Arrays) -> ActionSet:
    """The set that `encode_action_set` wrote.

    Raises:
        FileFormatError: a part is missing, unknown, of another kind, or out of its range.
    """
    kind = fields.text("kind")
    if kind not in _READERS:
        raise fields.error("kind", " or ".join(repr(name) for name in _READERS))
    try:
        return _READERS[kind](fields, arrays)
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{fields.place}: {error}") from error


def same_set(one: ActionSet, other: ActionSet) -> bool:
    """Whether two sets have the same rows, and tests that agree on a few actions."""
    if one.size != other.size or one.rows.shape != other.rows.shape:
        return False
    pairs = [(getattr(one, name), getattr(other, name)) for name in _PARTS]
    rng = np.random.default_rng(0)
    asked = rng.random((_ASKED, one.size)) < rng.random((_ASKED, 1))
    return (
        all(np.array_equal(first, second) for first, second in pairs)
        and (one.rows != other.rows).nnz == 0
        and one.downward == other.downward
        and bool((one.contains(asked) == other.contains(asked)).all())
    )


_PARTS = ("row_lower", "row_upper", "lower", "upper", "integral")


def _encode(action_set: ActionSet) -> Encoded:
    recipe = action_set.recipe
    match recipe:
        case CardinalityRecipe():
            size, most = recipe.size, recipe.most
            return {"kind": "cardinality", "size": size, "most": most, "exactly": recipe.exactly}, {}
        case CapacityRecipe():
            arrays = {"set_costs": recipe.costs, "set_capacities": recipe.capacities}
            return {"kind": "capacity", "max_patterns": int(recipe.max_patterns)}, arrays
        case ScheduleRecipe():
            header = {
                "kind": "schedule",
                "slots": recipe.slots,
                "visits": recipe.visits,
                "most": None if recipe.most is None else int(recipe.most),
                "meeting": recipe.meeting.name.lower(),
            }
            lists = _lists("worker_slots", recipe.worker_slots) | _lists("arm_slots", recipe.arm_slots)
            return header, lists
        case PathRecipe():
            header = {
                "kind": "path_as_released" if recipe.released else "path",
                "nodes": recipe.nodes,
                "directed": recipe.directed,
                "source": recipe.source,
                "steps": int(recipe.steps),
                "most": None if recipe.most is None else int(recipe.most),
            }
            arrays = {"set_arcs": recipe.arcs}
            if recipe.arms is not None:
                arrays["set_arms"] = np.array(recipe.arms, dtype=np.int64)
            return header, arrays
        case KnapsackRecipe():
            return {"kind": "knapsack"}, {"set_weights": recipe.weights, "set_limits": recipe.limits}
        case PartitionRecipe():
            return {"kind": "partition"}, {"set_groups": recipe.groups, "set_limits": recipe.limits}
        case TransversalRecipe():
            seats = np.array(recipe.seats, dtype=np.int64)
            return {"kind": "transversal"}, {"set_seats": seats} | _lists("reach", recipe.reach)
        case RowsRecipe():
            return _encode_rows(action_set)
        case _:
            raise TypeError(f"recipe must be of a built-in family, got {type(recipe).__name__}")


def _lists(name: str, lists: tuple[tuple[int, ...], ...]) -> dict[str, NDArray[np.int64]]:
    """Lists of numbers end to end, and where each one ends."""
    ends = np.cumsum([len(own) for own in lists], dtype=np.int64)
    return {
        f"set_{name}": np.array([number for own in lists for number in own], dtype=np.int64),
        f"set_{name}_ends": ends,
    }


def _read_lists(arrays: Arrays, name: str, place: str) -> list[list[int]]:
    flat = array_of(arrays, f"set_{name}", np.int64, 1, place)
    ends = array_of(arrays, f"set_{name}_ends", np.int64, 1, place)
    bounds = np.concatenate([[0], ends])
    if (np.diff(bounds) < 0).any() or bounds[-1] != flat.size or ends.size > _MOST_BITS:
        raise FileFormatError(f"{place}: array 'set_{name}_ends' must rise to {flat.size}")
    return [flat[begin:end].tolist() for begin, end in pairwise(bounds.tolist())]


def _optional_integer(fields: Fields, key: str) -> int | None:
    return None if key in fields.values and fields.values[key] is None else fields.integer(key)


def _refuse_many(fields: Fields, what: str, number: int, most: int) -> None:
    if number > most:
        raise FileFormatError(f"{fields.place}: has {number} {what}, at most {most} are read")


def _read_cardinality(fields: Fields, arrays: Arrays) -> ActionSet:
    only_keys(fields, ("kind", "size", "most", "exactly"))
    size = fields.integer("size")
    if not 1 <= size <= _MOST_BITS:
        raise fields.error("size", f"an integer in 1..{_MOST_BITS}")
    return cardinality(size, fields.integer("most"), exactly=fields.boolean("exactly"))


def _read_capacity(fields: Fields, arrays: Arrays) -> ActionSet:
    only_keys(fields, ("kind", "max_patterns"))
    costs, tops = (
        array_of(arrays, name, np.int64, 1, fields.place) for name in ("set_costs", "set_capacities")
    )
    patterns = fields.integer("max_patterns")
    if not 0 <= patterns <= _MOST_PATTERNS:
        raise fields.error("max_patterns", f"an integer in 0..{_MOST_PATTERNS}")
    kinds = np.unique(costs).size
    _refuse_many(fields, "entries of max_patterns patterns", patterns * kinds, _MOST_ENTRIES)
    _refuse_many(fields, "pairs of a worker and an arm", tops.size * costs.size, _MOST_VARIABLES)
    return capacity(costs, tops, max_patterns=patterns)


def _read_schedule(fields: Fields, arrays: Arrays) -> ActionSet:
    only_keys(fields, ("kind", "slots", "visits", "most", "meeting"))
    rules = {rule.name.lower(): rule for rule in Meeting}
    rule = rules.get(fields.text("meeting"))
    if rule is None:
        raise fields.error("meeting", " or ".join(repr(name) for name in rules))
    slots = fields.integer("slots")
    if not 1 <= slots <= _MOST_BITS:
        raise fields.error("slots", f"an integer in 1..{_MOST_BITS}")
    workers, arms = (_read_lists(arrays, name, fields.place) for name in ("worker_slots", "arm_slots"))
    classes = len({tuple(own) for own in workers})
    flows = sum(map(len, arms)) * max(1, classes)
    _refuse_many(fields, "slots of arms for the classes of workers", flows, _MOST_VARIABLES)
    return schedule(
        workers,
        arms,
        slots=slots,
        visits=fields.integer("visits"),
        most=_optional_integer(fields, "most"),
        meeting=rule,
    )


def _read_path(fields: Fields, arrays: Arrays) -> ActionSet:
    import networkx as nx

    only_keys(fields, ("kind", "nodes", "directed", "source", "steps", "most"))
    nodes, source, most = fields.integer("nodes"), fields.integer("source"), _optional_integer(fields, "most")
    arcs = array_of(arrays, "set_arcs", np.int64, 2, fields.place)
    if not 1 <= nodes <= _MOST_NODES:
        raise fields.error("nodes", f"an integer in 1..{_MOST_NODES}")
    if arcs.shape[1] != 2 or (arcs.size and not (arcs.min() >= 0 and arcs.max() < nodes)):
        raise FileFormatError(f"{fields.place}: array 'set_arcs' must hold pairs of nodes in range({nodes})")
    steps = fields.integer("steps")
    if steps < 1:
        raise fields.error("steps", "an integer of at least 1")
    _refuse_many(fields, "moves along arcs and nodes", steps * (len(arcs) + nodes), _MOST_VARIABLES)
    graph = nx.DiGraph() if fields.boolean("directed") else nx.Graph()
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from(arcs.tolist())
    if fields.text("kind") == "path_as_released":
        if most is None:
            raise fields.error("most", "an integer")
        return path_as_released(graph, source, steps=steps, most=most)
    arms = None
    if "set_arms" in arrays:
        arms = array_of(arrays, "set_arms", np.int64, 1, fields.place).tolist()
    return path(graph, source, steps=steps, most=most, arms=arms)


def _read_knapsack(fields: Fields, arrays: Arrays) -> ActionSet:
    only_keys(fields, ("kind",))
    weights = array_of(arrays, "set_weights", np.float64, 2, fields.place)
    _refuse_many(fields, "action bits", weights.shape[1], _MOST_BITS)
    return knapsack(weights, array_of(arrays, "set_limits", np.float64, 1, fields.place))


def _read_partition(fields: Fields, arrays: Arrays) -> ActionSet:
    only_keys(fields, ("kind",))
    groups, limits = (
        array_of(arrays, name, np.int64, 1, fields.place) for name in ("set_groups", "set_limits")
    )
    _refuse_many(fields, "action bits", groups.size, _MOST_BITS)
    return partition(groups.tolist(), limits)


def _read_transversal(fields: Fields, arrays: Arrays) -> ActionSet:
    only_keys(fields, ("kind",))
    seats = array_of(arrays, "set_seats", np.int64, 1, fields.place)
    if seats.size and not (seats.min() >= 0 and seats.max() <= _MOST_BITS and seats.sum() <= _MOST_BITS):
        raise FileFormatError(f"{fields.place}: array 'set_seats' must hold at most {_MOST_BITS} seats")
    return transversal(_read_lists(arrays, "reach", fields.place), seats.tolist())


def _encode_rows(action_set: ActionSet) -> Encoded:
    table = action_set.rows.tocoo()
    entries = np.stack(table.coords, axis=1).astype(np.int64)
    arrays: dict[str, NDArray[Any]] = {"set_entries": entries, "set_values": table.data}
    arrays |= {f"set_{name}": getattr(action_set, name) for name in _PARTS}
    return {
        "kind": "rows",
        "size": action_set.size,
        "downward": bool(action_set.downward),
        "name": action_set.name,
    }, arrays


def _read_rows(fields: Fields, arrays: Arrays) -> ActionSet:
    only_keys(fields, ("kind", "size", "downward", "name"))
    place, size = fields.place, fields.integer("size")
    low, high, lower, upper = (array_of(arrays, f"set_{name}", np.float64, 1, place) for name in _PARTS[:-1])
    integral = array_of(arrays, "set_integral", np.bool_, 1, place)
    entries = array_of(arrays, "set_entries", np.int64, 2, place)
    values = array_of(arrays, "set_values", np.float64, 1, place)
    shape = (low.size, lower.size)
    inside = not entries.size or bool(
        (entries.min(axis=0) >= 0).all() and (entries.max(axis=0) < shape).all()
    )
    if entries.shape != (values.size, 2) or not inside:
        raise FileFormatError(
            f"{place}: array 'set_entries' must hold a place in a table of shape {shape} for each of "
            f"{values.size} values"
        )
    if not 1 <= size <= min(lower.size, _MOST_BITS):
        raise fields.error("size", f"an integer in 1..{min(lower.size, _MOST_BITS)}")
    bits = lower[:size], upper[:size]
    if not all(np.isin(side, (0.0, 1.0)).all() for side in bits) or not integral[:size].all():
        raise FileFormatError(f"{place}: the first {size} variables must be action bits, whole in 0..1")
    rows = sparse.csr_array(sparse.coo_array((values, (entries[:, 0], entries[:, 1])), shape=shape))
    logic = (None, fields.boolean("downward"), fields.text("name"))
    return compiled(size, (rows, low, high), Variables(lower, upper, integral), logic)


_READERS: dict[str, Callable[[Fields, Arrays], ActionSet]] = {
    "cardinality": _read_cardinality,
    "capacity": _read_capacity,
    "schedule": _read_schedule,
    "path": _read_path,
    "path_as_released": _read_path,
    "knapsack": _read_knapsack,
    "partition": _read_partition,
    "transversal": _read_transversal,
    "rows": _read_rows,
}
