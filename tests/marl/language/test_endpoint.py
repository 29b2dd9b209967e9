"""The client against a server that misbehaves: every fault has its own outcome, and no key leaves."""

import asyncio
import gc
import json
import logging
import math
import shutil
import ssl
import subprocess
import threading
import time
import weakref

import pytest

from marl.language import (
    Cause,
    Echo,
    Finish,
    FirstToken,
    Limited,
    Message,
    OpenAIEndpoint,
    Request,
    Role,
    Sampling,
    TokenLimit,
    choose_all,
    conversation,
    generate_all,
)
from marl.language.transport import Response
from marl.language.wire import status_failure
from tests.marl.language.loopback import Loopback

KEY = "canary-0123456789-abcdef"


@pytest.fixture(scope="module")
def server():
    with Loopback() as loopback:
        yield loopback


def ask(text="hello there", **sampling):
    return Request(conversation(text), Sampling(**sampling))


def reply_of(server, model, request=None, **arguments):
    arguments.setdefault("timeout", 5.0)
    endpoint = OpenAIEndpoint(server.url, model, **arguments)
    return generate_all(endpoint, [request or ask()])[0]


def test_a_reply_has_text_and_tokens(server):
    talk = (Message(Role.SYSTEM, "be kind"), Message(Role.USER, "ha ho ✓"))
    request = Request(talk, Sampling(0.5, 0.9, 7, ("END",), 3))
    reply = reply_of(server, "echo", request)
    assert (reply.text, reply.finish, reply.failure) == ("ha ho ✓", Finish.STOP, None)
    assert (reply.prompt_tokens, reply.completion_tokens) == (3, 3)
    assert server.bodies[-1] == {
        "model": "echo",
        "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "ha ho ✓"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "stop": ["END"],
        "seed": 3,
    }


def test_fields_and_the_name_of_the_limit_are_the_users(server):
    chosen = {"token_limit": TokenLimit.MAX_COMPLETION_TOKENS, "fields": {"reasoning": {"effort": "low"}}}
    reply_of(server, "echo", ask(max_tokens=5), **chosen)
    sent = server.bodies[-1]
    assert sent["max_completion_tokens"] == 5
    assert sent["reasoning"] == {"effort": "low"}
    assert "max_tokens" not in sent
    assert "seed" not in sent
    names = {OpenAIEndpoint(server.url, "m", fields=f).name for f in (None, {"a": 1}, {"a": 2})}
    assert len(names) == 3


def test_replicates_are_asked_with_seeds_of_their_own(server):
    requests = [Request(conversation("x"), Sampling(seed=5), k) for k in range(4)]
    before = len(server.bodies)
    generate_all(OpenAIEndpoint(server.url, "echo"), requests, concurrency=1)
    seeds = [body["seed"] for body in server.bodies[before:]]
    assert seeds[0] == 5
    assert len(set(seeds)) == 4
    assert all(0 <= seed < 2**31 for seed in seeds)


FAULTS = {
    "busy-long": Cause.RATE_LIMITED,
    "no-quota": Cause.UNAUTHORISED,
    "refused-key": Cause.UNAUTHORISED,
    "always-500": Cause.SERVER,
    "elsewhere": Cause.BAD_REQUEST,
    "hang": Cause.TIMEOUT,
    "dropped": Cause.TRANSPORT,
    "dropped-amid": Cause.TRANSPORT,
    "no-http": Cause.TRANSPORT,
    "two-lengths": Cause.TRANSPORT,
    "bad-chunk": Cause.TRANSPORT,
    "endless-headers": Cause.TRANSPORT,
    "huge": Cause.TOO_LARGE,
    "huge-chunked": Cause.TOO_LARGE,
    "cut-json": Cause.MALFORMED,
    "deep-json": Cause.MALFORMED,
    "wrong": Cause.WRONG_MODEL,
    "empty": Cause.EMPTY,
    "filtered": Cause.REFUSAL,
}


@pytest.mark.parametrize("model", FAULTS)
def test_every_fault_has_its_cause_and_is_asked_once(server, model):
    reply = reply_of(server, model, timeout=0.3 if model == "hang" else 5.0, max_answer_bytes=100_000)
    assert reply.failure is not None
    assert reply.failure.cause is FAULTS[model]
    assert (reply.text, reply.finish) == ("", Finish.FAILED)
    assert server.calls[model] == 1
    assert len(reply.failure.detail) <= 300
    assert "\n" not in str(reply.failure)


