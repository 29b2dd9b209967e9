"""Asking again, at most so many at once, and not too fast."""

import asyncio
import itertools
import time

import pytest

from marl.language import Cause, Limited, OpenAIEndpoint, Retrying, choose_all, generate_all
from marl.language.retrying import TRANSIENT
from tests.marl.language.loopback import Loopback
from tests.marl.language.scripted import Scripted, failed, request_of


def quick(model, **arguments):
    return Retrying(model, **{"first_wait": 0.001, "longest_wait": 0.004, **arguments})


@pytest.mark.parametrize("cause", Cause)
def test_only_transient_causes_are_asked_again(cause):
    model = Scripted(lambda request, before: failed(cause))
    reply = generate_all(quick(model, attempts=4), [request_of("x")])[0]
    choice = choose_all(quick(model, attempts=4), [request_of("x")], [("a", "b")])[0]
    assert {reply.failure.cause, choice.failure.cause} == {cause}
    assert set(model.calls.values()) == {4 if cause in TRANSIENT else 1}


@pytest.mark.parametrize("attempts", [2, 3, 7])
def test_it_stops_with_the_first_answer_or_at_the_last_attempt(attempts):
    model = Scripted(lambda request, before: "yes" if before == 2 else failed(Cause.SERVER))
    reply = generate_all(quick(model, attempts=attempts), [request_of("x")])[0]
    assert (reply.text == "yes") == (attempts >= 3)
    assert list(model.calls.values()) == [min(attempts, 3)]


def test_waits_double_up_to_the_longest():
    model = Scripted(lambda request, before: failed(Cause.SERVER))
    retrying = Retrying(model, attempts=10, first_wait=0.01, longest_wait=0.04)
    generate_all(retrying, [request_of("x")])
    waits = [b - a for a, b in itertools.pairwise(model.times)]
    assert len(waits) == 9
    assert all(wait >= min(0.04, 0.01 * 2**k) / 2 for k, wait in enumerate(waits))
    assert sum(waits) < 1.5  # without the longest wait they come to 2.5 at the least, on an idle machine too


def test_nothing_is_asked_before_the_server_allows_it_again():
    """A second question, which had no failure of its own, waits as well."""
    model = Scripted(
        lambda request, before: failed(Cause.RATE_LIMITED, 0.3) if len(model.times) == 1 else "ok"
    )
    retrying = quick(model)

    async def both():
        first = asyncio.ensure_future(retrying.generate(request_of("x")))
        await asyncio.sleep(0.05)
        return [await retrying.generate(request_of("y")), await first]

    assert [reply.text for reply in asyncio.run(both())] == ["ok", "ok"]
    assert model.times[1] - model.times[0] >= 0.29


def test_retry_after_of_a_server_is_honoured():
    with Loopback() as server:
        reply = generate_all(quick(OpenAIEndpoint(server.url, "busy-once")), [request_of("hello")])[0]
        assert reply.text == "hello"
        assert server.calls["busy-once"] == 2
        assert server.times[1] - server.times[0] >= 0.39
        reply = generate_all(quick(OpenAIEndpoint(server.url, "broken-twice")), [request_of("hello")])[0]
        assert reply.text == "hello"
        assert server.calls["broken-twice"] == 3


def test_a_wait_beyond_the_deadline_is_not_begun():
    with Loopback() as server:
        start = time.monotonic()
        retrying = quick(OpenAIEndpoint(server.url, "busy-long"), deadline=5.0)
        replies = generate_all(retrying, [request_of("x"), request_of("y")], concurrency=1)
        assert time.monotonic() - start < 3
        assert [reply.failure.retry_after for reply in replies] == [86400.0, 86400.0]
        assert server.calls["busy-long"] == 2


def test_no_attempt_begins_after_the_deadline():
    model = Scripted(lambda request, before: failed(Cause.SERVER), seconds=0.05)
    generate_all(quick(model, attempts=100, deadline=0.2), [request_of("x")])
    assert 2 <= model.calls.total() <= 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attempts": 0}, "attempts"),
        ({"first_wait": -1.0}, "first_wait"),
        ({"first_wait": 9.0, "longest_wait": 1.0}, "longest_wait"),
        ({"deadline": 0.0}, "deadline"),
    ],
)
def test_retrying_refuses_bad_numbers(arguments, message):
    with pytest.raises(ValueError, match=message):
        Retrying(Scripted(), **arguments)


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_are_under_way_than_allowed(most):
    model = Scripted(seconds=0.005)
    limited = Limited(model, concurrency=most)
    requests = [request_of(str(i)) for i in range(20)]
    for _ in range(2):  # each call has an event loop of its own
        assert all(reply.text == "yes" for reply in generate_all(limited, requests))
    choose_all(limited, requests, [("a", "b")] * 20)
    assert model.most_at_once == most


def test_beginnings_are_spaced():
    model = Scripted()
    limited = Limited(model, concurrency=50, per_minute=60 * 50)  # one in 20 ms after a burst of 50
    generate_all(limited, [request_of(str(i)) for i in range(62)])
    assert model.times[-1] - model.times[0] >= 0.2
    slow = Scripted()
    generate_all(Limited(slow, concurrency=50, per_minute=600 / 1.0), [request_of(str(i)) for i in range(13)])
    assert slow.times[-1] - slow.times[0] >= 0.19


@pytest.mark.parametrize("arguments", [{"concurrency": 0}, {"concurrency": 1, "per_minute": 0.0}])
def test_limits_refuse_bad_numbers(arguments):
    with pytest.raises(ValueError, match="must be"):
        Limited(Scripted(), **arguments)


def test_those_told_to_wait_do_not_come_back_together():
    """Else a server that can take a few at a time would refuse the rest until their attempts are used up."""
    model = Scripted(lambda request, before: failed(Cause.RATE_LIMITED, 0.1) if before == 0 else "ok")
    retrying = Retrying(model, first_wait=0.3, longest_wait=0.3)
    replies = generate_all(retrying, [request_of(str(i)) for i in range(40)])
    assert all(reply.text == "ok" for reply in replies)
    first, second = model.times[:40], sorted(model.times[40:])
    assert second[0] - max(first) >= 0.1
    assert second[-1] - second[0] >= 0.1  # spread over [0.15, 0.3] on top


def test_few_at_a_time_are_all_answered_in_the_end():
    opens, left = [0.0], [0]

    def answer(request, before):
        now = model.times[-1]
        if now >= opens[0]:
            opens[0], left[0] = now + 0.02, 5
        left[0] -= 1
        return "ok" if left[0] >= 0 else failed(Cause.RATE_LIMITED, opens[0] - now)

    model = Scripted(answer)
    retrying = Retrying(model, first_wait=0.02, longest_wait=0.2)
    replies = generate_all(retrying, [request_of(str(i)) for i in range(100)])
    assert [reply.failure for reply in replies] == [None] * 100


def test_who_waits_for_the_server_keeps_its_own_deadline():
    """Questions that began later may wait for longer, and have the server closed for that long."""
    model = Scripted(lambda request, before: failed(Cause.RATE_LIMITED, 0.1))
    retrying = quick(model, attempts=100, deadline=0.1)
    start = time.monotonic()
    retrying._not_before = start + 5.0
    reply = generate_all(retrying, [request_of("x")])[0]
    assert time.monotonic() - start < 2.5
    assert reply.failure.cause is Cause.RATE_LIMITED
    assert model.calls.total() == 1
