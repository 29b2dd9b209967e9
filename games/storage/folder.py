"""Files in a folder: one writer at a time, and opening that is not led astray."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from games.errors import FileFormatError


@contextmanager
def sole_writer(folder: Path) -> Iterator[int]:
    """Hold the folder's lock and give its descriptor, whose fsync makes renames durable.

    Other threads and processes that ask for it wait. The system lifts the lock of a killed process. Where
    folders cannot be locked (some network file systems), there is no lock, and keeping to one writer per
    name is up to the caller.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        locked = _lock(descriptor)
        try:
            yield descriptor
        finally:
            # Not by closing alone: a process forked meanwhile has the descriptor too, and so the lock.
            if locked:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        return False
    return True


@contextmanager
def open_regular(path: Path, max_bytes: int) -> Iterator[tuple[BufferedReader, os.stat_result]]:
    """Open a regular file of at most ``max_bytes`` for reading; links, pipes and devices are refused.

    Raises:
        FileNotFoundError: no such file.
        OSError: it cannot be opened.
        FileFormatError: it is not a regular file, or too large.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise FileFormatError(f"{path}: is a symbolic link; name the file itself") from None
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileFormatError(f"{path}: is not a regular file")
        if status.st_size > max_bytes:
            raise FileFormatError(f"{path}: has {status.st_size} bytes, the limit is {max_bytes}")
    except BaseException:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file, status
