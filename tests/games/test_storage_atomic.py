"""Writers that fail, are killed or meet at any step: the old bundle or the new one is there, never a part."""

import errno
import os
import subprocess
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest

from games.errors import FileFormatError
from games.storage import folder, read_bundle, write_bundle

OLD, NEW = 1.0, 2.0
HEAD = {"schema": "test", "version": 1}


def write(path, value):
    write_bundle(path, {**HEAD, "value": value}, {"x": np.full(50, value)})


def value_in(path):
    """The value in a bundle, after checking that header and arrays are of one write."""
    header, arrays = read_bundle(path, schema="test", version=1)
    assert (arrays["x"] == header["value"]).all()
    assert arrays["x"].shape == (50,)
    return header["value"]


class Killed(BaseException):
    """Stands for an interrupt."""


class Trap:
    """Counts the system calls that matter and fails at one of them, before or after it takes effect."""

    def __init__(self, at, error, after=False):
        self.count, self.at, self.error, self.after = 0, at, error, after

    def __enter__(self):
        self.patch = pytest.MonkeyPatch()
        for name in ("fsync", "replace"):
            self.patch.setattr(os, name, self.wrap(getattr(os, name)))
        return self

    def __exit__(self, *_):
        self.patch.undo()

    def wrap(self, real):
        def call(*args):
            self.count += 1
            if self.count == self.at and not self.after:
                raise self.error
            result = real(*args)
            if self.count == self.at:
                raise self.error
            return result

        return call


STEPS = 6  # fsync arrays, rename, fsync folder, fsync header, rename (the commit), fsync folder
COMMIT = 5


def test_the_number_of_steps(tmp_path):
    with Trap(0, None) as trap:
        write(tmp_path / "a.json", NEW)
    assert trap.count == STEPS


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), Killed(), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_overwriting_fails_at_any_step(tmp_path, step, error, after):
    path = tmp_path / "a.json"
    write(path, OLD)
    before = set(os.listdir(tmp_path))
    with Trap(step, error, after), pytest.raises(type(error)):
        write(path, NEW)
    committed = step > COMMIT or (step == COMMIT and after)
    assert value_in(path) == (NEW if committed else OLD)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
    if step > 2 and not committed:
        assert set(os.listdir(tmp_path)) == before  # not even arrays without a header
    write(path, NEW)
    assert value_in(path) == NEW
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_the_first_write_fails_at_any_step(tmp_path, step):
    path = tmp_path / "a.json"
    with Trap(step, OSError(errno.ENOSPC, "full")), pytest.raises(OSError, match="full"):
        write(path, NEW)
    if step > COMMIT:
        assert value_in(path) == NEW
    else:
        assert os.listdir(tmp_path) == []
        with pytest.raises(FileNotFoundError):
            value_in(path)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_the_same_arrays_under_a_new_header_fail_at_any_step(tmp_path, step):
    """New and old arrays share their file, which a failure must not take away."""
    path = tmp_path / "a.json"
    write(path, OLD)
    for after in (False, True):
        with Trap(step, Killed(), after), pytest.raises(Killed):
            write_bundle(path, {**HEAD, "value": OLD, "after": after}, {"x": np.full(50, OLD)})
        assert value_in(path) == OLD


