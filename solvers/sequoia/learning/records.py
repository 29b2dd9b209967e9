"""What a run measured, as arrays that grow."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class RoundRecords:
    """One entry a round.

    Attributes:
        loss: mean loss of the updates.
        error: mean size of the differences from the targets, in units of Q.
        gap: mean of upper bound minus value over the maxima that were played: the certified error of max Q.
        worst_gap: the greatest of them.
        proven: share of all maxima that were proven best to their tolerance.
        solves: maxima so far.
        seconds: since the start, resumed time included.
    """

    loss: NDArray[np.float64]
    error: NDArray[np.float64]
    gap: NDArray[np.float64]
    worst_gap: NDArray[np.float64]
    proven: NDArray[np.float64]
    solves: NDArray[np.float64]
    seconds: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.loss.size)


@dataclass(frozen=True, slots=True, eq=False)
class ValidationRecords:
    """One entry a look; the first is before learning.

    Attributes:
        round: rounds done.
        value: mean reward a step on the validation's chance.
        gain: mean difference from the first look, on the same chance.
        error: standard error of it.
    """

    round: NDArray[np.float64]
    value: NDArray[np.float64]
    gain: NDArray[np.float64]
    error: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.round.size)


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """All that was measured.

    Attributes:
        rounds: by round.
        looks: by validation.
    """

    rounds: RoundRecords
    looks: ValidationRecords

    @classmethod
    def empty(cls) -> "LearningCurve":
        """Before anything was measured."""
        return cls(
            RoundRecords(*(np.empty(0) for _ in fields(RoundRecords))),
            ValidationRecords(*(np.empty(0) for _ in fields(ValidationRecords))),
        )

    def with_round(self, entry: Mapping[str, float]) -> "LearningCurve":
        """The curve with one more round."""
        old = self.rounds
        return LearningCurve(
            RoundRecords(**{f.name: np.append(getattr(old, f.name), entry[f.name]) for f in fields(old)}),
            self.looks,
        )

    def with_look(self, entry: Mapping[str, float]) -> "LearningCurve":
        """The curve with one more look."""
        old = self.looks
        looks = ValidationRecords(
            **{f.name: np.append(getattr(old, f.name), entry[f.name]) for f in fields(old)}
        )
        return LearningCurve(self.rounds, looks)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For storage."""
        return {f"round_{f.name}": getattr(self.rounds, f.name) for f in fields(self.rounds)} | {
            f"look_{f.name}": getattr(self.looks, f.name) for f in fields(self.looks)
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> "LearningCurve":
        """The curve that gave ``arrays``.

        Raises:
            ValueError: an array is missing, or they are of different lengths.
        """
        try:
            rounds = RoundRecords(**{f.name: arrays[f"round_{f.name}"] for f in fields(RoundRecords)})
            looks = ValidationRecords(**{f.name: arrays[f"look_{f.name}"] for f in fields(ValidationRecords)})
        except KeyError as error:
            raise ValueError(f"arrays of a learning curve lack {error.args[0]}") from None
        for part in (rounds, looks):
            if len({getattr(part, f.name).shape for f in fields(part)}) != 1:
                raise ValueError("arrays of a learning curve are of different lengths")
        return cls(rounds, looks)
