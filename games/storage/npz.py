"""Arrays in an uncompressed ``.npz``: a few plain types, nothing pickled, sizes checked before allocation.

``numpy.load`` opens these files too. The other way round, this reader takes only what the writer makes:
members stored without compression, ``.npy`` version 1.0, C order, little-endian. The header of a member is
matched as text and never evaluated.
"""

import math
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError

Arrays = dict[str, NDArray[Any]]

DTYPES = tuple(np.dtype(t) for t in (np.float64, np.int32, np.int64, np.bool_, np.uint8))
"""What may be stored."""

_BY_CODE = {t.newbyteorder("<").str: t for t in DTYPES}
_NAME = re.compile(r"[A-Za-z0-9_]{1,100}")
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<|][a-z][0-9])', 'fortran_order': False, "
    rb"'shape': \(((?:[0-9]{1,19}, ?)*(?:[0-9]{1,19})?)\), \} *\n"
)
# What zipfile raises on archives that are damaged, encrypted, or lead outside of themselves.
_BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    struct.error,
    OSError,
    OverflowError,
    ValueError,
)
# A fixed date, so that equal arrays make equal files and equal digests.
_DATE = (1980, 1, 1, 0, 0, 0)


def checked_arrays(arrays: Mapping[str, object]) -> Arrays:
    """Refuse what could not be read back.

    Raises:
        TypeError: not an array, or of a type outside ``DTYPES``.
        ValueError: a name other than letters, digits and underscores.
    """
    checked: Arrays = {}
    for name, array in arrays.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"array names hold letters, digits and underscores, got {name!r}")
        if not isinstance(array, np.ndarray) or array.dtype not in DTYPES:
            kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"array {name!r} must be one of {', '.join(map(str, DTYPES))}, got {kind}")
        checked[name] = array
    return checked


def write_npz(file: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write checked arrays to a binary file; equal arrays give equal bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            plain = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
            member = zipfile.ZipInfo(f"{name}.npy", _DATE)
            # The size is not known to zipfile in advance; above 2 GiB the header needs wide fields.
            with archive.open(member, "w", force_zip64=plain.nbytes >= 2**31 - 2**16) as stream:
                np.lib.format.write_array(stream, plain, version=(1, 0), allow_pickle=False)


def read_npz(file: IO[bytes], size: int, place: str) -> Arrays:
    """Read all arrays of an open file of ``size`` bytes.

    Raises:
        FileFormatError: anything but what ``write_npz`` makes; ``place`` and the member are named.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            # Stored members cannot be longer than their archive, unless they overlap.
            if sum(m.file_size for m in members) > size:
                raise FileFormatError(f"{place}: its members claim more bytes than the file has")
            arrays: Arrays = {}
            for member in members:
                where = f"{place}: member {member.filename!r}"
                name = member.filename.removesuffix(".npy")
                if name == member.filename or not _NAME.fullmatch(name) or name in arrays:
                    raise FileFormatError(f"{where}: wanted a distinct name of letters, digits, _ and .npy")
                if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
                    raise FileFormatError(f"{where}: compressed members are refused")
                arrays[name] = _array(archive.read(member), where)
    except FileFormatError:
        raise
    except _BROKEN as error:
        raise FileFormatError(f"{place}: broken archive: {error}") from error
    return arrays


def _array(data: bytes, where: str) -> NDArray[Any]:
    start = len(_MAGIC) + 2
    if len(data) < start or not data.startswith(_MAGIC):
        raise FileFormatError(f"{where}: not an .npy file of version 1.0")
    end = start + int.from_bytes(data[len(_MAGIC) : start], "little")
    header = _HEADER.fullmatch(data[start:end])
    if header is None:
        raise FileFormatError(f"{where}: unexpected .npy header {data[start : min(end, start + 100)]!r}")
    dtype = _BY_CODE.get(header[1].decode())
    if dtype is None:
        raise FileFormatError(f"{where}: type {header[1].decode()} is not one of {', '.join(_BY_CODE)}")
    shape = tuple(int(n) for n in header[2].decode().split(",") if n.strip())
    wanted = math.prod(shape) * dtype.itemsize  # Python integers: no overflow
    if wanted != len(data) - end:
        raise FileFormatError(
            f"{where}: an array of shape {shape} and type {dtype} takes {wanted} bytes, "
            f"but {len(data) - end} are there"
        )
    flat = np.frombuffer(data, dtype.newbyteorder("<"), offset=end)
    if dtype == np.bool_ and (flat.view(np.uint8) > 1).any():
        raise FileFormatError(f"{where}: a Boolean is neither 0 nor 1")
    try:
        return flat.reshape(shape).astype(dtype)  # a copy, so that it is aligned and the caller's own
    except ValueError as error:  # more axes than numpy has, or an empty array with absurd ones
        raise FileFormatError(f"{where}: shape {shape} is refused: {error}") from error
