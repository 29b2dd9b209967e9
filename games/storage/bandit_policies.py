"""Trained policies of coupled bandits on disk, with the bandit, and with what is claimed of them.

The file holds all that playing needs - the Q-function's arrays and sizes, the additive values under it, how
exactly its maxima are to be taken - and what can be judged apart from it: the mean return that it is said to
have, prices for a bound on the return of any policy, and some decisions with their Q. Nothing in it is
executed, and `games.checking_bandits` judges it.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.bandits.factors import Factor, factor_of, incidence
from games.bandits.problem import CoupledBandit
from games.bandits.q_functions import AdditiveValues, QFunction, QKind, QShape, StateReading
from games.errors import FileFormatError
from games.results import SolveResult
from games.storage.bandits import bandit_arrays, decode_bandit, encode_bandit, fingerprint
from games.storage.bundle import read_bundle, write_bundle
from games.storage.fields import Arrays, Fields, ReadArrays, array_of, only_keys
from games.storage.outcomes import decode_origin, decode_outcome, encode_origin, encode_outcome

SCHEMA = "counterplay.bandit_policy"
VERSION = 1

ROUND_RECORDS = ("loss", "error", "gap", "worst_gap", "proven", "solves", "seconds")
LOOK_RECORDS = ("round", "value", "gain", "error")
"""Columns of a learning curve: one entry a round, and one a look at the policy."""

_MOST_HORIZON = 1_000_000
_MOST_EPISODES = 10**15  # a number that floats can hold
_FACTOR_STATES, _FACTOR_PATTERNS = 256, 256  # as many as `games.bandits.factors.factors_of` writes down
_MOST_MOVES = 1 << 27  # transitions of all factors together, a gigabyte: a small file must not cost more


@dataclass(frozen=True, slots=True)
class ReturnClaim:
    """What a policy is said to earn, a step, from starts of `games.bandits.EVALUATION_START`.

    Attributes:
        mean: of the mean expected reward a step, over episodes.
        error: standard error of it.
        episodes: how many.
        bound: on the expected reward of an episode of any policy, by the prices in the file; None without.
    """

    mean: float
    error: float
    episodes: int
    bound: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Some decisions of a policy, as it made them when it was saved.

    Attributes:
        states: int64 (H, m, J), m at each step.
        actions: bool (H, m, N).
        values: Q of the actions, float64 (H, m).
    """

    states: NDArray[np.int64]
    actions: NDArray[np.bool_]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PlainPolicy:
    """A policy as plain numbers: it plays an action of greatest Q.

    Attributes:
        name: for tables.
        q: the Q-function.
        relative: gap at which an action counts as the best, as a share of how far apart two Q can lie.
        absolute: likewise, in units of Q; the larger of both counts.
        prices: of each factor's patterns by step, (H, patterns) each; None where there are none.
        rounds: the learning curve by round, by the names in `ROUND_RECORDS`, float64 of equal length.
        looks: by look at the policy, by the names in `LOOK_RECORDS`, likewise.
    """

    name: str
    q: QFunction
    relative: float
    absolute: float
    prices: tuple[NDArray[np.float64], ...] | None
    rounds: Mapping[str, NDArray[np.float64]]
    looks: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class StoredBanditPolicy:
    """A trained policy as it was found on disk; nothing is checked but that it is whole.

    Attributes:
        bandit: what it was trained on.
        result: what training returned, with the policy as plain numbers.
        claim: what it is said to earn.
        decisions: some of its decisions.
        created: when it was saved.
        versions: versions of ``counterplay``, ``numpy`` and ``python`` that saved it.
    """

    bandit: CoupledBandit
    result: SolveResult[PlainPolicy]
    claim: ReturnClaim
    decisions: Decisions
    created: datetime
    versions: Mapping[str, str]


