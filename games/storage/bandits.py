"""Coupled bandits of the built-in families on disk: arms, effect, rewards, horizon and action set."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.bandits.arms import RestlessArms
from games.bandits.effects import OneBitAnArm, SigmoidLink
from games.bandits.problem import CoupledBandit
from games.errors import FileFormatError
from games.storage.action_sets import Encoded, decode_action_set, encode_action_set
from games.storage.fields import Arrays, Fields, ReadArrays, array_of, only_keys

_LINK = ("weights", "height", "slope", "threshold")
_TABLES = ("passive", "active", "rewards")
_OWN = ("arm_", "link_", "set_")


def encode_bandit(bandit: CoupledBandit) -> Encoded:
    """Header object and arrays of a bandit; arrays are named ``arm_...``, ``link_...`` and ``set_...``.

    Raises:
        TypeError: its effect or its action set is a function that no file can hold.
        ValueError: its action set was changed after it was built.
    """
    arrays: dict[str, NDArray[Any]] = {f"arm_{name}": getattr(bandit.arms, name) for name in _TABLES}
    if isinstance(bandit.effect, OneBitAnArm):
        effect = "one_bit_an_arm"
    elif isinstance(bandit.effect, SigmoidLink):
        effect = "sigmoid"
        arrays |= {f"link_{name}": getattr(bandit.effect, name) for name in _LINK}
    else:
        raise TypeError(
            f"effect must be OneBitAnArm or SigmoidLink to be saved, got {type(bandit.effect).__name__}"
        )
    actions, held = encode_action_set(bandit.feasible)
    arrays |= held
    header: dict[str, Any] = {
        "name": bandit.name,
        "horizon": int(bandit.horizon),
        "discount": float(bandit.discount),
        "effect": effect,
        "actions": actions,
    }
    return header | {"sha256": fingerprint(header, arrays)}, arrays


def decode_bandit(fields: Fields, arrays: Arrays) -> CoupledBandit:
    """The bandit that `encode_bandit` wrote.

    Raises:
        FileFormatError: a part is missing, unknown, of another kind or out of its range, or not what the
            fingerprint was taken of.
    """
    only_keys(fields, ("name", "horizon", "discount", "effect", "actions", "sha256"))
    place = fields.place
    header = {key: value for key, value in fields.values.items() if key != "sha256"}
    whole = bandit_arrays(arrays)
    if fingerprint(header, whole) != fields.text("sha256"):
        raise FileFormatError(f"{place}.sha256: arms, effect or action set are not those of this fingerprint")
    own = ReadArrays(whole)
    kind = fields.text("effect")
    if kind not in ("one_bit_an_arm", "sigmoid"):
        raise fields.error("effect", "'one_bit_an_arm' or 'sigmoid'")
    passive, active = (array_of(own, f"arm_{name}", np.float64, 3, place) for name in _TABLES[:2])
    rewards = array_of(own, "arm_rewards", np.float64, 2, place)
    feasible = decode_action_set(fields.fields("actions"), own)
    try:
        arms = RestlessArms(passive, active, rewards)
        effect: OneBitAnArm | SigmoidLink = OneBitAnArm(arms.count)
        if kind == "sigmoid":
            weights = array_of(own, "link_weights", np.float64, 2, place)
            rest = [array_of(own, f"link_{name}", np.float64, 1, place) for name in _LINK[1:]]
            effect = SigmoidLink(weights, *rest)
        own.refuse_unread(place)
        return CoupledBandit(
            arms,
            effect,
            feasible,
            horizon=fields.integer("horizon"),
            discount=fields.number("discount"),
            name=fields.text("name"),
        )
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{place}: {error}") from error


def bandit_arrays(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Those of a bundle's arrays that belong to the bandit in it."""
    return {name: arrays[name] for name in arrays if name.startswith(_OWN)}


def fingerprint(header: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 of a header object and of the names, types, shapes and entries of arrays."""
    whole = hashlib.sha256(json.dumps(header, sort_keys=True, ensure_ascii=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        whole.update(f"{name} {array.dtype.str} {array.shape}".encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()