OK = {"message": {"content": "x"}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"choices": []},
        {"choices": [7]},
        {"choices": [{**OK, "message": None}]},
        {"choices": [{**OK, "message": {"content": 7}}]},
        {"choices": [{**OK, "finish_reason": None}]},
        {"choices": [{"message": {"content": "x"}}]},
        {"choices": [{**OK, "message": {"content": "\ud800"}}]},
        {"choices": [OK], "model": 7},
    ],
)
def test_what_is_not_the_interface_is_malformed(server, data):
    reply = reply_of(server, "raw", ask(json.dumps(data)))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.MALFORMED


@pytest.mark.parametrize("text", ['{"a": NaN}', "9" * 5000, "ä"])
def test_what_is_no_json_is_malformed(server, text):
    reply = reply_of(server, "raw", ask(text))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.MALFORMED


@pytest.mark.parametrize("usage", [None, 7, {"prompt_tokens": -1}, {"prompt_tokens": True}, {}])
def test_tokens_are_unknown_rather_than_wrong(server, usage):
    reply = reply_of(server, "raw", ask(json.dumps({"choices": [OK], "usage": usage})))
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("x", None, None)


def test_a_text_that_was_cut_says_so_and_is_no_failure(server):
    reply = reply_of(server, "cut-text")
    assert (reply.text, reply.finish, reply.failure) == ("hello there", Finish.LENGTH, None)


def test_a_dated_version_and_an_alias_are_the_model(server):
    assert reply_of(server, "alias").failure is None
    assert reply_of(server, "wrong", aliases=("wrong-mini",)).failure is None


@pytest.mark.parametrize("model", ["chunked", "to-the-end"])
def test_bodies_come_in_every_form_of_the_protocol(server, model):
    assert reply_of(server, model).text == "hello there"


def test_nobody_listens_there():
    reply = generate_all(OpenAIEndpoint("http://127.0.0.1:1/v1", "m"), [ask()])[0]
    assert reply.failure is not None
    assert reply.failure.cause is Cause.TRANSPORT


@pytest.mark.parametrize(("model", "workers"), [("echo", 5), ("chunked", 1)])
def test_connections_are_used_again(server, model, workers):
    before = server.connections
    requests = [ask(str(i)) for i in range(50)]
    replies = generate_all(OpenAIEndpoint(server.url, model), requests, concurrency=workers)
    assert [reply.text for reply in replies] == [str(i) for i in range(50)]
    assert server.connections - before == workers


def test_connections_that_broke_or_waited_long_are_not_used_again(server, monkeypatch):
    endpoint = OpenAIEndpoint(server.url, "raw")

    async def answers():
        texts = []
        for _ in range(3):
            texts.append((await endpoint.generate(ask(json.dumps({"choices": [OK]})))).text)
            monkeypatch.setattr("marl.language.transport._IDLE_SECONDS", 0.0)
        return texts

    before = server.connections
    assert asyncio.run(answers()) == ["x"] * 3
    assert server.connections - before == 3


def test_order_is_kept_and_each_answer_is_handed_over_in_the_calling_thread(server):
    seen = []
    requests = [ask(f"number {i}") for i in range(60)]

    def on_reply(place, reply):
        assert threading.current_thread() is threading.main_thread()
        seen.append((place, reply.text))

    replies = generate_all(OpenAIEndpoint(server.url, "echo"), requests, on_reply, concurrency=7)
    assert [reply.text for reply in replies] == [f"number {i}" for i in range(60)]
    assert sorted(seen) == [(i, f"number {i}") for i in range(60)]


def test_what_the_callback_raises_stops_the_rest_at_once(server):
    def stop(place, reply):
        raise KeyError(place)

    before = server.calls["slow"]
    start = time.monotonic()
    with pytest.raises(KeyError):
        generate_all(OpenAIEndpoint(server.url, "slow"), [ask()] * 50, stop, concurrency=1)
    assert server.calls["slow"] - before <= 3
    assert time.monotonic() - start < 2


def test_the_plain_front_works_inside_a_running_loop(server):
    async def notebook():
        return generate_all(OpenAIEndpoint(server.url, "echo"), [ask("inside")])

    assert asyncio.run(notebook())[0].text == "inside"


def test_the_key_is_sent_and_seen_nowhere_else(server, monkeypatch, caplog):
    monkeypatch.setenv("CANARY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    endpoints = [
        OpenAIEndpoint(server.url, model, key_variable="CANARY_KEY", timeout=5)
        for model in ("echo", "tells-key", "refused-key", "raw")
    ]
    replies = [
        generate_all(endpoint, [ask(f"{{ not JSON {KEY if i == 3 else ''}")])[0]
        for i, endpoint in enumerate(endpoints)
    ]
    assert f"Authorization: Bearer {KEY}" in server.heads[-1]
    assert replies[1].text == "your key is [key]"
    assert replies[2].failure is not None
    assert replies[2].failure.cause is Cause.UNAUTHORISED
    everything = repr((replies, endpoints, [endpoint.name for endpoint in endpoints])) + caplog.text
    # A detail cut in the middle of a key would leave its beginning.
    assert KEY[:8] not in everything
    assert KEY not in repr([vars(endpoint) for endpoint in endpoints])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs a certificate made by openssl")