def save_plain_policy(
    path: str | os.PathLike[str],
    bandit: CoupledBandit,
    result: SolveResult[PlainPolicy],
    claim: ReturnClaim,
    decisions: Decisions,
) -> None:
    """Save a policy with its bandit, atomically; missing folders are made.

    Args:
        path: ``NAME.json``; the arrays go beside it.
        bandit: what it was trained on.
        result: of the training.
        claim: what the policy earns.
        decisions: some of them.

    Raises:
        TypeError: the bandit holds functions that no file can hold.
        ValueError: there is no solution, a number is not finite, or ``path`` is refused.
        OSError: the files cannot be written; a file that was there is as before.
    """
    policy = result.unwrap()
    problem, arrays = encode_bandit(bandit)
    shape, base = policy.q.shape, policy.q.base
    own: dict[str, NDArray[Any]] = {f"net_{name}": array for name, array in policy.q.weights.items()}
    groups = [arm for factor in base.factors for arm in factor.arms]
    own |= {
        "base_arms": np.array(groups, dtype=np.int64),
        "base_ends": np.cumsum([len(factor.arms) for factor in base.factors], dtype=np.int64),
        "base_coefficients": base.coefficients,
        "base_values": np.concatenate([table.reshape(-1) for table in base.values]),
        "base_constants": base.constants,
    }
    if policy.prices is not None:
        own["prices"] = np.concatenate([table.reshape(-1) for table in policy.prices])
    own |= {f"round_{name}": policy.rounds[name] for name in ROUND_RECORDS}
    own |= {f"look_{name}": policy.looks[name] for name in LOOK_RECORDS}
    own |= {f"decision_{name}": getattr(decisions, name) for name in ("states", "actions", "values")}
    for name, array in own.items():
        if array.dtype == np.float64 and not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite to be saved")
    header: dict[str, Any] = {
        "name": policy.name,
        "kind": shape.kind.name.lower(),
        "widths": list(shape.widths),
        "reading": shape.reading.name.lower(),
        "bends": shape.bends,
        "trained_table": shape.trained_table,
        "unit": float(policy.q.unit),
        "discount": float(base.discount),
        "tolerance": {"relative": float(policy.relative), "absolute": float(policy.absolute)},
    }
    bound = None if claim.bound is None else float(claim.bound)
    write_bundle(
        path,
        {
            "schema": SCHEMA,
            "version": VERSION,
            **encode_origin(),
            "bandit": problem,
            "policy": header | {"sha256": fingerprint(header, own)},
            "claim": {
                "mean": float(claim.mean),
                "error": float(claim.error),
                "episodes": int(claim.episodes),
                "bound": bound,
            },
            "result": encode_outcome(result),
        },
        arrays | own,
    )


def load_plain_policy(path: str | os.PathLike[str]) -> StoredBanditPolicy:
    """Load a policy; nothing in the files is executed.

    Args:
        path: the header.

    Raises:
        OSError: a file cannot be read.
        FileFormatError: the files are broken, or are not of this kind; the message names the place.
    """
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    fields = Fields(header, os.fspath(path))
    only_keys(fields, ("schema", "version", "created", "versions", "bandit", "policy", "claim", "result"))
    bandit = decode_bandit(fields.fields("bandit"), arrays)
    if bandit.horizon > _MOST_HORIZON:
        raise fields.fields("bandit").error("horizon", f"at most {_MOST_HORIZON}")
    problem = bandit_arrays(arrays)
    rest = {name: array for name, array in arrays.items() if name not in problem}
    parts = fields.fields("policy")
    kept = {key: value for key, value in parts.values.items() if key != "sha256"}
    if fingerprint(kept, rest) != parts.text("sha256"):
        raise FileFormatError(f"{parts.place}.sha256: the policy is not the one of this fingerprint")
    own = ReadArrays(rest)
    policy = _decode_policy(parts, own, bandit)
    decisions = _decode_decisions(parts.place, own, bandit)
    own.refuse_unread(parts.place)
    return StoredBanditPolicy(
        bandit,
        decode_outcome(fields.fields("result"), policy),
        _decode_claim(fields.fields("claim"), policy),
        decisions,
        *decode_origin(fields),
    )