def test_a_full_disk_while_the_arrays_are_written(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write(path, OLD)
    before = sorted(os.listdir(tmp_path))

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("games.storage.bundle.write_npz", full)
        with pytest.raises(OSError, match="full"):
            write(path, NEW)
    assert sorted(os.listdir(tmp_path)) == before
    assert value_in(path) == OLD


def test_a_folder_in_the_way_stays_and_nothing_is_added(tmp_path):
    path = tmp_path / "a.json"
    path.mkdir()
    with pytest.raises(OSError, match=r"a\.json"):
        write(path, NEW)
    assert os.listdir(tmp_path) == ["a.json"]


# Stands alone, so that other processes need not find this file.
WRITE = """
import numpy as np
from games.storage import write_bundle
def write(path, value):
    write_bundle(path, {"schema": "test", "version": 1, "value": value}, {"x": np.full(50, value)})
"""

KILL = (
    WRITE
    + """
import os, signal, sys
path, at, after = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "after"
count = 0
def trap(real):
    def call(*args):
        global count
        count += 1
        if count == at and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args)
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
    return call
os.fsync, os.replace = trap(os.fsync), trap(os.replace)
write(path, 2.0)
"""
)


@pytest.mark.parametrize(
    ("step", "after"), [(1, "before"), (2, "before"), (2, "after"), (4, "after"), (5, "after")]
)
def test_a_real_kill_leaves_a_whole_bundle_and_no_lock(tmp_path, step, after):
    path = tmp_path / "a.json"
    write(path, OLD)
    done = subprocess.run([sys.executable, "-c", KILL, str(path), str(step), after], check=False)
    assert done.returncode == -9
    assert value_in(path) == (NEW if (step, after) == (COMMIT, "after") else OLD)
    assert [p.name for p in tmp_path.glob("*.json")] == ["a.json"]  # drafts are hidden and named otherwise
    write(path, 3.0)
    assert value_in(path) == 3.0
    assert len(os.listdir(tmp_path)) == 2  # the next write tidies up


def test_threads_that_write_one_name(tmp_path):
    """Each value comes back again and again, so arrays that one writer drops are those another one needs."""
    path = tmp_path / "a.json"
    write(path, 0.0)
    stop, seen, failures = threading.Event(), set(), []

    def work(offset):
        for k in range(30):
            write(path, float((k + offset) % 3))

    def watch():
        while not stop.is_set():
            try:
                seen.add(value_in(path))
            except BaseException as error:
                failures.append(error)
                return

    writers = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    readers = [threading.Thread(target=watch) for _ in range(2)]
    for thread in [*readers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert seen <= {0.0, 1.0, 2.0}
    assert value_in(path) in {0.0, 1.0, 2.0}
    assert len(os.listdir(tmp_path)) == 2


RACE = (
    WRITE
    + """
import sys
for k in range(40):
    write(sys.argv[1], float((k + int(sys.argv[2])) % 3))
"""
)


def test_processes_that_write_one_name(tmp_path):
    path = tmp_path / "a.json"
    write(path, 0.0)
    racers = [subprocess.Popen([sys.executable, "-c", RACE, str(path), str(k)]) for k in range(2)]
    while any(racer.poll() is None for racer in racers):
        assert value_in(path) in {0.0, 1.0, 2.0}
    assert [racer.returncode for racer in racers] == [0, 0]
    assert len(os.listdir(tmp_path)) == 2


def test_writers_wait_for_each_other(tmp_path):
    order = []

    def write_later():
        write(tmp_path / "a.json", NEW)
        order.append("written")

    with folder.sole_writer(tmp_path):
        thread = threading.Thread(target=write_later)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        order.append("released")
    thread.join()
    assert order == ["released", "written"]


def test_where_folders_cannot_be_locked_a_lone_writer_still_works(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EBADF, "no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    write(tmp_path / "a.json", OLD)
    assert value_in(tmp_path / "a.json") == OLD

    def fail(*_):
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr("fcntl.flock", fail)
    with pytest.raises(OSError, match="broken disk"):
        write(tmp_path / "a.json", NEW)


def test_leftovers_that_cannot_be_removed_do_no_harm(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write(path, OLD)
    (tmp_path / "a.0123456789ab.npz").mkdir()
    write(path, NEW)
    assert value_in(path) == NEW


def test_drafts_are_never_taken_for_bundles(tmp_path):
    """Whatever the first writer had on disk when it stopped, its name does not load."""
    path = tmp_path / "a.json"
    names = set()
    real = os.replace

    def spy(source, target):
        names.add(os.fspath(source))
        with suppress(FileNotFoundError, FileFormatError):
            value_in(path)
            pytest.fail("a bundle was there before the commit")
        real(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", spy)
        write(path, NEW)
    assert len(names) == 2
    assert all(os.path.basename(name).startswith(".") and name.endswith(".part") for name in names)
