"""Objects: the same as JSON where it is JSON, what people would read where it is nearly so."""

import itertools
import json

import pytest
from hypothesis import given, strategies as st

from games.text.literals import MAX_DEPTH, Allowance, Table, TooMuchWorkError, parse_object, tables

TEXTS = st.text(max_size=8)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.none() | st.integers(-9, 9).map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


def _plain(value):
    if isinstance(value, Table):
        return {key: _plain(inner) for key, inner in value.pairs}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@given(OBJECTS, TEXTS, TEXTS)
def test_json_is_read_as_json(thing, before, behind):
    written = json.dumps(thing)
    parsed = parse_object(before + written + behind, len(before), Allowance())
    assert parsed.strict
    assert parsed.end == len(before) + len(written)
    assert _plain(parsed.table) == thing


WORDS = st.text(alphabet="abcxyz äß_-", min_size=1, max_size=8).map(str.strip).filter(bool)
PLAIN = st.dictionaries(
    WORDS, st.recursive(WORDS | st.booleans() | st.none(), lambda x: st.lists(x, max_size=3)), max_size=4
)


@given(PLAIN)
def test_what_python_writes_is_read(thing):
    parsed = parse_object(repr(thing), 0, Allowance())
    assert parsed.end == len(repr(thing))
    assert _plain(parsed.table) == thing


@given(PLAIN)
def test_our_reader_agrees_with_the_scanner_on_json(thing):
    """A comma too many makes a text ours; nothing else may change."""
    written = json.dumps(thing, ensure_ascii=False)
    parsed = parse_object(written[:-1] + ("," if thing else " x") + "}", 0, Allowance())
    if thing:
        assert not parsed.strict
        assert _plain(parsed.table) == thing
    else:
        assert parsed is None


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("{a: b}", {"a": "b"}),
        ("{a: stag hunt, b: 'x'}", {"a": "stag hunt", "b": "x"}),
        ('{"a": 1.50, "b": -2e3}', {"a": "1.50", "b": "-2e3"}),
        ("{'a': None, 'b': True, 'c': False}", {"a": None, "b": True, "c": False}),
        ('{"a": "he said "no" twice"}', {"a": 'he said "no" twice'}),
        ("{'a': 'it's'}", {"a": "it's"}),
        ("{'a': 'x\\u0041\\ny'}", {"a": "xA\ny"}),
        ('{"a": 1 // one\n, "b": 2 /* two */}', {"a": "1", "b": "2"}),
        ('{"a": [1, 2,],}', {"a": ["1", "2"]}),
        ('{\n"a": 1\n"b": 2\n}', {"a": "1", "b": "2"}),
        ('{"a": 1 "b": 2}', None),
        ('{"a": 1, "b"}', None),
        ('{"a" 1}', None),
        ('{"a": "x}', None),
        ('{"a": }', None),
        ("{'a': 'b\\", None),
        ("{a: b", None),
        ("{rock, paper}", None),
        ("x", None),
    ],
)
def test_by_hand(text, want):
    parsed = parse_object(text, 0, Allowance())
    assert (None if parsed is None else _plain(parsed.table)) == want


def test_keys_that_come_twice_are_kept():
    assert parse_object('{"a": 1, "a": 2}', 0, Allowance()).table.pairs == (("a", "1"), ("a", "2"))


def test_depth_is_bounded():
    for depth, found in [(MAX_DEPTH - 1, True), (MAX_DEPTH + 1, False)]:
        text = "{a: " + "[" * depth + "1" + "]" * depth + "}"
        assert (parse_object(text, 0, Allowance()) is not None) is found
    assert parse_object('{"a":' * 100_000, 0, Allowance()) is None


def test_work_is_bounded():
    allowance = Allowance(1000)
    spent = [allowance.left]
    for _ in range(5):
        parse_object("{a: [b, c], d", 0, allowance)
        spent.append(allowance.left)
    assert all(less < more for more, less in itertools.pairwise(spent))
    with pytest.raises(TooMuchWorkError):
        parse_object("{" + "a: b, " * 500, 0, allowance)


def test_tables_are_the_outermost():
    parsed = parse_object('{"a": [{"b": {"c": 1}}, [{"d": 2}], 3]}', 0, Allowance())
    [(_, value)] = parsed.table.pairs
    assert [_plain(table) for table in tables(value)] == [{"b": {"c": "1"}}, {"d": "2"}]
    assert list(tables("x")) == []
