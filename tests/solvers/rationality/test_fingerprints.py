"""Fingerprints: equal for equal contents, and for nothing else that a suite is made of."""

import functools
import itertools
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pytest

from games.normal_form.game import NormalFormGame
from solvers.rationality.fingerprints import Fingerprints


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Box:
    content: object
    label: str = ""


class Named:
    def __init__(self, name):
        self.name = name
        self.cache = {}


def first(x):
    return x


def second(x):
    return x


GAME = NormalFormGame.bimatrix([[1, 2], [3, 4]], [[1, 2], [3, 4]])

DISTINCT = [
    None, True, 1, 1.5, "1", b"1", "", Colour.RED, "RED", (), ("a", "b"), ("ab",), ("a", ("b",)),
    (("a", "b"),), {"a": 1}, {"a": 2}, {"b": 1}, frozenset({1, 2}), (1, 2), Box(1), Box(2), Box(Box(1)),
    Box(1, "x"), np.zeros(2), np.zeros((2, 1)), np.zeros(3), np.array([0, 1]), np.array(["a"]),
    np.array([[True]]), first, second, functools.partial(first, 1), functools.partial(first, 2), Named("x"),
    Named("y"), Box,
    GAME, NormalFormGame(GAME.payoffs, GAME.actions, name="other"), NormalFormGame(GAME.payoffs + 1),
]  # fmt: skip


def test_contents_tell_apart():
    found = Fingerprints()
    digests = [found.of(value) for value in DISTINCT]
    for (i, one), (j, two) in itertools.combinations(enumerate(digests), 2):
        assert one != two, (DISTINCT[i], DISTINCT[j])


def test_equal_contents_are_equal_in_any_objects():
    pairs = [
        ([1, 2], (1, 2)),
        (Box([GAME]), Box((NormalFormGame(GAME.payoffs.copy(), GAME.actions),))),
        (0.1 + 0.2, 0.3),  # solvers differ in the last digit
        (np.array([0.1 + 0.2]), np.array([0.3])),
        (np.float64(2.5), 2.5),
        (np.asfortranarray(GAME.payoffs), GAME.payoffs),
    ]
    for one, two in pairs:
        assert Fingerprints().of(one) == Fingerprints().of(two)
    used = Named("x")
    before = Fingerprints().of(used)
    used.cache["key"] = 1  # what was computed on the way is no content
    assert Fingerprints().of(used) == before


def test_the_same_in_every_process():
    code = "from solvers.rationality.fingerprints import Fingerprints\n"
    code += "print(Fingerprints().of([{'a', 'b'}, {'x': 1.5}]))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {Fingerprints().of([{"a", "b"}, {"x": 1.5}]) + "\n"}


def test_what_holds_itself_is_refused():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested"):
        Fingerprints().of(endless)
