"""The policies that a population file can hold: one line per kind, loaded when a file needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError
from games.extensive.sequence_form import SequenceForm
from games.registry import Registry
from games.storage.fields import Arrays, Fields, array_of
from marl.policies import Policy, TabularPolicy, UniformPolicy, information_state_key, observation_key
from marl.populations.behavior import BehaviorPolicy, LabelledTreeplex


@dataclass(frozen=True, slots=True)
class Setting:
    """What a policy is read for.

    Attributes:
        player: who plays it.
        num_actions: size of the player's action space, None where the game is not at hand.
        labels: the player's information sets, None where the file holds no compiled game.
    """

    player: int
    num_actions: int | None
    labels: LabelledTreeplex | None


class PolicyKind(Protocol):
    """How policies of one kind are written down; ``policy`` is always of that kind."""

    def encode(self, policy: Any) -> tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]]:  # noqa: ANN401
        """JSON values, and arrays of the types that ``games.storage.npz`` takes.

        Raises:
            ValueError: the policy has a part that has no name in files.
        """

    def decode(self, fields: Fields, arrays: Arrays, setting: Setting) -> Policy[Any]:
        """The policy.

        Raises:
            ValueError: a part is missing or broken.
        """

    def describe(self, policy: Any) -> str:  # noqa: ANN401
        """Its size, in a few words."""


POLICIES = Registry("kind of policy")
"""Name in the file, where the kind is, and the classes of its policies as tags."""

# One kind per line: name, class, summary, classes of its policies.
# fmt: off
_TABLE = (
    ("uniform", "UniformKind", "every legal action alike", "marl.policies.uniform:UniformPolicy"),
    ("tabular", "TabularKind", "a table", "marl.policies.tabular:TabularPolicy"
     " marl.oracles.valued_policy:ValuedPolicy"),
    ("behavior", "BehaviorKind", "over the compiled game", "marl.populations.behavior:BehaviorPolicy"),
    ("neural", "NeuralKind", "a network", "marl.learning.neural_policy:NeuralPolicy"),
)
# fmt: on
for _name, _kind, _summary, _policies in _TABLE:
    POLICIES.add(_name, f"marl.populations.policy_kinds:{_kind}", _summary, *_policies.split())

_BY_CLASS = {path: entry.name for entry in POLICIES for path in entry.tags}
_KEYS = {"observation": observation_key, "information_state": information_state_key}


def policy_kind_name(policy: Policy[Any]) -> str:
    """Name of the kind of a policy.

    Raises:
        TypeError: policies of this class cannot be stored.
    """
    path = f"{type(policy).__module__}:{type(policy).__qualname__}"
    if path not in _BY_CLASS:
        known = ", ".join(name.partition(":")[2] for name in _BY_CLASS)
        raise TypeError(f"policies of class {type(policy).__name__} cannot be stored; known are {known}")
    return _BY_CLASS[path]


def load_policy_kind(name: str) -> PolicyKind:
    """The kind of that name.

    Raises:
        UnknownNameError: there is none.
    """
    kind: PolicyKind = POLICIES.get(name).load()()
    return kind


class UniformKind:
    """See ``PolicyKind``."""

    def encode(self, policy: UniformPolicy) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Nothing."""
        return {}, {}

    def decode(self, fields: Fields, arrays: Arrays, setting: Setting) -> UniformPolicy:
        """The one uniform policy."""
        return UniformPolicy()

    def describe(self, policy: UniformPolicy) -> str:
        """Nothing to say."""
        return ""


