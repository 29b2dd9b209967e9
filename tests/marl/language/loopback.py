"""A server with the interface of OpenAI on this machine, which answers by rule and misbehaves on demand.

The model asked for says what happens: ``echo`` repeats the last message, and the others do what their names
in `Loopback` say. Counters tell how often each was asked.
"""

import asyncio
import contextlib
import json
import math
import threading
from collections import Counter
from types import TracebackType

VOCABULARY = {"A": 0.5, " A": 0.125, "B": 0.25, "I": 0.0625}


class Loopback:
    """Runs on a thread of its own between enter and exit; ``url`` is where."""

    def __init__(self, ssl_context=None):
        self._ssl = ssl_context
        self.calls = Counter()
        self.connections = 0
        self.bodies = []
        self.heads = []
        self.at_once = Counter()
        self.most_at_once = Counter()
        self.times = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()
        self._stop = asyncio.Event()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self):
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._ssl)
        self.url = f"http{'s' if self._ssl else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(EOFError, ConnectionError, asyncio.CancelledError):
            while await self._answer(reader, writer):
                pass
        writer.transport.abort()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = json.loads(await reader.readexactly(int(fields["content-length"])))
        model = body["model"]
        self.heads.append(head)
        self.bodies.append(body)
        self.times.append(self._loop.time())
        self.calls[model] += 1
        self.at_once[model] += 1
        self.most_at_once[model] = max(self.most_at_once[model], self.at_once[model])
        path = head.split()[1].removeprefix("/v1")
        try:
            behaviour = getattr(self, "_" + model.replace("-", "_"), None)
            if behaviour is not None:
                return await behaviour(writer, body)
            self._send(writer, 200, {"/chat/completions": _chat, "/completions": _plain}[path](body))
            return True
        finally:
            self.at_once[model] -= 1
            await writer.drain()

    def _send(self, writer, status, data, headers=""):
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        length = f"Content-Length: {len(content)}\r\n"
        writer.write(f"HTTP/1.1 {status} X\r\n{length}{headers}\r\n".encode() + content)

    async def _slow(self, writer, body):
        await asyncio.sleep(0.05)
        self._send(writer, 200, _chat(body))
        return True

    async def _busy_once(self, writer, body):
        if self.calls["busy-once"] == 1:
            self._send(writer, 429, {"error": {"message": "slow down"}}, "Retry-After: 0.4\r\n")
        else:
            self._send(writer, 200, _chat(body))
        return True

    async def _busy_long(self, writer, body):
        self._send(writer, 429, {"error": "slow down"}, "Retry-After: 86400\r\n")
        return True

    async def _no_quota(self, writer, body):
        self._send(writer, 429, {"error": {"message": "pay", "code": "insufficient_quota"}})
        return True

    async def _broken_twice(self, writer, body):
        if self.calls["broken-twice"] <= 2:
            self._send(writer, 500, b"<html>oops</html>")
        else:
            self._send(writer, 200, _chat(body))
        return True

    async def _always_500(self, writer, body):
        self._send(writer, 500, {"message": "down"})
        return True

    async def _refused_key(self, writer, body):
        key = self.heads[-1].lower().partition("authorization: bearer ")[2].split("\r\n")[0]
        self._send(writer, 401, {"error": {"message": f"{'x' * 270} bad key {key}"}})
        return True

    async def _tells_key(self, writer, body):
        key = self.heads[-1].partition("Authorization: Bearer ")[2].split("\r\n")[0]
        self._send(writer, 200, _chat(body, text=f"your key is {key}"))
        return True

    async def _elsewhere(self, writer, body):
        self._send(writer, 307, {}, f"Location: {self.url}/chat/completions\r\n")
        return True

    async def _hang(self, writer, body):
        await asyncio.sleep(30)
        return False

    async def _answers_twice(self, writer, body):
        """The second answer waits in the connection for whoever asks next."""
        self._send(writer, 200, _chat(body))
        self._send(writer, 200, _chat(body, text="of an earlier question"))
        return True

    async def _second_refused(self, writer, body):
        if body["prompt"].endswith("b"):
            self._send(writer, 429, {"error": "slow down"})
        else:
            self._send(writer, 200, _plain(body))
        return True

    async def _second_broken(self, writer, body):
        if body["prompt"].endswith("b"):
            return False
        self._send(writer, 200, _plain(body))
        return True

    async def _dropped(self, writer, body):
        return False

    async def _dropped_amid(self, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        await writer.drain()
        return False

    async def _chunked(self, writer, body):
        content = json.dumps(_chat(body)).encode()
        writer.write(
            b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for i in range(0, len(content), 7):
            part = content[i : i + 7]
            writer.write(f"{len(part):x};e=1\r\n".encode() + part + b"\r\n")
        writer.write(b"0\r\nTrailer: x\r\n\r\n")
        return True

    async def _to_the_end(self, writer, body):
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(_chat(body)).encode())
        await writer.drain()
        writer.write_eof()
        return False

    async def _no_http(self, writer, body):
        writer.write(b"SSH-2.0-server\r\n\r\n")
        return True

    async def _two_lengths(self, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ")
        return True

    async def _bad_chunk(self, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n")
        return True

    async def _endless_headers(self, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000)
        return True

    async def _huge(self, writer, body):
        self._send(writer, 200, _chat(body, text="x" * 200_000))
        return True

    async def _huge_chunked(self, writer, body):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write((b"10000\r\n" + b"x" * 65536 + b"\r\n") * 4)
        return True

    async def _cut_json(self, writer, body):
        self._send(writer, 200, b'{"choices": [{"message"')
        return True

    async def _deep_json(self, writer, body):
        self._send(writer, 200, b'{"a":' + b"[" * 90_000)
        return True

    async def _raw(self, writer, body):
        """Answers what the last message holds, as it stands."""
        self._send(writer, 200, body["messages"][-1]["content"].encode())
        return True

    async def _alias(self, writer, body):
        self._send(writer, 200, _chat(body) | {"model": "alias-2024-08-06"})
        return True

    async def _wrong(self, writer, body):
        self._send(writer, 200, _chat(body) | {"model": "wrong-mini"})
        return True

    async def _cut_text(self, writer, body):
        self._send(writer, 200, _chat(body, reason="length"))
        return True

    async def _empty(self, writer, body):
        self._send(writer, 200, _chat(body, text=""))
        return True

    async def _filtered(self, writer, body):
        self._send(writer, 200, _chat(body, reason="content_filter"))
        return True

    async def _no_log_probabilities(self, writer, body):
        data = _chat({**body, "logprobs": False})
        self._send(writer, 200, data)
        return True

    async def _no_echo(self, writer, body):
        self._send(writer, 200, {"choices": [{"text": "x"}]})
        return True


def _chat(body, *, text=None, reason="stop"):
    said = body["messages"][-1]["content"]
    message = {"role": "assistant", "content": said if text is None else text}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    if body.get("logprobs"):
        listed = [{"token": token, "logprob": math.log(p)} for token, p in VOCABULARY.items()]
        first = dict(listed[0], top_logprobs=listed[: body["top_logprobs"]])
        choice["logprobs"] = {"content": [first]}
    words = len(said.split())
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [choice],
        "usage": {"prompt_tokens": words, "completion_tokens": words, "total_tokens": 2 * words},
    }


def _plain(body):
    """Echoes a prompt: a token per character, of log-probability -1, -2, ... by its place in the alphabet."""
    tokens = ["<s>", *body["prompt"], "!"]
    values = [None, *[-float(1 + (ord(c) - ord("a")) % 26) for c in body["prompt"]], -9.0]
    return {
        "model": body["model"],
        "choices": [{"logprobs": {"tokens": tokens, "token_logprobs": values}}],
        "usage": {"prompt_tokens": len(tokens) - 1, "completion_tokens": 1},
    }