def _decode_policy(fields: Fields, arrays: Arrays, bandit: CoupledBandit) -> PlainPolicy:
    only_keys(
        fields,
        (
            "name",
            "kind",
            "widths",
            "reading",
            "bends",
            "trained_table",
            "unit",
            "discount",
            "tolerance",
            "sha256",
        ),
    )
    place = fields.place
    kinds = {kind.name.lower(): kind for kind in QKind}
    readings = {reading.name.lower(): reading for reading in StateReading}
    for key, known in (("kind", [*kinds]), ("reading", [*readings])):
        if fields.text(key) not in known:
            raise fields.error(key, " or ".join(repr(name) for name in known))
    widths = fields.numbers("widths")
    if any(width != int(width) for width in widths):
        raise fields.error("widths", "a list of integers")
    shape = QShape(
        kinds[fields.text("kind")],
        tuple(int(width) for width in widths),
        readings[fields.text("reading")],
        fields.integer("bends"),
        fields.boolean("trained_table"),
    )
    unit, discount = fields.number("unit"), fields.number("discount")
    if not unit > 0:
        raise fields.error("unit", "a positive number")
    if not 0.0 <= discount <= 1.0:
        raise fields.error("discount", "a number in [0, 1]")
    tolerance = fields.fields("tolerance")
    only_keys(tolerance, ("relative", "absolute"))
    gaps = {key: tolerance.number(key) for key in ("relative", "absolute")}
    for key, gap in gaps.items():
        if gap < 0:
            raise tolerance.error(key, "a number of at least 0")
    base = _decode_base(place, arrays, bandit, discount)
    prices = None
    if "prices" in arrays:
        sizes = [(bandit.horizon, factor.patterns) for factor in base.factors]
        prices = _split(arrays, "prices", sizes, place)
    weights = {
        name.removeprefix("net_"): _finite(arrays[name], name, place)
        for name in arrays
        if name.startswith("net_")
    }
    try:
        q = QFunction(bandit, shape, weights, unit, base)
    except ValueError as error:
        raise FileFormatError(f"{place}: {error}") from error
    records = [
        {
            name: _finite(array_of(arrays, f"{part}_{name}", np.float64, 1, place), name, place)
            for name in names
        }
        for part, names in (("round", ROUND_RECORDS), ("look", LOOK_RECORDS))
    ]
    for held in records:
        if len({array.size for array in held.values()}) != 1:
            raise FileFormatError(f"{place}: arrays of the learning curve are of different lengths")
    return PlainPolicy(
        fields.text("name"), q, gaps["relative"], gaps["absolute"], prices, records[0], records[1]
    )


def _decode_base(place: str, arrays: Arrays, bandit: CoupledBandit, discount: float) -> AdditiveValues:
    factors = _decode_factors(place, arrays, bandit)
    horizon = bandit.horizon
    coefficients = _finite(
        array_of(arrays, "base_coefficients", np.float64, 1, place), "base_coefficients", place
    )
    entries = sum(horizon * factor.states * factor.patterns for factor in factors)
    if coefficients.size != entries:
        raise FileFormatError(
            f"{place}: array 'base_coefficients' must hold {entries} numbers, it holds {coefficients.size}"
        )
    values = _split(arrays, "base_values", [(horizon + 1, factor.states) for factor in factors], place)
    (constants,) = _split(arrays, "base_constants", [(horizon + 1,)], place)
    if constants[-1] or any(table[-1].any() for table in values):
        raise FileFormatError(f"{place}: arrays 'base_values' and 'base_constants' must be zero at the end")
    return AdditiveValues(factors, coefficients, values, constants, discount)


