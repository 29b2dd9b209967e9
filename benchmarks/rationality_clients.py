"""Players and clients: requests a second beside other clients, decisions a second, and seconds to import.

    python benchmarks/rationality_clients.py

Requests: the same constant server in a process of its own on this machine, 32 requests under way at once, the
clients in turn; the figure of a client is the median over the turns, and its ratio to the openai package the
median of the ratios within each turn. litellm takes part where it can be imported: it wants openai below 3,
and so an environment of its own. Every reply is held against what the server says.

Decisions: scripted players in a 2x2 game, one after the other. In words: the same with a function that
answers at once, so that a prompt is written and a reply read for every decision.

Import: processor seconds for all players, beyond numpy, in a fresh process; the least of five.
"""

import argparse
import asyncio
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection

import numpy as np

from games.normal_form import NormalFormGame
from games.text import MatrixSituation, Question
from marl.language import CalledFunction, OpenAIEndpoint, Request, Sampling, conversation
from marl.players import LanguagePlayer, Player, scripted_player

_AT_ONCE = 32
_TEXT = "the other player takes Y, so I take V"
_PROMPT = "Two players choose at the same time. " * 20
_MODEL = "constant"

Ask = Callable[[], Awaitable[str]]
"""One request; gives the text that came back."""


def serve(ready: Connection) -> None:
    """Answer every request alike, and tell the port through ``ready``."""
    message = {"role": "assistant", "content": _TEXT}
    reply = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": _MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
    }
    body = json.dumps(reply).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(asked.split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(head + body)
        except (EOFError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def ours(url: str) -> Ask:
    """The client of this project."""
    endpoint = OpenAIEndpoint(url, _MODEL)
    request = Request(conversation(_PROMPT), Sampling(temperature=0.0, max_tokens=64))

    async def ask() -> str:
        return (await endpoint.generate(request)).text

    return ask


def official(url: str) -> Ask:
    """The openai package."""
    client = importlib.import_module("openai").AsyncOpenAI(base_url=url, api_key="none", max_retries=0)

    async def ask() -> str:
        answer = await client.chat.completions.create(
            model=_MODEL,
            messages=[{"role": "user", "content": _PROMPT}],
            temperature=0.0,
            max_tokens=64,
        )
        return str(answer.choices[0].message.content)

    return ask


def through_litellm(url: str) -> Ask:
    """The litellm package."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network when it is imported
    litellm = importlib.import_module("litellm")

    async def ask() -> str:
        answer = await litellm.acompletion(
            model=f"openai/{_MODEL}",
            api_base=url,
            api_key="none",
            messages=[{"role": "user", "content": _PROMPT}],
            temperature=0.0,
            max_tokens=64,
        )
        return str(answer.choices[0].message.content)

    return ask


async def rate(ask: Ask, count: int) -> float:
    """Requests a second."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            text = await ask()
            if text != _TEXT:
                raise RuntimeError(f"a client gave {text!r}")

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return count / (time.perf_counter() - start)


def compare(turns: int, count: int) -> None:
    """Print the figures of all clients that can be imported."""
    context = get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/v1"
    clients: dict[str, Ask] = {"counterplay": ours(url)}
    for name, make in (("openai", official), ("litellm", through_litellm)):
        try:
            clients[name] = make(url)
        except ImportError:
            print(f"{name:12}  is not installed here")

    async def play() -> dict[str, list[float]]:
        rates: dict[str, list[float]] = {name: [] for name in clients}
        for turn in range(turns + 1):
            for name, ask in clients.items():
                found = await rate(ask, count)
                if turn:  # the first one warms up
                    rates[name].append(found)
        return rates

    rates = asyncio.run(play())
    server.terminate()
    server.join()
    peer = np.array(rates.get("openai", rates["counterplay"]))
    for name, values in rates.items():
        ratios = np.array(values) / peer
        spread = f"{ratios.min():.2f} to {ratios.max():.2f}"
        print(
            f"{name:12}  {np.median(values):8.0f} requests/s   {np.median(ratios):.2f} of openai ({spread})"
        )


def decisions(player: Player, count: int) -> float:
    """Decisions a second, the best of three times."""
    game = NormalFormGame.bimatrix([[40, 5], [0, 15]], [[0, 10], [7, 8]])
    questions = [Question(MatrixSituation(game), seed) for seed in range(count)]

    async def ask() -> float:
        start = time.perf_counter()
        for question in questions:
            await player.decide(question)
        return count / (time.perf_counter() - start)

    return max(asyncio.run(ask()) for _ in range(3))


def import_seconds() -> float:
    """Processor seconds, beyond numpy."""
    code = (
        "import numpy, time; t = time.process_time(); import marl.players as p; "
        "p.ScriptedPlayer, p.LanguagePlayer, p.TextPlayer, p.player_from_spec; print(time.process_time() - t)"
    )
    command = [sys.executable, "-c", code]
    return min(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(5))


async def _first(text: str) -> str:
    nonce = text.rpartition('"id": "')[2][:6]
    return f'{{"id": "{nonce}", "action": "0"}}'


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--requests", type=int, default=1500)
    chosen = parser.parse_args()
    compare(chosen.turns, chosen.requests)
    for name in ("uniform", "level2", "rational"):
        print(f"scripted:{name:12} {decisions(scripted_player(name), 20_000):10.0f} decisions/s")
    in_words = LanguagePlayer(CalledFunction(_first, name="first"))
    print(f"in words              {decisions(in_words, 2000):10.0f} decisions/s")
    print(f"import of all players {import_seconds():10.3f} s beyond numpy")


if __name__ == "__main__":
    main()
