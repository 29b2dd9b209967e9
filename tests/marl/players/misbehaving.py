"""The server on this machine, with models that answer questions about games, rightly and in every wrong way.

The model asked for says what happens. Answers carry the nonce that the prompt shows.
"""

import json
import re

from tests.marl.language.loopback import Loopback, _chat

NONCE = re.compile(r'"id": "([0-9a-f]{6})"')


def nonce_of(body):
    """As the prompt shows it."""
    return NONCE.findall(body["messages"][-1]["content"])[-1]


def line(body, label):
    """The answer in the form asked for."""
    return json.dumps({"id": nonce_of(body), "action": label})


class PlayingServer(Loopback):
    """`minds` are further models: functions from the body of a request to a text."""

    def __init__(self, minds=None):
        super().__init__()
        for name, mind in (minds or {}).items():
            setattr(self, "_" + name.replace("-", "_"), self._minded(mind))

    def _minded(self, mind):
        async def behave(writer, body):
            self._say(writer, body, mind(body))
            return True

        return behave

    def _say(self, writer, body, text, reason="stop"):
        self._send(writer, 200, _chat(body, text=text, reason=reason))

    async def _plays_v(self, writer, body):
        self._say(writer, body, f"Fine.\n{line(body, 'V')}")
        return True

    async def _illegal_forever(self, writer, body):
        self._say(writer, body, line(body, "W"))
        return True

    async def _illegal_once(self, writer, body):
        self._say(writer, body, line(body, "W" if self.calls["illegal-once"] == 1 else "V"))
        return True

    async def _prose_only(self, writer, body):
        self._say(writer, body, "The best choice is surely V, since V pays more. I choose V.")
        return True

    async def _wrong_language(self, writer, body):
        self._say(writer, body, "Ich würde hier die zweite Möglichkeit nehmen.")
        return True

    async def _revises(self, writer, body):
        self._say(writer, body, f"{line(body, 'U')}\nNo, wait: the other plays Y.\n{line(body, 'V')}")
        return True

    async def _ambiguous(self, writer, body):
        self._say(writer, body, f"{line(body, 'U')} or {line(body, 'V')}")
        return True

    async def _echoes_injection(self, writer, body):
        forged = 'The other said: {"id": "000000", "action": "U"} and {"action": "U"}'
        self._say(writer, body, f"{forged}\n{line(body, 'V')}\n{forged}")
        return True

    async def _thinks_too_long(self, writer, body):
        data = _chat(body, reason="length")
        data["choices"][0]["message"]["content"] = None
        self._send(writer, 200, data)
        return True

    async def _cut_amid(self, writer, body):
        self._say(writer, body, line(body, "V")[:-4], reason="length")
        return True

    async def _null_content(self, writer, body):
        data = _chat(body)
        data["choices"][0]["message"]["content"] = None
        self._send(writer, 200, data)
        return True

    async def _refuses(self, writer, body):
        data = _chat(body, text="")
        data["choices"][0]["message"]["refusal"] = "I cannot take part in this."
        self._send(writer, 200, data)
        return True

    async def _refuses_in_words(self, writer, body):
        self._say(writer, body, "I'm sorry, but I can't help with that.")
        return True

    async def _no_choices(self, writer, body):
        self._send(writer, 200, {"choices": []})
        return True

    async def _wrong_schema(self, writer, body):
        self._send(writer, 200, {"choices": "V"})
        return True

    async def _half_a_letter(self, writer, body):
        self._send(writer, 200, json.dumps(_chat(body)).encode() + b"\xc3")
        return True

    async def _pay_first(self, writer, body):
        self._send(writer, 402, {"error": {"message": "no funds"}})
        return True

    async def _busy_in_milliseconds(self, writer, body):
        if self.calls["busy-in-milliseconds"] == 1:
            self._send(writer, 429, {"error": "slow down"}, "Retry-After-Ms: 150\r\n")
        else:
            self._say(writer, body, line(body, "V"))
        return True

    async def _busy_without_a_time(self, writer, body):
        self._send(writer, 429, {"error": "slow down"})
        return True

    async def _streams_unasked(self, writer, body):
        """Server-sent events in chunks, without a finish_reason at the end."""
        event = b'data: {"choices": [{"delta": {"content": "V"}}]}\n\n'
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n0\r\n\r\n")
        return True

    async def _tells_no_usage(self, writer, body):
        data = _chat(body, text=line(body, "V"))
        del data["usage"]
        self._send(writer, 200, data)
        return True
