"""Functions from text to text as players: what they raise, how long they take, how many run at once."""

import asyncio
import concurrent.futures
import sys
import threading
import time

import pytest

from games.text import Outcome
from games.text.answer_form import action_line
from games.text.render import render
from marl.players import TextPlayer
from tests.marl.players.asked import RING, about, decide

KEY = "canary-0123456789-abcdef"


def test_text_players_survive_what_functions_do():
    question = about(RING, seed=2)
    good = action_line(question, 1)
    asynchronous = []

    async def coroutine(text):
        asynchronous.append(text)
        return good

    class Callable:
        async def __call__(self, text):
            return good

    def broken(text):
        raise StopIteration("x")

    def leaves(text):
        sys.exit(3)

    def cancelled(text):
        raise concurrent.futures.CancelledError

    async def cancelled_later(text):
        raise asyncio.CancelledError

    async def broken_later(text):
        raise KeyError(KEY)

    for function in (lambda text: good, coroutine, Callable(), lambda text: coroutine(text)):
        assert decide(TextPlayer("f", function), question).action == 1
    assert asynchronous[0] == render(question).text
    for function, kind in (
        (lambda text: 1 / 0, "ZeroDivisionError"),
        (broken, "RuntimeError"),
        (leaves, "SystemExit"),
        (cancelled, "CancelledError"),
        (cancelled_later, "CancelledError"),
        (broken_later, "KeyError"),
    ):
        decision = decide(TextPlayer("f", function), question)
        assert decision.outcome is Outcome.ERROR
        assert kind in decision.attempts[0].reading.detail
        assert KEY not in repr(decision)
    for function, outcome in (
        (lambda text: 7, Outcome.TRANSPORT),
        (lambda text: "\ud800", Outcome.TRANSPORT),
    ):
        assert decide(TextPlayer("f", function), question).outcome is outcome
    assert decide(TextPlayer("f", lambda text: ""), question).outcome is Outcome.EMPTY


def test_a_function_that_hangs_is_left_behind():
    never, at_once, most = threading.Event(), [0], [0]

    def hang(text):
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        never.wait(20)

    player = TextPlayer("slow", hang, timeout=0.05, concurrency=2, reasks=0)
    start = time.monotonic()

    async def ask():
        return await asyncio.gather(*(player.decide(about(RING, seed=k)) for k in range(4)))

    decisions = asyncio.run(ask())
    assert time.monotonic() - start < 3
    assert [d.outcome for d in decisions] == [Outcome.TIMEOUT] * 4
    never.set()


def test_who_is_cancelled_while_a_function_runs_ends():
    asked, never = threading.Event(), threading.Event()

    def hang(text):
        asked.set()
        never.wait(20)

    async def ask():
        task = asyncio.ensure_future(TextPlayer("slow", hang).decide(about(RING)))
        await asyncio.to_thread(asked.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(ask())
    never.set()


def test_calls_of_a_function_are_limited():
    lock, now, most = threading.Lock(), [0], [0]

    def slow(text):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return "no answer"

    player = TextPlayer("slow", slow, concurrency=3, reasks=0)

    async def ask():
        await asyncio.gather(*(player.decide(about(RING, seed=k)) for k in range(12)))

    asyncio.run(ask())
    assert most[0] == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("", str), ValueError, "name"),
        (("f", 7), TypeError, "callable"),
    ],
)
def test_bad_text_players_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        TextPlayer(*arguments)
    with pytest.raises(ValueError, match="timeout"):
        TextPlayer("f", str, timeout=0.0)
