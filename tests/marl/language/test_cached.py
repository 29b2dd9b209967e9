"""Answers are kept by all that they depend on, survive a kill, and are not trusted when read."""

import asyncio
import dataclasses
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time

import pytest

from games.errors import FileFormatError
from marl.language import (
    AnswerFile,
    Cached,
    Cause,
    Message,
    OpenAIEndpoint,
    Request,
    Role,
    Sampling,
    choose_all,
    generate_all,
)
from marl.language.keys import question_key
from tests.marl.language.loopback import Loopback
from tests.marl.language.scripted import Scripted, failed, request_of


@pytest.fixture
def file(tmp_path):
    with AnswerFile(tmp_path / "answers.sqlite") as answers:
        yield answers


def test_nothing_is_asked_twice(file):
    model = Scripted(lambda request, before: f"{request.messages[0].content} {request.replicate}")
    requests = [request_of(text, k) for text in "ab" for k in range(3)]
    first = generate_all(Cached(model, file), requests * 2)  # also while the first is under way
    again = generate_all(Cached(model, file), requests)
    assert first == again * 2
    assert set(model.calls.values()) == {1}
    chosen = [choose_all(Cached(model, file), requests[:1], [("x", "y")]) for _ in range(2)]
    assert chosen[0] == chosen[1]
    assert len(file) == 7


def test_failures_are_not_kept_and_passed_on_once(file):
    model = Scripted(lambda request, before: failed(Cause.SERVER) if before == 0 else "yes", seconds=0.01)
    first = generate_all(Cached(model, file), [request_of("x")] * 5)
    assert [reply.failure.cause for reply in first] == [Cause.SERVER] * 5
    assert model.calls.total() == 1
    assert generate_all(Cached(model, file), [request_of("x")])[0].text == "yes"


def test_who_is_cancelled_leaves_the_others_and_the_answer(file):
    model = Scripted(seconds=0.02)
    cached = Cached(model, file)

    async def two():
        tasks = [asyncio.ensure_future(cached.generate(request_of("x"))) for _ in range(2)]
        await asyncio.sleep(0.005)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    cancelled, reply = asyncio.run(two())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert reply.text == "yes"
    assert (model.calls.total(), len(file)) == (1, 1)


def test_a_key_depends_on_every_field():
    """A field added later must change the key, or be left out on purpose."""
    base = Request((Message(Role.USER, "hi"),), Sampling(seed=1, stop=("a",)))
    changed = {"temperature": 0.5, "top_p": 0.5, "max_tokens": 7, "stop": ("b",), "seed": 2}
    assert set(changed) == {field.name for field in dataclasses.fields(Sampling)}
    others = [
        dataclasses.replace(base, sampling=dataclasses.replace(base.sampling, **{name: value}))
        for name, value in changed.items()
    ]
    others += [
        dataclasses.replace(base, replicate=1),
        dataclasses.replace(base, messages=(Message(Role.SYSTEM, "hi"),)),
        dataclasses.replace(base, messages=(Message(Role.USER, "h"), Message(Role.USER, "i"))),
    ]
    assert {field.name for field in dataclasses.fields(Request)} == {"messages", "sampling", "replicate"}
    keys = [question_key("m", request) for request in (base, *others)]
    keys += [
        question_key("n", base),
        question_key("m", base, ("a", "b")),
        question_key("m", base, ("b", "a")),
    ]
    assert len(set(keys)) == len(keys)
    assert question_key("m", base) == question_key("m", dataclasses.replace(base))
    # Nothing is drawn in a choice.
    assert question_key("m", base, ("a", "b")) == question_key("m", others[0], ("a", "b"))


def test_answers_come_back_exactly(file):
    text = 'é "\\ \x00 \u2028 𝄞'
    model = Scripted(lambda request, before: text)
    for _ in range(2):
        assert generate_all(Cached(model, file), [request_of("x")])[0].text == text


