"""How rational is a player that you wrote, and one behind an address? Both beside rules whose truth is known.

    python examples/rationality.py --out results/rationality

The suite of Fan et al. (2024) is played by a function that reads what it is asked, by two scripted rules,
and by a model behind a server with the interface of OpenAI. The server is in this file and knows a rule's
answers, so that all of it runs offline, and what comes over HTTP can be held against what the rule does here.
"""

import argparse
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from rich.console import Console

from games.text import Decision, Question
from games.text.answer_form import action_line, belief_line
from marl.players import TextPlayer, player_from_spec
from solvers.rationality import run_suite, score_plays
from solvers.rationality.run import kept_records, read_manifest
from solvers.rationality.suites.fan2024 import fan2024
from solvers.report.rationality import rationality_page, scorecard_pictures
from solvers.report.rationality_tables import scorecard_tables

RULE = "scripted:noisy:0.2:level2"
IDS = re.compile(r'"id": "(\w+)"')


def greedy(prompt: str) -> str:
    """Takes what pays itself most where a table says so, else the first option; all beliefs are uniform."""
    form = prompt[prompt.rindex('{"id"') :].split("\n")[0]
    if "<p>" in form:
        return form.replace("<p>", str(1 / form.count("<p>")))
    options = json.loads(f"[{prompt.rsplit('Options: ', 1)[1].splitlines()[0]}]")
    own = {row[0]: float(row[1]) for row in re.findall(r"^\| (\S+) \| (-?[\d.]+) \|", prompt, re.MULTILINE)}
    return form.replace("<option>", max(options, key=lambda option: own.get(option, 0.0)))


class Speaker:
    """Decides as a rule does, and notes the line that says so, by the id that answers must carry."""

    def __init__(self, spec: str) -> None:
        self._rule = player_from_spec(spec)
        self.name = f"in words: {spec}"
        self.lines: dict[str, str] = {}

    async def decide(self, question: Question) -> Decision:
        """As the rule."""
        decision = await self._rule.decide(question)
        if decision.belief is not None:
            self.lines[question.nonce] = belief_line(question, decision.belief)
        elif decision.action is not None:
            self.lines[question.nonce] = action_line(question, decision.action)
        return decision


def server(lines: dict[str, str]) -> ThreadingHTTPServer:
    """Answers each question with its line, on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prompt = asked["messages"][-1]["content"]
            said = f"I have thought about it.\n{lines[IDS.findall(prompt)[-1]]}"
            message = {"role": "assistant", "content": said}
            used = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(said.split())}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            data = json.dumps({"model": asked["model"], "choices": [choice], "usage": used}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing: the table is what there is to see."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main() -> None:
    """Play, compare, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/rationality"))
    arguments = parser.parse_args()
    suite, out = fan2024(), arguments.out

    speaker = Speaker(RULE)
    run_suite(suite, [speaker])  # so that the server knows what the rule would say
    with server(speaker.lines) as web:
        Thread(target=web.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{web.server_port}/v1#{RULE.removeprefix('scripted:')}"
        players = [TextPlayer("greedy", greedy), player_from_spec(address), player_from_spec(RULE)]
        rational = player_from_spec("scripted:rational")
        plays = run_suite(suite, players, baselines=[rational], folder=out)
        web.shutdown()
    card = score_plays(suite, plays, baselines=[rational.name])
    console = Console(width=140)
    for table in scorecard_tables(card, width=console.width):
        console.print(table)
    served, known = (card.measures[player.name] for player in players[1:])
    same = sum(a.value == b.value for a, b in zip(served, known, strict=True) if a.count and b.count)
    print(f"over HTTP as in this process: {same} of {sum(m.count > 0 for m in known)} figures")

    pictures = scorecard_pictures(card)
    for group, content in pictures.items():
        (out / f"{group.replace(' ', '-')}.png").write_bytes(content)
    records = kept_records(out, suite)
    page = rationality_page(card, records, manifest=read_manifest(out), pictures=pictures)
    (out / "report.html").write_text(page, encoding="utf-8")
    print("files:", ", ".join(sorted(path.name for path in out.iterdir())))


if __name__ == "__main__":
    main()