def _decode_factors(place: str, arrays: Arrays, bandit: CoupledBandit) -> tuple[Factor, ...]:
    flat = array_of(arrays, "base_arms", np.int64, 1, place)
    ends = array_of(arrays, "base_ends", np.int64, 1, place)
    bounds = np.concatenate([[0], ends])
    if (np.diff(bounds) < 1).any() or bounds[-1] != flat.size:
        raise FileFormatError(f"{place}: array 'base_ends' must rise to {flat.size}")
    if not np.array_equal(np.sort(flat), np.arange(bandit.num_arms)):
        raise FileFormatError(f"{place}: array 'base_arms' must hold each of {bandit.num_arms} arms once")
    reach = incidence(bandit.effect)
    found: list[Factor] = []
    left = _MOST_MOVES
    for begin, end in pairwise(bounds.tolist()):
        members = flat[begin:end].tolist()
        if members != sorted(members) or bandit.arms.states ** len(members) > _FACTOR_STATES:
            raise FileFormatError(f"{place}: array 'base_arms' must hold small groups of rising numbers")
        patterns = 2 ** int(reach[members].any(axis=0).sum())
        if patterns > _FACTOR_PATTERNS:
            raise FileFormatError(
                f"{place}: array 'base_arms' has a group with {patterns} patterns, at most {_FACTOR_PATTERNS}"
            )
        left -= patterns * bandit.arms.states ** (2 * len(members))
        if left < 0:
            raise FileFormatError(
                f"{place}: array 'base_arms' has groups with more than {_MOST_MOVES} transitions in all"
            )
        found.append(factor_of(bandit, members))
    return tuple(found)


def _decode_claim(fields: Fields, policy: PlainPolicy) -> ReturnClaim:
    only_keys(fields, ("mean", "error", "episodes", "bound"))
    error, episodes = fields.number("error"), fields.integer("episodes")
    if error < 0:
        raise fields.error("error", "a number of at least 0")
    if not 2 <= episodes <= _MOST_EPISODES:
        raise fields.error("episodes", f"an integer of at least 2 and at most {_MOST_EPISODES}")
    bound = None
    if fields.values.get("bound", 0) is not None:
        bound = fields.number("bound")
        if policy.prices is None:
            raise fields.error("bound", "null, as the file holds no prices")
    return ReturnClaim(fields.number("mean"), error, episodes, bound)


def _decode_decisions(place: str, arrays: Arrays, bandit: CoupledBandit) -> Decisions:
    states = array_of(arrays, "decision_states", np.int64, 3, place)
    actions = array_of(arrays, "decision_actions", np.bool_, 3, place)
    values = _finite(array_of(arrays, "decision_values", np.float64, 2, place), "decision_values", place)
    each = states.shape[1]
    if not each:
        raise FileFormatError(f"{place}: array 'decision_states' must hold a decision at each step")
    wanted = (bandit.horizon, each)
    shapes = {"states": (*wanted, bandit.num_arms), "actions": (*wanted, bandit.bits), "values": wanted}
    for name, array in (("states", states), ("actions", actions), ("values", values)):
        if array.shape != shapes[name]:
            raise FileFormatError(
                f"{place}: array 'decision_{name}' must have shape {shapes[name]}, got {array.shape}"
            )
    if not bandit.arms.has(states):
        raise FileFormatError(
            f"{place}: array 'decision_states' must hold states in 0..{bandit.arms.states - 1}"
        )
    return Decisions(states, actions, values)


def _finite(array: NDArray[Any], name: str, place: str) -> NDArray[np.float64]:
    if array.dtype != np.float64 or not np.isfinite(array).all():
        raise FileFormatError(f"{place}: array {name!r} must hold finite float64 numbers")
    return array


def _split(
    arrays: Arrays, name: str, shapes: Sequence[tuple[int, ...]], place: str
) -> tuple[NDArray[np.float64], ...]:
    """Tables that lie end to end."""
    flat = _finite(array_of(arrays, name, np.float64, 1, place), name, place)
    sizes = [math.prod(shape) for shape in shapes]
    if flat.size != sum(sizes):
        raise FileFormatError(f"{place}: array {name!r} must hold {sum(sizes)} numbers, it holds {flat.size}")
    pieces = np.split(flat, np.cumsum(sizes)[:-1])
    return tuple(piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True))
