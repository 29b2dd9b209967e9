"""Arrays on disk: exact round trips, and archives made to harm."""

import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from games.errors import FileFormatError
from games.storage.npz import DTYPES, checked_arrays, read_npz, write_npz

NAMES = st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


def packed(content):
    file = io.BytesIO()
    write_npz(file, content)
    return file.getvalue()


def read(data):
    return read_npz(io.BytesIO(data), len(data), "a.npz")


def archive(*members, compression=zipfile.ZIP_STORED):
    """A zip of (name, bytes) pairs."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as zipped:
        for name, data in members:
            zipped.writestr(name, data)
    return file.getvalue()


def npy(header, data=b"", version=b"\x01\x00"):
    """An .npy file with the given header text."""
    text = header.encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


def described(shape, descr="'<f8'", fortran="False"):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(NAMES, ARRAYS, max_size=4))
def test_round_trip_is_exact(content):
    data = packed(content)
    back = read(data)
    assert list(back) == list(content)
    for name, array in content.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()  # NaN and signs of zero too
        assert back[name].flags.writeable
        assert back[name].flags.aligned
    assert packed(content) == data  # no dates, no chance: equal arrays have equal digests
    with np.load(io.BytesIO(data), allow_pickle=False) as loaded:
        assert all(np.array_equal(loaded[n], a, equal_nan=a.dtype == np.float64) for n, a in content.items())


def test_views_and_fortran_order_are_stored_as_they_look():
    base = np.arange(24.0).reshape(4, 6)
    content = {"t": base.T, "f": np.asfortranarray(base), "s": base[::2, ::-1]}
    back = read(packed(content))
    assert all(np.array_equal(back[name], array) for name, array in content.items())


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"x": np.array([{}], dtype=object)}, TypeError),
        ({"x": np.array(["a"])}, TypeError),
        ({"x": np.ones(2, np.float32)}, TypeError),
        ({"x": np.ones(2, ">f8")}, TypeError),
        ({"x": np.zeros(2, [("a", "<f8")])}, TypeError),
        ({"x": np.ones(2, complex)}, TypeError),
        ({"x": [1.0]}, TypeError),
        ({"../x": np.ones(2)}, ValueError),
        ({"": np.ones(2)}, ValueError),
        ({"x" * 101: np.ones(2)}, ValueError),
        ({"é": np.ones(2)}, ValueError),
    ],
)
def test_what_could_not_be_read_is_not_written(content, error):
    with pytest.raises(error):
        checked_arrays(content)


class Bomb:
    """Unpickling this is noticed."""

    went_off = False

    def __reduce__(self):
        return (setattr, (Bomb, "went_off", True))


def test_pickled_objects_are_refused_unread():
    file = io.BytesIO()
    np.savez(file, x=np.array([Bomb()], dtype=object))
    with pytest.raises(FileFormatError, match=r"a\.npz: member 'x\.npy': unexpected .npy header"):
        read(file.getvalue())
    for data in (pickle.dumps(Bomb()), archive(("x.npy", pickle.dumps(Bomb())))):
        with pytest.raises(FileFormatError):
            read(data)
    assert not Bomb.went_off


@pytest.mark.parametrize(
    "shape",
    [
        "(1000000000000000,)",
        "(9999999999999999999, 9999999999999999999)",
        "(3,)",
        "(1,)",
        "(0, 2)",
        "(4294967297,)",
    ],
)
def test_a_header_that_promises_other_than_what_is_there_is_refused_before_allocation(shape):
    data = archive(("x.npy", npy(described(shape), b"\0" * 16)))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=r"member 'x\.npy': an array of shape .* but 16 are there"):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (f"({', '.join(['1'] * 70)})", "refused"),
        ("(0, 9999999999999999999)", "refused"),
        ("(0, 999999999999, 999999999999)", "refused"),
    ],
)
def test_shapes_that_numpy_cannot_hold_are_refused(shape, message):
    size = 0 if "0," in shape else 8
    with pytest.raises(FileFormatError, match=message):
        read(archive(("x.npy", npy(described(shape), b"\0" * size))))


@pytest.mark.parametrize(
    "header",
    [
        described("(2,)", fortran="True"),
        described("(2,)", descr="'|O'"),
        described("(2,)", descr="'>f8'"),
        described("(2,)", descr="[('a', '<f8')]"),
        described("(-2,)"),
        described("(__import__('os').abort(),)"),
        described("2"),
        described("(" * 5000 + ")" * 5000),
        described("(2,)").replace("'shape'", "'shape': (1,), 'shape'"),
        described("(2,)") + "x",
        "",
    ],
)
def test_other_headers_are_refused(header):
    with pytest.raises(FileFormatError, match=r"unexpected \.npy header"):
        read(archive(("x.npy", npy(header, b"\0" * 16))))


@pytest.mark.parametrize("descr", ["<f4", "<i2", "<c8", "<u8", "|i1", "<b1", "|f8", "<m8", "|V8"])
def test_other_types_are_refused(descr):
    with pytest.raises(FileFormatError, match=r"header|is not one of"):
        read(archive(("x.npy", npy(described("(0,)", descr=f"'{descr}'")))))


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"\x93NUMPY\x01", b"MZ" * 50])
def test_members_that_are_no_npy_are_refused(data):
    with pytest.raises(FileFormatError, match=r"not an \.npy file"):
        read(archive(("x.npy", data)))
    with pytest.raises(FileFormatError, match=r"not an \.npy file"):
        read(archive(("x.npy", npy(described("(2,)"), b"\0" * 16, version=b"\x02\x00"))))


def test_booleans_are_0_or_1():
    header = described("(3,)", descr="'|b1'")
    assert read(archive(("x.npy", npy(header, b"\0\1\1"))))["x"].tolist() == [False, True, True]
    with pytest.raises(FileFormatError, match="Boolean"):
        read(archive(("x.npy", npy(header, b"\0\1\2"))))


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members_are_refused(compression):
    bomb = npy(described("(1000000,)"), bytes(8_000_000))
    with pytest.raises(FileFormatError, match=r"more bytes than the file|compressed"):
        read(archive(("x.npy", bomb), compression=compression))
    small = npy(described("(1,)"), b"\x3f" * 8)
    padding = ("y.npy", npy(described("(100,)"), bytes(800)))  # so that the total fits in the file
    data = archive(("x.npy", small), compression=compression)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr(*padding)
        zipped.writestr("x.npy", small, compress_type=compression)
    assert data != file.getvalue()
    with pytest.raises(FileFormatError, match=r"x\.npy.*compressed"):
        read(file.getvalue())


@pytest.mark.parametrize(
    "name", ["../x.npy", "/x.npy", "a/x.npy", "x", "x.npy.npy", ".npy", "é.npy", "x.py", "x\\y.npy"]
)
def test_other_member_names_are_refused(name):
    with pytest.raises(FileFormatError, match="wanted a distinct name"):
        read(archive((name, npy(described("(1,)"), bytes(8)))))


def test_a_name_is_given_once():
    member = ("x.npy", npy(described("(1,)"), bytes(8)))
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = archive(member, member)
    with pytest.raises(FileFormatError, match="distinct"):
        read(data)


def test_overlapping_members_are_refused():
    """One stored block named a thousand times: a bomb that needs no compression."""
    data = archive(("x0.npy", npy(described("(1000,)"), bytes(8000))))
    begin = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    record = bytearray(data[begin:end])
    records = b""
    for k in range(1000):
        name = b"x%d.npy" % k
        record[28:30] = struct.pack("<H", len(name))
        records += bytes(record[:46]) + name
    tail = bytearray(data[end:])
    tail[8:16] = struct.pack("<HHI", 1000, 1000, len(records))
    bomb = data[:begin] + records + bytes(tail)
    assert len(zipfile.ZipFile(io.BytesIO(bomb)).infolist()) == 1000
    with pytest.raises(FileFormatError, match="claim more bytes"):
        read(bomb)


def test_every_truncation_is_refused():
    data = packed({"x": np.arange(3.0), "flag": np.array([True])})
    for end in range(len(data)):
        with pytest.raises(FileFormatError):
            read(data[:end])


WHOLE = packed({"x": np.arange(3.0), "i": np.arange(4, dtype=np.int32), "flag": np.array([True, False])})


@settings(deadline=None, max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_gives_the_one_error_or_plain_arrays(changes):
    data = bytearray(WHOLE)
    for place, byte in changes:
        data[place] = byte
    try:
        back = read(bytes(data))
    except FileFormatError:
        return
    assert all(a.dtype in DTYPES and a.nbytes <= len(WHOLE) for a in back.values())


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    with pytest.raises(FileFormatError, match=r"^a\.npz"):
        read(data)
