"""A JSON header and the arrays it speaks of, replaced together or not at all.

``NAME.json`` names its arrays file ``NAME.<digest>.npz``, a plain sibling. Writing puts the arrays down
first, under a name no reader knows yet, and then renames the new header over the old one: that rename is
the commit. A kill before it leaves the old bundle, a kill after it the new one; arrays that no header
names any more are removed by the next write of the same name. Writers of one folder wait for each other.

Reading trusts nothing: sizes and nesting are bounded, the arrays must be the bytes whose digest the header
holds, and nothing is unpickled or evaluated.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeGuard

from numpy.typing import NDArray

from games.errors import FileFormatError
from games.files import atomic_write
from games.storage.folder import open_regular, sole_writer
from games.storage.header import MAX_HEADER_BYTES, decode_header, encode_header
from games.storage.npz import Arrays, checked_arrays, read_npz, write_npz

Header = dict[str, Any]

MAX_ARRAY_BYTES = 8 * 2**30
"""Larger array files are not read."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def write_bundle(
    path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write a bundle atomically; missing folders are made.

    Args:
        path: where the header goes, ending in ``.json``; the arrays go beside it.
        header: JSON values; holds ``schema`` (a string) and ``version`` (a positive integer), not ``arrays``.
        arrays: float64, int32, int64, uint8 or bool, named by letters, digits and underscores.

    Raises:
        ValueError: the path, the header or an array's name is not of that form.
        TypeError: the header holds something that is not JSON, or an array another type.
        OSError: the folder cannot be written; a bundle that was there is as before, unless only its
            way to the disk after the commit failed.
    """
    target = header_path(path)
    if "arrays" in header:
        raise ValueError("header must leave the key 'arrays' free")
    if not isinstance(header.get("schema"), str) or not _is_version(header.get("version")):
        raise ValueError(
            "header must hold 'schema' (a string) and 'version' (a positive integer), got "
            f"{header.get('schema')!r} and {header.get('version')!r}"
        )
    plain = checked_arrays(arrays)
    encode_header(header)  # refuse before anything is written
    target.parent.mkdir(parents=True, exist_ok=True)
    with sole_writer(target.parent) as folder:
        # The name follows from the content, so the arrays are packed before they have one.
        with tempfile.TemporaryFile(dir=target.parent) as packed:
            write_npz(packed, plain)
            packed.seek(0)
            digest = hashlib.file_digest(packed, "sha256").hexdigest()
            packed.seek(0)
            sibling = target.with_name(f"{target.stem}.{digest[:12]}.npz")
            data = encode_header({**header, "arrays": {"file": sibling.name, "sha256": digest}})
            fresh = not os.path.lexists(sibling)
            with atomic_write(sibling) as file:
                shutil.copyfileobj(packed, file)
        try:
            os.fsync(folder)  # no power cut may keep the new header and lose its arrays
            with atomic_write(target) as file:
                file.write(data)
        except BaseException:
            # An interrupt may come right after the commit; then the arrays are needed.
            if fresh and not _holds(target, data):
                sibling.unlink(missing_ok=True)
            raise
        os.fsync(folder)
        _remove_leftovers(target, keep=sibling.name)


def header_path(path: str | os.PathLike[str]) -> Path:
    """Where the header of a bundle goes; for use before work that is to end in one.

    Raises:
        ValueError: the path does not end in ``.json``.
    """
    target = Path(path)
    if target.suffix != ".json":
        raise ValueError(f"path must end in .json, got {os.fspath(path)!r}")
    return target


def read_schema(path: str | os.PathLike[str]) -> str:
    """The schema a header names, which says what to read it with; its arrays are not looked at.

    Raises:
        FileFormatError: the header is broken or names none.
        OSError: it cannot be opened.
    """
    target = Path(path)
    with open_regular(target, MAX_HEADER_BYTES) as (file, _):
        schema = decode_header(file.read(), str(target)).get("schema")
    if not isinstance(schema, str):
        raise FileFormatError(f"{target}: schema must be a string, got {schema!r:.80}")
    return schema


def read_bundle(path: str | os.PathLike[str], *, schema: str, version: int) -> tuple[Header, Arrays]:
    """Read a bundle of the given schema, up to the given version of it.

    Raises:
        FileFormatError: anything about the files is not as written; the message names the file and place.
        OSError: the header cannot be opened.
    """
    target = Path(path)
    seen = None
    while True:
        with open_regular(target, MAX_HEADER_BYTES) as (file, status):
            header = decode_header(file.read(), str(target))
        _check_schema(header, target, schema, version)
        sibling, digest = _arrays_entry(header.pop("arrays", None), target)
        try:
            return header, _read_arrays(sibling, digest)
        except FileNotFoundError:
            # A writer may have replaced both files since the header was read; if so, it is another file now.
            stamp = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
            if stamp == seen:
                raise FileFormatError(f"{target}: its arrays file {sibling.name} is missing") from None
            seen = stamp


def _check_schema(header: Mapping[str, Any], target: Path, schema: str, version: int) -> None:
    if header.get("schema") != schema:
        raise FileFormatError(f"{target}: schema must be {schema!r}, got {header.get('schema')!r:.80}")
    found = header.get("version")
    if not _is_version(found):
        raise FileFormatError(f"{target}: version must be a positive integer, got {found!r:.80}")
    if found > version:
        raise FileFormatError(
            f"{target}: written by a newer counterplay ({schema} version {found}, this one reads up to "
            f"{version}); upgrade to read it"
        )


def _is_version(value: object) -> TypeGuard[int]:
    return type(value) is int and value >= 1  # True is no version


def _arrays_entry(entry: object, target: Path) -> tuple[Path, str]:
    """Path and SHA-256 of the arrays."""
    if not isinstance(entry, dict):
        raise FileFormatError(f"{target}: arrays must be an object, got {entry!r:.80}")
    digest = entry.get("sha256")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise FileFormatError(f"{target}: arrays.sha256 must be 64 hex digits, got {digest!r:.80}")
    # The name follows from the digest, so a header cannot point anywhere else.
    sibling = target.with_name(f"{target.stem}.{digest[:12]}.npz")
    if entry.get("file") != sibling.name:
        raise FileFormatError(
            f"{target}: arrays.file must be {sibling.name!r}, got {entry.get('file')!r:.80}"
        )
    return sibling, digest


def _read_arrays(sibling: Path, digest: str) -> Arrays:
    with open_regular(sibling, MAX_ARRAY_BYTES) as (file, status):
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise FileFormatError(f"{sibling}: content is not what its header was written with (SHA-256)")
        file.seek(0)
        return read_npz(file, status.st_size, str(sibling))


def _holds(target: Path, data: bytes) -> bool:
    try:
        return target.read_bytes() == data
    except OSError:
        return False


def _remove_leftovers(target: Path, *, keep: str) -> None:
    """Delete arrays of this name that no header names any more, and what killed writers left."""
    stem = re.escape(target.stem)
    arrays = rf"{stem}\.[0-9a-f]{{12}}\.npz"
    leftover = re.compile(rf"{arrays}|\.({arrays}|{stem}\.json)\.[0-9a-f]{{32}}\.part")
    for name in os.listdir(target.parent):
        if name != keep and leftover.fullmatch(name):
            with suppress(OSError):  # the bundle is whole without this; the next write tries again
                target.with_name(name).unlink()
