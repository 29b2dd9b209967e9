"""Reading the parts of a bundle by name and kind; what is missing or of another kind is named."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError

Arrays = Mapping[str, NDArray[Any]]

_NON_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
_LARGEST = float(np.finfo(np.float64).max)


def encode_number(value: float) -> float | dict[str, str]:
    """A number for the header; JSON has no infinities and no NaN, so these become words."""
    number = float(value)
    return number if math.isfinite(number) else {"float": repr(number)}


def _is_number(value: object) -> bool:
    # A Boolean is no number here; comparing also holds integers beyond the range of floats.
    return type(value) in (int, float) and -_LARGEST <= value <= _LARGEST  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of the header, with the way to it.

    Attributes:
        values: the JSON object.
        place: file and keys that lead to it, for messages.
    """

    values: Mapping[str, Any]
    place: str

    def error(self, key: str, wanted: str) -> FileFormatError:
        """The error that ``key`` does not hold what is wanted."""
        got = repr(self.values[key]) if key in self.values else "nothing"
        return FileFormatError(f"{self.place}.{key}: wanted {wanted}, got {got[:100]}")

    def fields(self, key: str) -> "Fields":
        """A nested object."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise self.error(key, "an object")
        return Fields(value, f"{self.place}.{key}")

    def optional(self, key: str) -> "Fields | None":
        """A nested object, or None where the file says null."""
        return None if key in self.values and self.values[key] is None else self.fields(key)

    def text(self, key: str) -> str:
        """A string."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self.error(key, "a string")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self.values.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(key, "a list of strings")
        return tuple(value)

    def integer(self, key: str) -> int:
        """An integer."""
        value = self.values.get(key)
        if type(value) is not int:  # a Boolean is no number here
            raise self.error(key, "an integer")
        return value

    def boolean(self, key: str) -> bool:
        """True or false."""
        value = self.values.get(key)
        if not isinstance(value, bool):
            raise self.error(key, "true or false")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self.values.get(key)
        if not _is_number(value):
            raise self.error(key, "a finite number")
        return float(value)  # type: ignore[arg-type]

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        value = self.values.get(key)
        if not isinstance(value, list) or not all(map(_is_number, value)):
            raise self.error(key, "a list of finite numbers")
        return tuple(map(float, value))

    def any_number(self, key: str) -> float:
        """A number that may be infinite or NaN, as ``encode_number`` writes it."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            return self.number(key)
        literal = value.get("float")
        if not isinstance(literal, str) or literal not in _NON_FINITE:
            raise self.error(key, "a number")
        return _NON_FINITE[literal]


def only_keys(fields: Fields, known: Collection[str]) -> None:
    """Refuse an object with keys that nobody reads: they may be meant to matter.

    Raises:
        FileFormatError: there is one; it is named.
    """
    for key in fields.values:
        if key not in known:
            raise FileFormatError(f"{fields.place}.{key}: is no known key; there are {', '.join(known)}")


class ReadArrays(Mapping[str, NDArray[Any]]):
    """Arrays that know which of them nobody asked for.

    Args:
        arrays: of a bundle, or some of them.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> NDArray[Any]:
        array = self._arrays[name]
        self._read.add(name)
        return array

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def refuse_unread(self, place: str) -> None:
        """Refuse arrays that nobody reads: they may be meant to matter.

        Raises:
            FileFormatError: there is one; it is named.
        """
        for name in self._arrays:
            if name not in self._read:
                raise FileFormatError(f"{place}: array {name!r} is no known array")


def array_of(arrays: Arrays, name: str, dtype: type[np.generic], ndim: int, place: str) -> NDArray[Any]:
    """An array of the bundle of the given type and number of axes."""
    array = arrays.get(name)
    if array is None:
        raise FileFormatError(f"{place}: the array {name!r} is missing")
    if array.dtype != dtype or array.ndim != ndim:
        raise FileFormatError(
            f"{place}: array {name!r}: wanted {np.dtype(dtype)} with {ndim} axes, got {array.dtype} of shape "
            f"{array.shape}"
        )
    return array
