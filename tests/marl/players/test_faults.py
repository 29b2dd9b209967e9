"""Models behind a server that misbehaves in every way: typed outcomes, exact counts, no key left behind."""

import asyncio
import logging
import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.text import Aspect, Outcome
from games.text.answer_form import action_line, belief_line
from games.text.render import render
from marl.language import (
    AnswerFile,
    Budget,
    Budgeted,
    Cached,
    Cause,
    Failure,
    Finish,
    Limited,
    OpenAIEndpoint,
    Price,
    Replayed,
    Reply,
    Retrying,
    Sampling,
)
from marl.players import LanguagePlayer, TextPlayer, scripted_player
from tests.marl.language.scripted import Scripted, failed
from tests.marl.players.asked import RING, about, belief_about, decide, random_game, weigh
from tests.marl.players.misbehaving import PlayingServer

KEY = "canary-0123456789-abcdef"


@pytest.fixture(scope="module")
def server():
    with PlayingServer() as playing:
        yield playing


def player_at(server, model, *, attempts=1, answers=None, **arguments):
    endpoint = OpenAIEndpoint(
        server.url, model, timeout=0.3 if model == "hang" else 5.0, max_answer_bytes=100_000
    )
    asked = Retrying(
        Limited(endpoint, concurrency=64), attempts=attempts, first_wait=0.001, longest_wait=0.01
    )
    return LanguagePlayer(asked if answers is None else Cached(asked, answers), **arguments)


FAULTS = {
    # Nobody is asked again whom the world failed, or who refused.
    "hang": (Outcome.TIMEOUT, 1),
    "dropped": (Outcome.TRANSPORT, 1),
    "dropped-amid": (Outcome.TRANSPORT, 1),
    "no-http": (Outcome.TRANSPORT, 1),
    "always-500": (Outcome.TRANSPORT, 1),
    "busy-without-a-time": (Outcome.TRANSPORT, 1),
    "cut-json": (Outcome.TRANSPORT, 1),
    "deep-json": (Outcome.TRANSPORT, 1),
    "no-choices": (Outcome.TRANSPORT, 1),
    "wrong-schema": (Outcome.TRANSPORT, 1),
    "half-a-letter": (Outcome.TRANSPORT, 1),
    "streams-unasked": (Outcome.TRANSPORT, 1),
    "huge": (Outcome.TRANSPORT, 1),
    "huge-chunked": (Outcome.TRANSPORT, 1),
    "refused-key": (Outcome.REJECTED, 1),
    "pay-first": (Outcome.REJECTED, 1),
    "no-quota": (Outcome.REJECTED, 1),
    "elsewhere": (Outcome.REJECTED, 1),
    "wrong": (Outcome.REJECTED, 1),
    "filtered": (Outcome.REFUSAL, 1),
    "refuses": (Outcome.REFUSAL, 1),
    "refuses-in-words": (Outcome.REFUSAL, 1),
    # Who answers badly is told so, twice at the most.
    "thinks-too-long": (Outcome.TRUNCATED, 3),
    "cut-amid": (Outcome.TRUNCATED, 3),
    "null-content": (Outcome.EMPTY, 3),
    "empty": (Outcome.EMPTY, 3),
    "prose-only": (Outcome.UNREADABLE, 3),
    "wrong-language": (Outcome.UNREADABLE, 3),
    "ambiguous": (Outcome.AMBIGUOUS, 3),
    "illegal-forever": (Outcome.ILLEGAL, 3),
}


@pytest.mark.parametrize("model", FAULTS)
def test_every_fault_has_its_outcome_and_its_number_of_calls(server, model):
    outcome, calls = FAULTS[model]
    before = server.calls[model]
    decision = decide(player_at(server, model), about(RING, seed=4))
    assert (decision.outcome, decision.action, decision.belief) == (outcome, None, None)
    assert len(decision.attempts) == calls == server.calls[model] - before
    assert all(attempt.reading.outcome is outcome for attempt in decision.attempts)


ANSWERS = {
    "plays-v": 1,
    "revises": 1,
    "echoes-injection": 1,
    "tells-no-usage": 1,
    "illegal-once": 2,
    "busy-in-milliseconds": 1,
}


@pytest.mark.parametrize("model", ANSWERS)
def test_answers_are_read_however_they_come(server, model):
    decision = decide(player_at(server, model, attempts=2), about(RING, seed=4))
    assert (decision.outcome, decision.action) == (Outcome.ANSWERED, 1)
    assert len(decision.attempts) == ANSWERS[model]
    known = None if model == "tells-no-usage" else int
    assert all(
        (a.prompt_tokens is None) if known is None else isinstance(a.prompt_tokens, known)
        for a in decision.attempts
    )


@pytest.mark.parametrize("model", ["always-500", "illegal-forever", "refused-key", "filtered", "busy-long"])
@pytest.mark.parametrize("workers", [1, 8])
def test_no_retry_storm(server, model, workers):
    """Three attempts where the world failed, three replies where the model did, else one."""
    before = server.calls[model]
    player = player_at(server, model, attempts=3)

    async def ask():
        return await asyncio.gather(*(player.decide(about(RING, seed=seed)) for seed in range(workers)))

    asyncio.run(ask())
    # The busy one asks to wait for a day, which is longer than any question waits.
    calls = 3 if model in ("always-500", "illegal-forever") else 1
    assert server.calls[model] - before == calls * workers


def test_no_call_for_what_is_kept(server, tmp_path):
    with AnswerFile(tmp_path / "answers.sqlite") as answers:
        for model, calls in (("plays-v", 1), ("illegal-forever", 3)):
            before = server.calls[model]
            first = decide(player_at(server, model, answers=answers), about(RING, seed=9))
            again = decide(player_at(server, model, answers=answers), about(RING, seed=9))
            assert first == again
            assert server.calls[model] - before == calls
        decide(player_at(server, "plays-v", answers=answers), about(RING, seed=10))
        assert len(answers) == 1 + 3 + 1


