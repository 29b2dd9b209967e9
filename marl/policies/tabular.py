"""Policies that look up what they do in a table, by what the player knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame

KeyFunction: TypeAlias = Callable[[EnvGame[Any], Any, int], bytes]
"""Names what a player knows: (game, state, player) to bytes; a module's function, as it is pickled.

Equal keys must mean equal legal actions."""


def observation_key(game: EnvGame[Any], state: Any, player: int) -> bytes:  # noqa: ANN401
    """The bytes of the player's observation; all a player knows where observations remember the past."""
    return game.observe(state, player).tobytes()


def information_state_key(game: EnvGame[Any], state: Any, player: int) -> bytes:  # noqa: ANN401
    """OpenSpiel's information-state string, which labels the information sets of a compiled game."""
    label: str = state.information_state_string(player)
    return label.encode()


@dataclass(frozen=True, slots=True, eq=False)
class TabularPolicy:
    """A distribution over actions per key, uniform over the legal actions where the table has none.

    Attributes:
        table: key to float64 (num_actions,): a distribution inside the legal mask. Not copied.
        key: names what the player knows.
    """

    table: Mapping[bytes, NDArray[np.float64]] = field(default_factory=dict)
    key: KeyFunction = observation_key

    def probabilities(self, game: EnvGame[Any], state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """See ``Policy.probabilities``."""
        row = self.table.get(self.key(game, state, player))
        if row is None:
            mask = game.legal_mask(state, player)
            return mask / np.count_nonzero(mask)
        return row

    def distributions(
        self, observations: NDArray[np.float32], masks: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """See ``marl.policies.batched.ObservationPolicy``.

        Raises:
            TypeError: the keys are not ``observation_key``, so observations do not find them.
        """
        if self.key is not observation_key:
            raise TypeError(
                f"the table is keyed by {self.key.__name__}, which reads states, not observations"
            )
        rows: NDArray[np.float64] = masks / np.count_nonzero(masks, axis=1, keepdims=True)
        seen = np.ascontiguousarray(observations, dtype=np.float32)
        data, width = seen.tobytes(), seen.nbytes // max(len(seen), 1)
        for k in range(len(rows)):
            row = self.table.get(data[k * width : (k + 1) * width])
            if row is not None:
                rows[k] = row
        return rows

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The table as arrays, sorted by key, for ``restore``.

        Keys: uint8, end to end; lengths: int64 (K,); rows: float64 (K, num_actions).
        """
        keys = sorted(self.table)
        lengths = np.array([len(key) for key in keys], dtype=np.int64)
        rows = np.array([self.table[key] for key in keys]) if keys else np.empty((0, 0))
        return {"keys": np.frombuffer(b"".join(keys), dtype=np.uint8), "lengths": lengths, "rows": rows}

    @classmethod
    def restore(
        cls, arrays: Mapping[str, NDArray[Any]], key: KeyFunction = observation_key
    ) -> "TabularPolicy":
        """The policy that gave ``arrays``.

        Raises:
            ValueError: an array is missing, or they do not fit each other.
        """
        missing = [name for name in ("keys", "lengths", "rows") if name not in arrays]
        if missing:
            raise ValueError(f"arrays of a tabular policy lack {', '.join(missing)}")
        keys, lengths, rows = arrays["keys"].tobytes(), arrays["lengths"], arrays["rows"]
        if rows.ndim != 2 or lengths.shape != rows.shape[:1] or lengths.sum() != len(keys):
            raise ValueError(
                f"{len(keys)} bytes of keys, lengths of shape {lengths.shape} and rows of shape {rows.shape} "
                "make no table"
            )
        ends = np.cumsum(lengths)
        table = {
            keys[end - size : end]: np.array(row, dtype=np.float64)
            for end, size, row in zip(ends.tolist(), lengths.tolist(), rows, strict=True)
        }
        return cls(table, key)