def test_who_cannot_prove_to_be_the_host_gets_no_request(tmp_path, monkeypatch):
    monkeypatch.setenv("A_KEY", KEY)
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate), "-days", "2"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *names]
    subprocess.run(made, check=True, capture_output=True)
    proof = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    proof.load_cert_chain(certificate, key)
    with Loopback(proof) as server:
        stranger = reply_of(server, "echo", key_variable="A_KEY")
        assert stranger.failure is not None
        assert stranger.failure.cause is Cause.TRANSPORT
        assert not server.heads
        trusted = ssl.create_default_context(cafile=str(certificate))
        assert reply_of(server, "echo", key_variable="A_KEY", ssl_context=trusted).text == "hello there"


def test_no_key_is_sent_unless_asked_for(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    reply_of(server, "echo")
    assert "authorization" not in server.heads[-1].lower()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("NOT_THERE", None, "is not set"),
        ("A_KEY", "  ", "is not set"),
        ("A_KEY", "a\r\nX: y", "no header takes"),
    ],
)
def test_bad_keys_are_refused_without_showing_them(monkeypatch, variable, value, message):
    if value is not None:
        monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=message) as caught:
        OpenAIEndpoint("https://host.invalid/v1", "m", key_variable=variable)
    assert "X: y" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://host/v1", "https://host/v1"),
        ("host/v1", "https://host/v1"),
        ("https://user:secret@host/v1", "no user"),
        ("https://host/v1?key=secret", "query"),
        ("https://host/v1#secret", "fragment"),
        ("https://host\r\nX: y/v1", "control characters"),
        ("https://host:99999/v1", "port"),
        ("http://host.example/v1", "must be https"),
    ],
)
def test_bad_addresses_are_refused_without_showing_secrets(monkeypatch, url, message):
    monkeypatch.setenv("A_KEY", KEY)
    with pytest.raises(ValueError, match=message) as caught:
        OpenAIEndpoint(url, "m", key_variable="A_KEY")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timeout": 0.0}, "timeout"),
        ({"max_answer_bytes": 0}, "max_answer_bytes"),
        ({"fields": {"messages": []}}, "messages"),
        ({"fields": {"stream": True}}, "stream"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        OpenAIEndpoint("https://host.invalid/v1", "m", **arguments)


def test_choosing_adds_up_the_tokens_that_are_the_option(server):
    endpoint = OpenAIEndpoint(server.url, "echo")
    choice = choose_all(endpoint, [ask("which of two")], [("A", "B")])[0]
    assert choice.log_probabilities == pytest.approx((math.log(0.625), math.log(0.25)))
    assert (choice.prompt_tokens, choice.completion_tokens) == (3, 3)
    assert server.bodies[-1]["max_tokens"] == 1


@pytest.mark.parametrize(
    ("model", "options", "scoring"),
    [
        ("echo", ("A", "C"), FirstToken()),  # not among the likeliest
        ("echo", ("A", "B"), FirstToken(2)),
        ("echo", ("In", "A"), FirstToken()),  # two tokens, the first of which is listed
        ("no-log-probabilities", ("A", "B"), FirstToken()),
        ("no-echo", ("A", "B"), Echo(lambda talk: "x", "x")),
    ],
)
def test_an_option_without_a_known_probability_fails(server, model, options, scoring):
    endpoint = OpenAIEndpoint(server.url, model, scoring=scoring)
    choice = choose_all(endpoint, [ask()], [options])[0]
    assert choice.failure is not None
    assert choice.failure.cause is Cause.NO_LOG_PROBABILITIES
    assert choice.log_probabilities == ()


def test_log_probabilities_above_zero_are_malformed(server):
    first = {"token": "A", "logprob": 0.5, "top_logprobs": []}
    data = {"choices": [{**OK, "logprobs": {"content": [first]}}]}
    choice = choose_all(OpenAIEndpoint(server.url, "raw"), [ask(json.dumps(data))], [("A", "B")])[0]
    assert choice.failure is not None
    assert choice.failure.cause is Cause.MALFORMED


def test_choosing_by_echo_adds_up_the_tokens_of_the_option(server):
    scoring = Echo(lambda talk: talk[-1].content + ":", "colon")
    endpoint = OpenAIEndpoint(server.url, "echo", scoring=scoring)
    choice = choose_all(endpoint, [ask("abc")], [("abd", "bb")])[0]
    assert choice.log_probabilities == (-7.0, -4.0)
    assert (choice.prompt_tokens, choice.completion_tokens) == (1 + 4 + 3 + 1 + 4 + 2, 2)
    assert "colon" in endpoint.name


def test_a_failed_call_makes_a_failed_choice(server):
    for scoring in (FirstToken(), Echo(lambda talk: "x", "x")):
        endpoint = OpenAIEndpoint(server.url, "always-500", scoring=scoring)
        choice = choose_all(endpoint, [ask()], [("A", "B")])[0]
        assert choice.failure is not None
        assert choice.failure.cause is Cause.SERVER


def listing(*entries):
    """An answer of ``raw`` whose first position lists (token, probability), the first one written."""
    listed = [{"token": token, "logprob": math.log(p)} for token, p in entries]
    return ask(
        json.dumps({"choices": [{**OK, "logprobs": {"content": [{**listed[0], "top_logprobs": listed}]}}]})
    )


def test_tokens_that_are_written_alike_add_up(server):
    """Servers that strip the space in front list "A" twice; the rare one must not stand for both."""
    request = listing(("A", 0.6), ("B", 0.3), ("A", 0.05), ("B", 0.01))
    choice = choose_all(OpenAIEndpoint(server.url, "raw"), [request], [("A", "B")])[0]
    assert choice.log_probabilities == pytest.approx((math.log(0.65), math.log(0.31)))


def test_a_token_that_was_written_and_is_not_listed_counts(server):
    first = {
        "token": "B",
        "logprob": math.log(0.1),
        "top_logprobs": [{"token": "A", "logprob": math.log(0.8)}],
    }
    request = ask(json.dumps({"choices": [{**OK, "logprobs": {"content": [first]}}]}))
    choice = choose_all(OpenAIEndpoint(server.url, "raw"), [request], [("A", "B")])[0]
    assert choice.log_probabilities == pytest.approx((math.log(0.8), math.log(0.1)))


def test_the_name_of_the_limit_is_the_users_in_choices_too(server):
    limit = TokenLimit.MAX_COMPLETION_TOKENS
    choose_all(OpenAIEndpoint(server.url, "echo", token_limit=limit), [ask()], [("A", "B")])
    assert server.bodies[-1]["max_completion_tokens"] == 1
    assert "max_tokens" not in server.bodies[-1]
    echo = Echo(lambda talk: talk[-1].content, "plain")
    choose_all(OpenAIEndpoint(server.url, "echo", token_limit=limit, scoring=echo), [ask()], [("a", "b")])
    assert server.bodies[-1]["max_tokens"] == 1


def test_placeholders_for_keys_spoil_no_text(server, monkeypatch):
    monkeypatch.setenv("A_KEY", "EMPTY")
    assert reply_of(server, "echo", ask("the EMPTY set"), key_variable="A_KEY").text == "the EMPTY set"


def test_an_answer_nobody_asked_for_is_not_that_of_the_next_question(server):
    endpoint = OpenAIEndpoint(server.url, "answers-twice")

    async def two():
        first = await endpoint.generate(ask("one"))
        await asyncio.sleep(0.05)  # for the other answer to arrive
        return first.text, (await endpoint.generate(ask("two"))).text

    assert asyncio.run(two()) == ("one", "two")


@pytest.mark.parametrize(
    ("data", "cause", "detail"),
    [
        ({"error": {"message": "busy", "code": 429}}, Cause.RATE_LIMITED, "busy"),
        ({"error": {"message": "no key", "code": 401}}, Cause.UNAUTHORISED, "no key"),
        ({"error": "it broke"}, Cause.SERVER, "it broke"),
        ({"error": {"message": None, "code": None}}, Cause.SERVER, "error"),
    ],
)
def test_an_error_with_the_status_of_success_is_that_error(server, data, cause, detail):
    reply = reply_of(server, "raw", ask(json.dumps(data)))
    assert reply.failure is not None
    assert reply.failure.cause is cause
    assert detail in reply.failure.detail
    assert "None" not in reply.failure.detail


def test_errors_of_unknown_form_are_shown_as_they_came():
    failure = status_failure(Response(404, {}, b'{"detail": "Not Found"}'))
    assert "Not Found" in failure.detail


def test_loops_that_ended_are_forgotten(server, monkeypatch):
    endpoint = Limited(OpenAIEndpoint(server.url, "echo"), concurrency=2)
    made = []
    make = asyncio.new_event_loop

    def noting():
        loop = make()
        made.append(weakref.ref(loop))
        return loop

    monkeypatch.setattr(asyncio, "new_event_loop", noting)
    for _ in range(3):
        generate_all(endpoint, [ask(str(i)) for i in range(6)])
    gc.collect()
    assert [loop() for loop in made] == [None] * 3