@pytest.mark.parametrize(
    "spoilt", ["", "[]", "{}", '{"text": 1}', '{"text": "x", "finish": "NO"}', "[" * 90_000]
)
def test_what_another_wrote_is_checked(tmp_path, file, spoilt):
    request = request_of("x")
    for key in (question_key("scripted", request), question_key("scripted", request, ("a", "b"))):
        file.put(key, spoilt)
    with pytest.raises(FileFormatError, match=r"answers\.sqlite"):
        generate_all(Cached(Scripted(), file), [request])
    with pytest.raises(FileFormatError, match=r"answers\.sqlite"):
        choose_all(Cached(Scripted(), file), [request], [("a", "b")])


@pytest.mark.parametrize("values", [[0.5, -1], [-1], [-1, "x"], [-1, float("nan")]])
def test_a_kept_choice_must_fit_the_options(file, values):
    request = request_of("x")
    text = json.dumps({"log_probabilities": values, "tokens": [1, 2]})
    file.put(question_key("scripted", request, ("a", "b")), text)
    with pytest.raises(FileFormatError, match="malformed"):
        choose_all(Cached(Scripted(), file), [request], [("a", "b")])


def test_files_of_others_are_refused(tmp_path):
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(FileFormatError, match="text"):
        AnswerFile(tmp_path / "text")
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE answers (x)")
    other.close()
    with pytest.raises(FileFormatError, match="other"):
        AnswerFile(tmp_path / "other")
    with pytest.raises(OSError, match="missing"):
        AnswerFile(tmp_path / "missing" / "file")


def test_only_the_owner_reads_the_file_and_no_key_is_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CANARY_KEY", "canary-0123456789-abcdef")
    path = tmp_path / "answers.sqlite"
    with Loopback() as server, AnswerFile(path) as file:
        endpoint = OpenAIEndpoint(server.url, "tells-key", key_variable="CANARY_KEY")
        generate_all(Cached(endpoint, file), [request_of("x")])
        assert len(file) == 1
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert b"your key is [key]" in content
    assert b"canary" not in content


CHILD = """
import sys
from marl.language import AnswerFile, Cached, OpenAIEndpoint, Request, conversation, generate_all
requests = [Request(conversation(f"number {i}")) for i in range(400)]
model = Cached(OpenAIEndpoint(sys.argv[1], "slow"), AnswerFile(sys.argv[2]))
generate_all(model, requests, lambda place, reply: print(place, flush=True), concurrency=4)
"""


def test_a_kill_loses_no_answer_that_was_handed_over(tmp_path):
    path = tmp_path / "answers.sqlite"
    with Loopback() as server:
        command = [sys.executable, "-c", CHILD, server.url, str(path)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(30)]
        os.kill(child.pid, signal.SIGKILL)
        told += [int(line) for line in child.stdout if line.strip()]
        child.stdout.close()
        child.wait()
        asked = server.calls["slow"]
        requests = [request_of(f"number {i}") for i in sorted(told)]
        with AnswerFile(path) as file:
            assert 30 <= len(told) <= len(file) < 400
            start = time.monotonic()
            replies = generate_all(Cached(OpenAIEndpoint(server.url, "slow"), file), requests)
            assert time.monotonic() - start < 5
        assert [reply.text for reply in replies] == [f"number {i}" for i in sorted(told)]
        assert server.calls["slow"] == asked


def test_several_processes_may_share_a_file(tmp_path):
    path = tmp_path / "answers.sqlite"
    with AnswerFile(path) as one, AnswerFile(path) as two:
        assert one.put("q", "first") == "first"
        assert two.put("q", "second") == "first"
        assert two.get("q") == "first"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileFormatError, match="unable to open"):
        AnswerFile(tmp_path)


FORKED = """
import os, sys
from marl.language import AnswerFile
file = AnswerFile(sys.argv[1])
file.put("before", "parent")
with file._lock:  # as another thread may hold it at any moment
    child = os.fork()
    if not child:
        assert file.get("before") == "parent"
        file.put("after", "child")
        assert len(file._left_behind) == 1
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert file.get("after") == "child"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_opens_the_file_anew(tmp_path):
    command = [sys.executable, "-c", FORKED, str(tmp_path / "answers.sqlite")]
    subprocess.run(command, check=True, timeout=20)
