"""Questions are checked when they are made, and the package is light."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st

from marl.language import (
    Cause,
    Failure,
    Message,
    Request,
    Role,
    Sampling,
    choose_all,
    conversation,
    generate_all,
)
from marl.language.keys import question_key
from marl.language.model import check_options
from marl.language.transport import Address, retry_after
from tests.marl.language.scripted import Scripted, request_of


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ("",)}, "stop"),
        ({"stop": "ab"}, "stop"),
        ({"seed": -1}, "seed"),
    ],
)
def test_sampling_is_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**arguments)


def test_messages_are_checked():
    for role, content in [("user", "x"), (Role.USER, 7)]:
        with pytest.raises(TypeError, match="Role and a str"):
            Message(role, content)
    with pytest.raises(ValueError, match="Unicode"):
        Message(Role.USER, "\ud800")
    with pytest.raises(ValueError, match="at least one"):
        Request(())
    with pytest.raises(TypeError, match="tuple"):
        Request([Message(Role.USER, "x")])
    with pytest.raises(ValueError, match="replicate"):
        Request(conversation("x"), replicate=-1)
    assert conversation("x") == conversation(conversation("x")) == (Message(Role.USER, "x"),)


def test_failures_read_well():
    assert str(Failure(Cause.TIMEOUT)) == "no answer came in time"
    assert str(Failure(Cause.TIMEOUT, "after 3 s")) == "no answer came in time (after 3 s)"


@given(st.lists(st.text("ab", max_size=3), max_size=5))
def test_options_are_told_apart_by_how_they_begin(options):
    clear = len(options) >= 2 and not any(
        a.startswith(b) for i, a in enumerate(options) for j, b in enumerate(options) if i != j
    )
    if clear:
        assert check_options(options) == tuple(options)
    else:
        with pytest.raises(ValueError, match=r"options must|may begin another"):
            check_options(options)


def test_options_are_strings():
    for bad in ("ab", ["a", 7]):
        with pytest.raises(TypeError, match="sequence of strings"):
            check_options(bad)


def test_the_plain_front_checks_its_arguments():
    assert generate_all(Scripted(), []) == []
    with pytest.raises(ValueError, match="concurrency"):
        generate_all(Scripted(), [], concurrency=0)
    with pytest.raises(ValueError, match="one list of options per request"):
        choose_all(Scripted(), [request_of("x")], [])


def test_what_a_model_raises_reaches_the_caller():
    def broken(request, before):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        generate_all(Scripted(broken), [request_of(str(i)) for i in range(9)])


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:27:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "soon"}, None),
    ],
)
def test_both_forms_of_retry_after(headers, seconds):
    assert retry_after(headers, 1445412470.0) == seconds


def test_addresses_have_one_form():
    assert Address.parse("https://Host/v1/").url == "https://host/v1"
    assert Address.parse("https://host:443").url == "https://host"
    assert Address.parse("http://[::1]:80/v1").url == "http://[::1]/v1"
    assert Address.parse("http://127.0.0.1:8000/v1").url == "http://127.0.0.1:8000/v1"
    assert not Address.parse("http://127.evil.example/v1").is_loopback


def test_talking_to_servers_loads_no_library_of_learning():
    code = (
        "import json, sys; from marl.language import Budgeted, Cached, Limited, OpenAIEndpoint, Retrying;"
        "print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "transformers", "scipy", "numba", "httpx", "aiohttp", "openai"}
    assert heavy & set(json.loads(done.stdout)) == set()


def test_a_missing_library_is_named_with_the_line_that_installs_it():
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "from games.errors import MissingDependencyError\n"
        "try:\n    from marl.language import TransformersModel\n"
        "except MissingDependencyError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'counterplay[lm]'" in done.stdout


def test_equal_questions_have_one_key_whatever_their_numbers_are_made_of():
    plain = question_key("m", request_of("x", 2, temperature=0.0, top_p=1.0, max_tokens=7, seed=3))
    others = [
        request_of("x", 2, temperature=0, top_p=1, max_tokens=7, seed=3),
        request_of("x", 2, temperature=-0.0, max_tokens=7, seed=3),
        request_of("x", np.int64(2), temperature=np.float32(0), max_tokens=np.int64(7), seed=np.uint32(3)),
    ]
    assert [question_key("m", other) for other in others] == [plain] * 3


@pytest.mark.parametrize("name", ["max_tokens", "seed"])
def test_counts_are_whole_numbers(name):
    with pytest.raises(TypeError, match=f"{name} must be a whole number, got 2.5"):
        Sampling(**{name: 2.5})