def test_a_replay_asks_nobody(server, tmp_path):
    question = about(RING, seed=9)
    with AnswerFile(tmp_path / "answers.sqlite") as answers:
        recorded = player_at(server, "plays-v", answers=answers)
        decision = decide(recorded, question)
        before = server.calls.total()
        name = OpenAIEndpoint(server.url, "plays-v").name
        replayed = LanguagePlayer(Replayed(name, answers))
        assert replayed.name == recorded.name
        assert decide(replayed, question) == decision
        missing = decide(replayed, about(RING, seed=10))
        assert missing.outcome is Outcome.TRANSPORT
        assert "holds no answer" in missing.attempts[0].reading.detail
        assert weigh(replayed, question).outcome is Outcome.TRANSPORT
        assert server.calls.total() == before


@pytest.mark.parametrize("name", ["level1", "level2", "maximin", "noisy:0.3:level1"])
def test_a_player_behind_a_server_plays_as_it_does_here(name):
    """The whole way there and back changes nothing: words, connection, and reading."""
    rng = np.random.default_rng(1)
    questions = [about(random_game(rng, (2, 3)), seat=k % 2, seed=k) for k in range(12)]
    questions += [belief_about(RING, 1, seed=99)] if name.startswith("level") else []
    inner = scripted_player(name)
    said = {}
    for question in questions:
        decision = decide(inner, question)
        is_belief = question.aspect is Aspect.BELIEF
        answer = (
            belief_line(question, decision.belief) if is_belief else action_line(question, decision.action)
        )
        said[render(question).text] = answer
    with PlayingServer({"mind": lambda body: said[body["messages"][-1]["content"]]}) as server:
        outer = player_at(server, "mind")
        assert [decide(outer, q).action for q in questions] == [decide(inner, q).action for q in questions]
        assert [decide(outer, q).belief for q in questions] == [decide(inner, q).belief for q in questions]


PRICE = Price(prompt=2e6, completion=3e6)


@settings(deadline=None, max_examples=25)
@given(
    limit=st.integers(0, 60_000),
    replies=st.lists(st.sampled_from(["right", "illegal", "empty", "late", "free"]), min_size=1, max_size=64),
)
def test_the_budget_is_never_passed_with_64_players_that_ask_again(limit, replies):
    """What is billed never passes the limit, whatever comes back, and nothing stays set aside."""
    billed = 0.0
    questions = {about(RING, seed=k).nonce: (about(RING, seed=k), kind) for k, kind in enumerate(replies)}

    def answer(request, before):
        nonlocal billed
        text = request.messages[0].content
        question, kind = next(pair for nonce, pair in questions.items() if nonce in text)
        used = len(text) // 4, 40
        if kind == "late":  # it may have been answered, and then the worst case is paid
            read = sum(len(m.content.encode()) + 64 for m in request.messages)
            billed += PRICE.of(read, request.sampling.max_tokens)
            return failed(Cause.TIMEOUT)
        if kind == "free":
            return failed(Cause.RATE_LIMITED)
        billed += PRICE.of(*used)
        said = {"right": action_line(question, 0), "illegal": action_line(question, 0).replace('"U"', '"Q"')}
        if kind == "empty":
            return Reply.failed(Failure(Cause.EMPTY), *used)
        return Reply(said[kind], Finish.STOP, *used)

    budget = Budget(limit)
    model = Retrying(
        Limited(Budgeted(Scripted(answer, seconds=0.0), price=PRICE, budget=budget), concurrency=64),
        attempts=2,
        first_wait=0.0,
        longest_wait=0.0,
    )
    player = LanguagePlayer(model, sampling=Sampling(max_tokens=50))

    async def ask():
        return await asyncio.gather(*(player.decide(q) for q, _ in questions.values()))

    decisions = asyncio.run(ask())
    assert budget.spent == pytest.approx(billed)
    assert budget.spent <= limit
    assert budget.reserved == 0
    assert {d.outcome for d in decisions} <= {
        Outcome.ANSWERED,
        Outcome.ILLEGAL,
        Outcome.EMPTY,
        Outcome.TIMEOUT,
        Outcome.TRANSPORT,
        Outcome.BUDGET,
    }


def test_the_key_is_in_nothing_that_is_left_behind(tmp_path, monkeypatch, caplog):
    """Files, transcripts, names, representations, logs and errors of a run against servers that repeat it."""
    monkeypatch.setenv("CANARY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    left = []
    with PlayingServer() as server, AnswerFile(tmp_path / "answers.sqlite") as answers:
        for model in ("plays-v", "tells-key", "refused-key", "illegal-forever", "dropped"):
            endpoint = OpenAIEndpoint(server.url, model, key_variable="CANARY_KEY", timeout=5.0)
            player = LanguagePlayer(Cached(Retrying(endpoint, attempts=1), answers))
            left += [decide(player, about(RING)), weigh(player, about(RING)), player, player.name, endpoint]
        assert all(f"Bearer {KEY}" in head for head in server.heads)
        assert len(answers) == 1 + 3 + 3

        def leaky(text):
            raise PermissionError(f"the key {KEY} is wrong")

        left.append(decide(TextPlayer("leaky", leaky), about(RING)))
        sqlite3.connect(tmp_path / "answers.sqlite").execute("PRAGMA wal_checkpoint")
    (tmp_path / "transcript").write_text(repr(left) + caplog.text)
    for path in tmp_path.iterdir():
        assert b"canary" not in path.read_bytes(), path
    assert "[key]" in repr(left)
