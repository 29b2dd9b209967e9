"""Problems and their solutions as header objects and arrays."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError
from games.extensive.form_checks import validate_form
from games.extensive.sequence_form import SequenceForm, Treeplex, Utility
from games.normal_form.game import NormalFormGame
from games.profiles import Profile, as_distribution, as_profile
from games.storage.fields import Arrays, Fields, array_of
from games.storage.labels import decode_labels, encode_labels

Problem: TypeAlias = NormalFormGame | SequenceForm
Solution: TypeAlias = Profile | NDArray[np.float64]
"""Mixed strategies or behavior policies, one array per player; or a joint distribution over profiles."""

Encoded: TypeAlias = tuple[dict[str, Any], dict[str, NDArray[Any]]]

_SUM_TOLERANCE = 1e-6


def encode_problem(problem: Problem) -> Encoded:
    """Header object and arrays of a problem.

    Raises:
        TypeError: neither a NormalFormGame nor a SequenceForm.
        ValueError: the sequence form breaks its own rules.
    """
    header: dict[str, Any]
    if isinstance(problem, NormalFormGame):
        header = {
            "kind": "normal_form",
            "name": problem.name,
            "players": list(problem.players),
            "actions": [list(labels) for labels in problem.actions],
        }
        return header, {"payoffs": problem.payoffs}
    if not isinstance(problem, SequenceForm):
        raise TypeError(f"problem must be a NormalFormGame or a SequenceForm, got {type(problem).__name__}")
    validate_form(problem)
    header = {
        "kind": "sequence_form",
        "name": problem.name,
        "source": problem.source,
        "num_players": problem.num_players,
        "utility": problem.utility.value,
        "payoff_bounds": [float(bound) for bound in problem.payoff_bounds],
    }
    arrays: dict[str, NDArray[Any]] = {name: getattr(problem, name) for name in _ENTRIES}
    for i, plex in enumerate(problem.treeplexes):
        arrays |= {f"{name}_{i}": getattr(plex, name) for name in _TREEPLEX}
        arrays |= encode_labels(f"infosets_{i}", plex.infosets)
        arrays |= encode_labels(f"actions_{i}", (label for labels in plex.actions for label in labels))
    return header, arrays


# Type and number of axes of each array of a sequence form, and of each treeplex in it.
_ENTRIES: dict[str, tuple[type[np.generic], int]] = {
    "sequences": (np.int32, 2),
    "weight": (np.float64, 1),
    "payoff": (np.float64, 2),
    "payoff_sq": (np.float64, 2),
}
_TREEPLEX: dict[str, tuple[type[np.generic], int]] = {
    "parent": (np.int32, 1),
    "start": (np.int32, 1),
    "action_ids": (np.int64, 1),
}


def decode_problem(fields: Fields, arrays: Arrays) -> Problem:
    """The problem that ``encode_problem`` wrote.

    Raises:
        FileFormatError: a part is missing, of another kind, or breaks a rule of the problem.
    """
    kind = fields.text("kind")
    try:
        if kind == "normal_form":
            return _normal_form(fields, arrays)
        if kind == "sequence_form":
            form = _sequence_form(fields, arrays)
            validate_form(form)
            return form
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{fields.place}: {error}") from error
    raise fields.error("kind", "'normal_form' or 'sequence_form'")


def _normal_form(fields: Fields, arrays: Arrays) -> NormalFormGame:
    payoffs = arrays.get("payoffs")
    if payoffs is None or payoffs.dtype != np.float64:
        raise FileFormatError(f"{fields.place}: the array 'payoffs' is missing or not float64")
    actions = fields.values.get("actions")
    if not isinstance(actions, list):
        raise fields.error("actions", "one list of labels for each player")
    labels = Fields({str(i): player for i, player in enumerate(actions)}, f"{fields.place}.actions")
    return NormalFormGame(
        payoffs,
        tuple(labels.texts(key) for key in labels.values),
        fields.texts("players"),
        fields.text("name"),
    )


def _sequence_form(fields: Fields, arrays: Arrays) -> SequenceForm:
    place = fields.place
    num_players = fields.integer("num_players")
    # Every player has arrays, so a number that is too large ends at the first missing one.
    if num_players < 1:
        raise fields.error("num_players", "a positive integer")
    bounds = fields.numbers("payoff_bounds")
    if len(bounds) != 2:
        raise fields.error("payoff_bounds", "two numbers")
    utility = fields.text("utility")
    if utility not in [kind.value for kind in Utility]:
        raise fields.error("utility", " or ".join(repr(kind.value) for kind in Utility))
    treeplexes = []
    for i in range(num_players):
        parts = {
            name: array_of(arrays, f"{name}_{i}", dtype, ndim, place)
            for name, (dtype, ndim) in _TREEPLEX.items()
        }
        start = parts["start"]
        labels = decode_labels(arrays, f"actions_{i}", place)
        if not start.size or start[0] != 1 or start[-1] != len(labels) + 1 or (np.diff(start) < 1).any():
            raise FileFormatError(f"{place}: array 'start_{i}' must rise from 1 to {len(labels) + 1}")
        cuts = (start - 1).tolist()
        actions = tuple(labels[a:b] for a, b in pairwise(cuts))
        infosets = decode_labels(arrays, f"infosets_{i}", place)
        treeplexes.append(Treeplex(parts["parent"], start, infosets, actions, parts["action_ids"]))
    entries = {name: array_of(arrays, name, dtype, ndim, place) for name, (dtype, ndim) in _ENTRIES.items()}
    return SequenceForm(
        fields.text("name"),
        tuple(treeplexes),
        entries["sequences"],
        entries["weight"],
        entries["payoff"],
        entries["payoff_sq"],
        Utility(utility),
        (bounds[0], bounds[1]),
        fields.text("source"),
    )


def encode_solution(problem: Problem, solution: Solution | None) -> Encoded:
    """Header object and arrays of a solution, or of the lack of one.

    Raises:
        TypeError: neither a joint distribution nor a sequence of strategies.
        ValueError: it does not fit the problem, or is not made of distributions.
    """
    if solution is None:
        return {"kind": "none"}, {}
    if isinstance(solution, np.ndarray):
        joint = np.asarray(solution, dtype=np.float64)
        check_solution(problem, joint)
        return {"kind": "joint"}, {"joint": joint}
    if not isinstance(solution, Sequence):
        raise TypeError(
            "solution must be a tuple of arrays, one for each player, or a joint distribution, got "
            f"{type(solution).__name__}"
        )
    profile = tuple(np.asarray(x, dtype=np.float64) for x in solution)
    check_solution(problem, profile)
    return {"kind": "profile"}, {f"strategy_{i}": x for i, x in enumerate(profile)}


def decode_solution(problem: Problem, fields: Fields, arrays: Arrays) -> Solution | None:
    """The solution that ``encode_solution`` wrote, bit for bit.

    Raises:
        FileFormatError: it is missing, does not fit the problem, or is not made of distributions.
    """
    kind = fields.text("kind")
    if kind == "none":
        return None
    solution: Solution
    if kind == "profile":
        solution = tuple(
            array_of(arrays, f"strategy_{i}", np.float64, 1, fields.place) for i in range(problem.num_players)
        )
    elif kind == "joint":
        solution = array_of(arrays, "joint", np.float64, problem.num_players, fields.place)
    else:
        raise fields.error("kind", "'profile', 'joint' or 'none'")
    try:
        check_solution(problem, solution)
    except ValueError as error:
        raise FileFormatError(f"{fields.place}: {error}") from error
    return solution


def check_solution(problem: Problem, solution: Solution) -> None:
    """Check that a solution is made of distributions that fit the problem.

    Raises:
        ValueError: it is not; the message names the place.
    """
    if isinstance(problem, NormalFormGame):
        if isinstance(solution, tuple):
            as_profile(solution, problem.num_actions)
        elif solution.shape != problem.num_actions:
            raise ValueError(f"joint must have shape {problem.num_actions}, got {solution.shape}")
        else:
            as_distribution(solution.ravel(), name="joint")
    elif isinstance(solution, tuple):
        _check_behaviors(problem, solution)
    else:
        raise ValueError("a joint distribution needs a normal-form game, this one is in sequence form")


def _check_behaviors(form: SequenceForm, behaviors: Profile) -> None:
    shapes, wanted = [b.shape for b in behaviors], [(n,) for n in form.num_sequences]
    if shapes != wanted:
        raise ValueError(f"behaviors must have shapes {wanted}, one array for each player, got {shapes}")
    for i, (plex, behavior) in enumerate(zip(form.treeplexes, behaviors, strict=True)):
        with np.errstate(invalid="ignore", over="ignore"):
            totals = np.add.reduceat(behavior, plex.start[:-1]) if plex.num_infosets else np.empty(0)
            # Negated, so that NaN is refused as well.
            broken = ~(np.abs(totals - 1.0) <= _SUM_TOLERANCE)
        if not (behavior[0] == 1.0 and (behavior >= -_SUM_TOLERANCE).all()):
            raise ValueError(f"behaviors[{i}] must begin with 1 and hold no negative number and no NaN")
        if broken.any():
            h = int(broken.argmax())
            raise ValueError(f"behaviors[{i}] must sum to one at {plex.infosets[h]!r}, got {totals[h]!r}")
