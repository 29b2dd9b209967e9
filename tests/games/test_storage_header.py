"""Headers: exact round trips, and every way a hostile or damaged one can be wrong."""

import json
import math
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.errors import FileFormatError
from games.storage.header import MAX_DEPTH, MAX_HEADER_BYTES, decode_header, encode_header

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def identical(a, b):
    """Equal with types and signs of zero, which == overlooks."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(identical(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, float):
        return type(b) is float and a.hex() == b.hex()
    return type(a) is type(b) and a == b


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_round_trip_is_exact(header):
    assert identical(decode_header(encode_header(header), "file"), header)


@pytest.mark.parametrize("x", [5e-324, 0.1, -0.0, 1 / 3, sys.float_info.max, np.nextafter(1.0, 2.0)])
def test_floats_keep_every_bit(x):
    assert decode_header(encode_header({"x": float(x)}), "file")["x"].hex() == float(x).hex()


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ({"x": math.nan}, ValueError),
        ({"x": [math.inf]}, ValueError),
        ({"x": (1, 2)}, TypeError),
        ({"x": {1: 2}}, TypeError),
        ({1: 2}, TypeError),
        ({"x": {"1": 0, 1: 0}}, ValueError),
        ({"x": np.ones(2)}, TypeError),
        ({"x": "\ud800"}, ValueError),
        ({"x": "a" * MAX_HEADER_BYTES}, ValueError),
    ],
)
def test_what_would_not_come_back_is_not_written(header, error):
    with pytest.raises(error):
        encode_header(header)


def nested(depth):
    value = 0
    for _ in range(depth - 1):
        value = [value]
    return {"x": value}


def test_depth_limit_is_the_same_in_both_directions():
    header = nested(MAX_DEPTH)
    assert decode_header(encode_header(header), "file") == header
    with pytest.raises(ValueError, match="deeper than"):
        encode_header(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_a_million_levels_are_refused_even_without_a_recursion_limit(opening):
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**9)  # the parser alone would now overrun the stack and end the process
    try:
        with pytest.raises(FileFormatError, match=r"hostile\.json: nested deeper"):
            decode_header(opening * 10**6, "hostile.json")
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_in_strings_are_no_nesting():
    header = {"x": "[" * 1000 + '"' + "{" * 1000 + "\\", "y": "]" * 1000}
    assert decode_header(encode_header(header), "file") == header
    # Closing brackets in a string must not hide opening ones outside.
    hidden = b'{"x":["' + b"]" * 1000 + b'",' + b"[" * 100 + b"]" * 100 + b"]}"
    with pytest.raises(FileFormatError, match="deeper"):
        decode_header(hidden, "file")


@pytest.mark.parametrize(
    "data",
    [
        b'{"x": "' + rb"\"" * (MAX_HEADER_BYTES // 2 - 8),
        b'{"x": ' + b'"\\' * (MAX_HEADER_BYTES // 2 - 8),
        b"{" + b",".join(b'"%d":0' % k for k in range(300_000)) + b',"299999":0}',
        b"[]," * (MAX_HEADER_BYTES // 3),
    ],
    ids=["unterminated", "quotes", "repeated key", "empty lists"],
)
def test_hostile_headers_take_linear_time(data):
    begin = time.perf_counter()
    with pytest.raises(FileFormatError):
        decode_header(data, "file")
    assert time.perf_counter() - begin < 20  # a quadratic scan would take hours


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b" " * (MAX_HEADER_BYTES + 1), "larger than"),
        (b"", ":1:1: not JSON"),
        (b'{"x": 1,\n "y": }', ":2:7: not JSON"),
        (b'{"x": 1} {}', "not JSON"),
        (b"[1]", "wanted a JSON object, got list"),
        (b'"x"', "wanted a JSON object, got str"),
        (b'{"x": NaN}', "NaN is not a number"),
        (b'{"x": -Infinity}', "-Infinity is not a number"),
        (b'{"x": 1e999}', "1e999 is too large"),
        (b'{"x": ' + b"9" * 5000 + b"}", "4300"),
        (b'{"x": 1, "y": 2, "x": 3}', "'x' is given twice"),
        (b'{"x": {"y": 1, "z": 0, "y": 1}}', "'y' is given twice"),
        (b'{"x": "\xff"}', "byte 7 is not UTF-8"),
        ('{"x": 1}'.encode("utf-16"), "not UTF-8"),
        (b'\xef\xbb\xbf{"x": 1}', "BOM"),
        (b'{"x": "\\ud800"}', "surrogate"),
        (b'{"x": "\\ud83d\\ude00 \\udc00"}', "surrogate"),
        (b'{"x": "a\nb"}', "control character"),
        (b"\x80\x04K\x01.", "not UTF-8"),
    ],
)
def test_errors_name_file_and_place(data, message):
    with pytest.raises(FileFormatError, match=r"^folder/a\.json") as caught:
        decode_header(data, "folder/a.json")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_escaped_pairs_of_surrogates_are_characters():
    assert decode_header(b'{"x": "\\ud83d\\ude00"}', "file") == {"x": "\U0001f600"}


def test_every_truncation_is_refused():
    data = encode_header({"schema": "s", "x": [1, 2.5, {"y": "z"}], "t": True})
    for end in range(len(data)):
        with pytest.raises(FileFormatError):
            decode_header(data[:end], "file")


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60) | st.text('[]{}",:\\u01eE+-.NaInfity ', max_size=40).map(str.encode))
def test_any_bytes_give_an_object_or_the_one_error(data):
    try:
        decoded = decode_header(data, "file")
    except FileFormatError:
        return
    assert decoded == json.loads(data)
