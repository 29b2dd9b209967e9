"""Files: read with a limit on their size, written whole or not at all."""

import codecs
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from games.errors import FileFormatError

MAX_FILE_BYTES = 256 * 2**20
"""Default size beyond which a file is refused."""


def read_text(path: str | os.PathLike[str], *, max_bytes: int = MAX_FILE_BYTES) -> str:
    """Read a UTF-8 file, without a leading byte-order mark and with its line ends as they are.

    Raises:
        OSError: the file cannot be read.
        FileFormatError: the file is larger than ``max_bytes``, or is not UTF-8.
    """
    with Path(path).open("rb") as file:
        # Asking for one byte more than allowed also bounds pipes and devices, which report no size.
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise FileFormatError(f"{os.fspath(path)}: the file is larger than {max_bytes:,} bytes")
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise FileFormatError(
            f"{os.fspath(path)}, line {line}, column {column}: byte 0x{content[error.start]:02x} is not UTF-8"
        ) from None


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a new binary file that takes the place of ``path`` when the block ends without an error.

    A reader sees the old file or the new one, never a part. When anything fails the new file is removed and
    ``path`` is as before.

    Raises:
        OSError: the folder is missing or cannot be written to.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_text_atomically(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, whole or not at all, with its line ends as they are.

    Raises:
        OSError: the folder is missing or cannot be written to.
        UnicodeEncodeError: the text holds lone surrogates.
    """
    content = text.encode()
    with atomic_write(path) as file:
        file.write(content)