class TabularKind:
    """See ``PolicyKind``."""

    def encode(self, policy: TabularPolicy) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The key function by its name, and the table; action values are left out, as play needs none."""
        name = next((name for name, key in _KEYS.items() if key is policy.key), None)
        if name is None:
            raise ValueError(f"key must be one of the stored ones, {', '.join(_KEYS)}, got {policy.key!r}")
        return {"key": name}, TabularPolicy(policy.table).arrays()

    def decode(self, fields: Fields, arrays: Arrays, setting: Setting) -> TabularPolicy:
        """The table, every row of which must be a distribution."""
        key = fields.text("key")
        if key not in _KEYS:
            raise fields.error("key", " or ".join(map(repr, _KEYS)))
        parts = {
            "keys": array_of(arrays, "keys", np.uint8, 1, fields.place),
            "lengths": array_of(arrays, "lengths", np.int64, 1, fields.place),
            "rows": array_of(arrays, "rows", np.float64, 2, fields.place),
        }
        lengths, rows = parts["lengths"], parts["rows"]
        # Sums of hostile lengths could wrap around.
        if lengths.size and not (lengths.min() >= 0 and lengths.max() <= parts["keys"].size):
            raise FileFormatError(f"{fields.place}: array 'lengths' does not cut 'keys'")
        if rows.size and setting.num_actions not in (None, rows.shape[1]):
            raise FileFormatError(
                f"{fields.place}: rows must have {setting.num_actions} entries, got {rows.shape[1]}"
            )
        with np.errstate(invalid="ignore", over="ignore"):
            sums = rows.sum(axis=1)
            sound = (rows >= 0.0).all() and (np.abs(sums - 1.0) <= 1e-6).all()  # False with NaN
        if len(rows) and not sound:
            raise FileFormatError(f"{fields.place}: array 'rows' holds a row that is no distribution")
        policy = TabularPolicy.restore(parts, _KEYS[key])
        if len(policy.table) != len(rows):
            raise FileFormatError(f"{fields.place}: array 'keys' holds a key twice")
        return policy

    def describe(self, policy: TabularPolicy) -> str:
        """How many entries."""
        return f"{len(policy.table)} entries by {policy.key.__name__.removesuffix('_key').replace('_', ' ')}"


class BehaviorKind:
    """See ``PolicyKind``."""

    def encode(self, policy: BehaviorPolicy) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The behavior; the information sets are those of the compiled game in the file."""
        return {}, {"behavior": policy.behavior}

    def decode(self, fields: Fields, arrays: Arrays, setting: Setting) -> BehaviorPolicy:
        """The behavior, a distribution at every information set."""
        if setting.labels is None:
            raise FileFormatError(f"{fields.place}: a behavior needs the compiled game, which the file lacks")
        behavior = array_of(arrays, "behavior", np.float64, 1, fields.place)
        check_behavior(setting.labels, behavior, fields.place)
        return BehaviorPolicy(setting.labels, behavior)

    def describe(self, policy: BehaviorPolicy) -> str:
        """How many information sets, and at how many of them it mixes."""
        plex = policy.labels.plex
        largest = np.maximum.reduceat(policy.behavior, plex.start[:-1]) if plex.num_infosets else np.empty(0)
        return f"{plex.num_infosets} infosets, mixes at {int((largest < 1.0).sum())}"


class NeuralKind:
    """See ``PolicyKind``."""

    def encode(self, policy: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:  # noqa: ANN401
        """The network's arrays."""
        return {}, policy.arrays()

    def decode(self, fields: Fields, arrays: Arrays, setting: Setting) -> Policy[Any]:
        """The network, with as many outputs as the player has actions."""
        from marl.learning.neural_policy import NeuralPolicy

        policy = NeuralPolicy.restore(arrays)
        if setting.num_actions not in (None, policy.network.sizes[-1]):
            raise FileFormatError(
                f"{fields.place}: the network must have {setting.num_actions} outputs, got "
                f"{policy.network.sizes[-1]}"
            )
        return policy

    def describe(self, policy: Any) -> str:  # noqa: ANN401
        """Layer sizes, number of parameters, and how outputs become actions."""
        network = policy.network
        count = sum(array.size for array in network.parameters())
        sizes = "-".join(map(str, network.sizes))
        return f"layers {sizes}, {count:,} parameters, {policy.rule.name.lower()}"


def check_behavior(labels: LabelledTreeplex, behavior: NDArray[np.float64], place: str) -> None:
    """Refuse what is no distribution at every information set.

    Raises:
        FileFormatError: it is not; ``place`` is named.
    """
    plex = labels.plex
    if behavior.shape != (plex.num_sequences,) or behavior[0] != 1.0:
        raise FileFormatError(
            f"{place}: array 'behavior' must begin with 1 and have shape ({plex.num_sequences},), got "
            f"{behavior.shape}"
        )
    totals = np.add.reduceat(behavior, plex.start[:-1]) if plex.num_infosets else np.empty(0)
    with np.errstate(invalid="ignore"):
        broken = ~(np.abs(totals - 1.0) <= 1e-6)  # True with NaN
    if broken.any() or behavior.min() < 0.0:
        where = f" at {plex.infosets[int(broken.argmax())]!r}" if broken.any() else ""
        raise FileFormatError(f"{place}: array 'behavior' holds what is no distribution{where}")


def form_labels(form: SequenceForm | None, num_players: int) -> tuple[LabelledTreeplex | None, ...]:
    """The players' information sets by their names; None for each where nothing is compiled."""
    if form is None:
        return (None,) * num_players
    return tuple(LabelledTreeplex(plex) for plex in form.treeplexes)
