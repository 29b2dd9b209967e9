"""Bundles: what is written comes back, and nothing else is taken for a bundle."""

import json
import os
import shutil
import socket

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.errors import FileFormatError
from games.storage import bundle, read_bundle, write_bundle

HEADER = {"schema": "test", "version": 1, "words": ["a", {"b": 0.1}]}
ARRAYS = {"x": np.arange(6.0).reshape(2, 3), "ok": np.array([True, False])}


def read(path, version=1):
    return read_bundle(path, schema="test", version=version)


def edit(path, change):
    """Rewrite the header by hand."""
    header = json.loads(path.read_text())
    change(header)
    path.write_text(json.dumps(header))


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "a.json"
    write_bundle(path, HEADER, ARRAYS)
    return path


def arrays_file(path):
    (file,) = path.parent.glob(f"{path.stem}.*.npz")
    return file


def test_round_trip(written):
    header, arrays = read(written)
    assert header == HEADER
    assert arrays.keys() == ARRAYS.keys()
    assert all(np.array_equal(arrays[k], ARRAYS[k]) and arrays[k].dtype == ARRAYS[k].dtype for k in ARRAYS)


def test_two_files_beside_each_other_and_no_more(written):
    entry = json.loads(written.read_text())["arrays"]
    assert sorted(os.listdir(written.parent)) == sorted(["a.json", entry["file"]])
    assert entry["file"] == f"a.{entry['sha256'][:12]}.npz"
    with np.load(written.with_name(entry["file"]), allow_pickle=False) as loaded:
        assert np.array_equal(loaded["x"], ARRAYS["x"])


def test_overwriting_leaves_the_new_bundle_alone(written):
    for name in ("b.json", "a.b.json", "a.0123456789ab.json", "a[0-9].json"):
        write_bundle(written.with_name(name), HEADER, {"y": np.array([float(len(name))])})
    write_bundle(written, HEADER, {"x": np.zeros(1)})
    assert read(written)[1]["x"].tolist() == [0.0]
    assert len(os.listdir(written.parent)) == 10  # the other four are untouched
    for name in ("b.json", "a.b.json", "a.0123456789ab.json", "a[0-9].json"):
        assert read(written.with_name(name))[1]["y"] == len(name)


@pytest.mark.parametrize(
    "name", ["leduc.ckpt.json", "stag hunt γ=0.1.json", ".hidden.json", "a\\b.json", "a+(b)*.json"]
)
def test_names(tmp_path, name):
    for value in (1.0, 2.0):
        write_bundle(tmp_path / name, HEADER, {"x": np.array([value])})
    assert read(tmp_path / name)[1]["x"] == 2.0
    assert len(os.listdir(tmp_path)) == 2


def test_missing_folders_are_made_and_relative_paths_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bundle("results/new/a.json", HEADER, ARRAYS)
    write_bundle("b.json", HEADER, ARRAYS)
    assert read("results/new/a.json")[0] == read("b.json")[0] == HEADER


def test_without_arrays(tmp_path):
    write_bundle(tmp_path / "a.json", HEADER, {})
    assert read(tmp_path / "a.json") == (HEADER, {})


@pytest.mark.parametrize(
    ("name", "header", "arrays", "error"),
    [
        ("a.txt", HEADER, {}, ValueError),
        (".json", HEADER, {}, ValueError),
        ("a.json", {"version": 1}, {}, ValueError),
        ("a.json", {"schema": "test"}, {}, ValueError),
        ("a.json", {"schema": "test", "version": 0}, {}, ValueError),
        ("a.json", {"schema": "test", "version": True}, {}, ValueError),
        ("a.json", {"schema": "test", "version": 1.0}, {}, ValueError),
        ("a.json", {"schema": 1, "version": 1}, {}, ValueError),
        ("a.json", {**HEADER, "arrays": {}}, {}, ValueError),
        ("a.json", {**HEADER, "x": float("nan")}, {}, ValueError),
        ("a.json", HEADER, {"x": np.array([None])}, TypeError),
        ("a.json", HEADER, {"/etc/x": np.ones(1)}, ValueError),
    ],
)
def test_bad_input_leaves_nothing_behind(tmp_path, name, header, arrays, error):
    with pytest.raises(error):
        write_bundle(tmp_path / name, header, arrays)
    assert os.listdir(tmp_path) == []


def test_a_missing_file_is_not_called_broken(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "a.json")


def test_newer_versions_ask_for_an_upgrade(tmp_path):
    path = tmp_path / "a.json"
    write_bundle(path, {**HEADER, "version": 3}, ARRAYS)
    assert read(path, version=3)[0]["version"] == 3
    assert read(path, version=4)[0]["version"] == 3
    with pytest.raises(
        FileFormatError, match=r"a\.json: .*newer counterplay \(test version 3, .* up to 2\); upgrade"
    ):
        read(path, version=2)


@pytest.mark.parametrize("version", [0, -1, 1.0, True, "1", None, [1], 10**30])
def test_other_versions_are_refused(written, version):
    edit(written, lambda h: h.update(version=version))
    with pytest.raises(FileFormatError, match=r"a\.json: .*version"):
        read(written)


@pytest.mark.parametrize("schema", ["other", "", None, 1, ["test"]])
def test_other_schemas_are_refused(written, schema):
    edit(written, lambda h: h.update(schema=schema))
    with pytest.raises(FileFormatError, match=r"a\.json: schema must be 'test'"):
        read(written)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../a.0123456789ab.npz",
        "sub/a.0123456789ab.npz",
        "..",
        ".",
        "",
        "a.json",
        "a.npz",
        "b.0123456789ab.npz",
        "a.0123456789AB.npz",
        "a.0123456789ab.npz\0",
        "a.0123456789ab.npz\n",
        "C:\\a.0123456789ab.npz",
        "a" * 5000,
        None,
        3,
        ["a.0123456789ab.npz"],
    ],
)
def test_arrays_are_taken_from_nowhere_else(written, name):
    edit(written, lambda h: h["arrays"].update(file=name))
    with pytest.raises(FileFormatError, match=r"a\.json: arrays\.file must be") as caught:
        read(written)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "digest", ["", "0" * 63, "g" * 64, "0" * 65, "A" * 64, None, 5, "../" + "0" * 61, "٣" * 64]
)
def test_digests_are_digests(written, digest):
    edit(written, lambda h: h["arrays"].update(sha256=digest))
    with pytest.raises(FileFormatError, match=r"a\.json: arrays\.sha256"):
        read(written)


@pytest.mark.parametrize("entry", [None, [], "a.npz", 1, {}])
def test_the_arrays_entry_is_an_object(written, entry):
    edit(written, lambda h: h.update(arrays=entry))
    with pytest.raises(FileFormatError, match=r"a\.json: arrays"):
        read(written)


def test_every_truncation_of_either_file_is_refused(written):
    for file in (written, arrays_file(written)):
        data = file.read_bytes()
        for end in range(len(data)):
            file.write_bytes(data[:end])
            with pytest.raises(FileFormatError, match=rf"{file.name}"):
                read(written)
        file.write_bytes(data)
    assert read(written)[0] == HEADER


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_changed_byte_of_the_arrays_is_noticed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bundle") / "a.json"
    write_bundle(path, HEADER, ARRAYS)
    file = arrays_file(path)
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    with pytest.raises(FileFormatError, match="SHA-256"):
        read(path)


def test_longer_arrays_are_noticed(written):
    with arrays_file(written).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(FileFormatError, match="SHA-256"):
        read(written)


def test_missing_arrays_are_named(written):
    file = arrays_file(written)
    file.unlink()
    with pytest.raises(FileFormatError, match=rf"its arrays file {file.name} is missing"):
        read(written)


def test_a_renamed_header_does_not_pass(written):
    written.rename(written.with_name("b.json"))
    with pytest.raises(FileFormatError, match=r"arrays\.file must be 'b\."):
        read(written.with_name("b.json"))


def test_links_are_not_followed(written, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(written)
    with pytest.raises(FileFormatError, match="symbolic link"):
        read(link)
    file = arrays_file(written)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(file, elsewhere)
    file.symlink_to(elsewhere)
    with pytest.raises(FileFormatError, match="symbolic link"):
        read(written)
    file.unlink()
    file.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileFormatError, match="symbolic link"):
        read(written)


def test_writing_replaces_links_and_spares_what_they_point_to(written, tmp_path):
    treasure = tmp_path / "treasure"
    treasure.write_text("gold")
    file = arrays_file(written)
    file.unlink()
    file.symlink_to(treasure)
    written.unlink()
    written.symlink_to(treasure)
    write_bundle(written, HEADER, ARRAYS)
    assert treasure.read_text() == "gold"
    assert not written.is_symlink()
    assert read(written)[0] == HEADER


def test_pipes_sockets_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    for name in ("pipe.json", "folder.json"):
        with pytest.raises(FileFormatError, match="not a regular file"):
            read(tmp_path / name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.json"))
        with pytest.raises((FileFormatError, OSError)):
            read(tmp_path / "s.json")
    with pytest.raises(FileFormatError, match=r"not a regular file|limit"):
        read("/dev/zero")


def test_arrays_that_are_a_pipe_are_refused_at_once(written):
    file = arrays_file(written)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(FileFormatError, match="not a regular file"):
        read(written)


def test_huge_files_are_refused_unread(written, monkeypatch):
    file = arrays_file(written)
    monkeypatch.setattr(bundle, "MAX_ARRAY_BYTES", file.stat().st_size - 1)
    with pytest.raises(FileFormatError, match=r"npz: has \d+ bytes, the limit is"):
        read(written)
    with written.open("r+b") as header:
        header.truncate(2**40)  # sparse: a terabyte that takes no room
    with pytest.raises(FileFormatError, match=r"a\.json: has 1099511627776 bytes, the limit is"):
        read(written)


def test_reading_again_when_a_writer_came_between(written, monkeypatch):
    """The header names arrays that a writer replaces before they are opened."""
    real, calls = bundle.open_regular, []

    def slow(path, limit):
        calls.append(path)
        if len(calls) in (2, 4):
            write_bundle(written, {**HEADER, "turn": len(calls)}, {"x": np.full(1, float(len(calls)))})
        return real(path, limit)

    monkeypatch.setattr(bundle, "open_regular", slow)
    header, arrays = read(written)
    assert header["turn"] == arrays["x"] == 4
    assert len(calls) == 6
