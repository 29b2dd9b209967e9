"""``counterplay rationality`` from end to end: rules, and models behind a server on this machine."""

import io
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest
from rich.console import Console
from typer.testing import CliRunner

from games.errors import FileFormatError, UnknownNameError
from games.registry import Registry
from games.text import Aspect
from games.text.answer_form import action_line, belief_line
from marl.players import player_from_spec
from solvers.cli import rationality as command
from solvers.cli.main import app
from solvers.rationality.plays_file import read_plays
from solvers.rationality.run import MANIFEST, PLAYS, kept_records, run_suite
from solvers.rationality.scenarios import Measure
from solvers.rationality.scorecard import Scorecard, score_plays
from solvers.rationality.suites.injection import injection
from solvers.report.rationality import short_names
from solvers.report.rationality_tables import scorecard_tables
from tests.marl.players.misbehaving import PlayingServer, line, nonce_of
from tests.solvers.rationality.small import SmallSuite

CANARY = "canary-0123456789-abcdef"
PRICE = ("--price", "1,2")


class Copied:
    """Plays as a rule does, and writes down the line that answers each question, by the question's nonce."""

    def __init__(self, spec):
        self._rule = player_from_spec(spec)
        self.name = f"copied {spec}"
        self.lines = {}

    async def decide(self, question):
        decision = await self._rule.decide(question)
        belief = question.aspect is Aspect.BELIEF
        said = belief_line(question, decision.belief) if belief else action_line(question, decision.action)
        assert self.lines.setdefault(question.nonce, said) == said
        return decision


@pytest.fixture(scope="module")
def rule():
    """What the rule level2 says to each question of a suite."""
    copied = Copied("scripted:level2")
    run_suite(injection(), [copied])
    run_suite(SmallSuite(), [copied])
    return copied


def illegal_at_times(body):
    """Heads, or an answer that is none: every third question, however often it is put."""
    return line(body, "heads" if int(nonce_of(body), 16) % 3 else "edge")


@pytest.fixture
def server(rule):
    def slowly(body):
        time.sleep(0.004)
        return rule.lines[nonce_of(body)]

    minds = {"rule": lambda body: rule.lines[nonce_of(body)], "slowly": slowly, "fumbling": illegal_at_times}
    with PlayingServer(minds) as playing:
        yield playing


@pytest.fixture
def small(monkeypatch):
    suites = Registry("suite")
    suites.add("small", "tests.solvers.rationality.small:SmallSuite", "two scenarios")
    monkeypatch.setattr(command, "SUITES", suites)


def run(*arguments, columns=160, **environment):
    words = ["rationality", *map(str, arguments)]
    return CliRunner().invoke(app, words, env={"COLUMNS": str(columns), **environment})


def said(done):
    """All that was printed, on one line."""
    return " ".join(done.output.split())


def figures(folder, suite, player):
    """All figures of one player in a kept run, by heading and name."""
    plays = [r.play for r in kept_records(folder, suite) if player in r.play.player]
    (measures,) = score_plays(suite, plays).measures.values()
    assert measures
    return measures


def lines(folder):
    return sorted((folder / PLAYS).read_text().splitlines())


def test_a_served_rule_gets_the_figures_of_the_rule_and_is_asked_once(server, tmp_path):
    words = "run", "injection", "--player", f"{server.url}#rule", "--out", tmp_path / "model"
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert "questions per player" in done.output
    asked = server.calls["rule"]
    assert asked > 50
    known = run("run", "injection", "--player", "scripted:level2", "--out", tmp_path / "known")
    assert known.exit_code == 0, known.output
    assert "questions per player" not in known.output  # nobody reads
    assert not (tmp_path / "known" / command.ANSWERS).exists()
    suite = injection()
    of_model, of_rule = (
        figures(tmp_path / folder, suite, name) for folder, name in (("model", "rule"), ("known", "level2"))
    )
    assert of_model == of_rule
    before = lines(tmp_path / "model")
    assert run(*words).exit_code == 0
    (tmp_path / "model" / PLAYS).unlink()  # its answers are there still
    assert run(*words).exit_code == 0
    assert lines(tmp_path / "model") == before
    assert server.calls["rule"] == asked
    shown = run("status", tmp_path / "model", *PRICE)
    assert shown.exit_code == 0, shown.output
    row = next(words.split() for words in shown.output.splitlines() if " rule " in words)
    assert row[1] == row[2]
    assert row[3] == str(asked)
    texts = [
        reply["tokens"]
        for record in read_plays(tmp_path / "model" / PLAYS).values()
        for entry in record.transcript
        for reply in entry["replies"]
    ]
    read, written = (sum(column) for column in zip(*texts, strict=True))
    assert [row[4], row[5]] == [f"{read:,}", f"{written:,}"]
    assert float(row[6]) == pytest.approx((read + 2 * written) / 1e6, rel=1e-3)


def test_estimate_asks_nothing_and_leaves_nothing(server, tmp_path):
    folder = tmp_path / "none"
    words = "run", "injection", "--player", f"{server.url}#rule", "--out", folder, "--estimate"
    done = run(*words, *PRICE)
    assert done.exit_code == 0, done.output
    assert re.search(r"1 language model\(s\) may cost [\d.e-]+, at the worst [\d.e-]+", said(done))
    assert re.search(r"\d+ questions per player", said(done))
    assert not server.calls
    assert not folder.exists()


@pytest.mark.usefixtures("small")
def test_an_estimate_counts_whom_a_player_meets(server):
    words = "run", "small", "--player", f"{server.url}#rule"
    for met, questions in ((("--player", "scripted:level1"), 5), ((), 5)):  # alone it meets itself
        assert f"{questions} questions per player" in said(run(*words, *met, "--estimate"))
        server.calls.clear()
        assert run(*words, *met).exit_code == 0
        assert server.calls["rule"] == questions
    met = "--player", "scripted:level1", "--player", "scripted:uniform"
    assert "7 questions per player" in said(run(*words, *met, "--estimate"))


@pytest.mark.usefixtures("small")
def test_a_budget_that_is_too_small_is_told_and_a_larger_one_goes_on(server, tmp_path):
    words = "run", "small", "--player", f"{server.url}#rule", *PRICE, "--concurrency", 1, "--out", tmp_path
    done = run(*words, "--budget", 0.0035, "--max-tokens", 500)
    assert done.exit_code == 1, done.output
    assert re.search(r"in [12] of 2 plays .* the budget .* failed", said(done))
    assert "the same command plays them again" in said(done)
    asked = server.calls["rule"]
    assert 0 < asked < 5
    spent = float(re.search(r"spent ([\d.e-]+) of 0.0035", said(done))[1])
    assert 0 < spent < 0.0035
    assert "budget" in run("status", tmp_path).output
    assert any("BUDGET" in text for text in lines(tmp_path))
    done = run(*words, "--budget", 1, "--max-tokens", 500)
    assert done.exit_code == 0, done.output
    assert server.calls["rule"] == 5  # what was answered is not asked again
    assert "budget" not in run("status", tmp_path).output
    assert all(record.complete for record in kept_records(tmp_path, SmallSuite()))
    shown = run("run", "small", "--player", "scripted:level2", "--budget", 1)
    assert "--price" in str(shown.exception)


MAIN = [sys.executable, "-c", "from solvers.cli.main import main; main()", "rationality"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_broken_off_runs_end_like_whole_ones(server, tmp_path, number, code):
    words = ["run", "injection", "--no-baselines", "--concurrency", "3", "--player", f"{server.url}#slowly"]
    folder = tmp_path / "broken"
    process = subprocess.Popen(
        [*MAIN, *words, "--out", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while server.calls["slowly"] < 25 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    if number == signal.SIGINT:
        assert f"{folder / PLAYS} resumes the run" in " ".join(err.split())
    at_first = server.calls["slowly"]
    kept = len(read_plays(folder / PLAYS))
    whole = run(*words, "--out", tmp_path / "whole")
    assert whole.exit_code == 0, whole.output
    count = server.calls["slowly"] - at_first
    assert 0 < kept < len(read_plays(tmp_path / "whole" / PLAYS))
    unfinished = run("report", folder)
    assert unfinished.exit_code == 0, unfinished.output
    assert "plays have not ended yet" in said(unfinished)
    assert run(*words, "--out", folder).exit_code == 0
    assert lines(folder) == lines(tmp_path / "whole")
    # What was answered was kept; only the questions under way when the process died are asked again.
    again = server.calls["slowly"] - count - count
    assert 0 <= again <= 3


@pytest.mark.usefixtures("small")
def test_spoilt_and_missing_folders_are_named(server, tmp_path):
    with pytest.raises(FileNotFoundError):
        raise run("report", tmp_path / "nowhere").exception
    assert run("run", "small", "--player", f"{server.url}#rule", "--out", tmp_path).exit_code == 0
    path, header = tmp_path / PLAYS, (tmp_path / PLAYS).read_text().splitlines()[0]
    whole = path.read_text()
    path.write_text(header + "\n")
    assert "no play that has ended" in str(run("report", tmp_path).exception)
    assert run("status", tmp_path).exit_code == 0
    for old, new, where in (
        ('"options":["heads"', '"options":[3', "line"),
        ('"detail":', '"details":', "transcript"),
        ('"tokens":[', '"tokens":["x",', "transcript"),
        ('"system":', '"sys":', "transcript"),
    ):
        assert old in whole
        path.write_text(whole.replace(old, new))
        for words in (("report", tmp_path), ("status", tmp_path)):
            done = run(*words)
            assert isinstance(done.exception, FileFormatError), (words, old, done.output)
            assert where in str(done.exception)
    path.write_text(whole)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    for change in ({"variants": 3}, {"replicates": "x"}, {"players": None}, {"variants": [{"name": "p"}]}):
        (tmp_path / MANIFEST).write_text(json.dumps(manifest | change))
        for words in (("report", tmp_path), ("status", tmp_path)):
            assert isinstance(run(*words).exception, FileFormatError), change
    (tmp_path / MANIFEST).write_text(json.dumps(manifest | {"suite": "smal"}))
    assert "did you mean 'small'" in str(run("report", tmp_path).exception)
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    (tmp_path / command.ANSWERS).write_bytes(b"no database, but long enough to be looked at" * 99)
    done = run("run", "small", "--player", f"{server.url}#rule", "--out", tmp_path)
    assert isinstance(done.exception, FileFormatError)


def test_errors_are_one_line_and_code_two(tmp_path):
    (tmp_path / MANIFEST).write_text("[]")
    done = subprocess.run([*MAIN, "report", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_names_that_are_not_there_have_near_ones(tmp_path):
    out = "--out", tmp_path / "made"
    for words, near in (
        (("fan2023", "--player", "scripted:level2"), "did you mean 'fan2024'"),
        (("injection", "--player", "scripted:levle2"), "did you mean 'level'"),
        (("injection", "--player", "opneai:m"), "did you mean 'openai'"),
    ):
        done = run("run", *words, *out)
        assert isinstance(done.exception, UnknownNameError)
        assert near in str(done.exception)
    key = "sk-0123456789abcdefghij"
    done = run("run", "injection", "--player", f"openai:{key}", *out)
    assert "a spec must hold no key" in str(done.exception)
    assert key not in done.output + str(done.exception)
    for words in (("--price", "a"), ("--replicates", 0), ("--temperature", -1), ("--concurrency", 0)):
        done = run("run", "injection", "--player", "http://127.0.0.1:9/v1#m", *words, *out)
        assert isinstance(done.exception, ValueError), words


@pytest.mark.usefixtures("small")
def test_no_file_of_a_run_holds_the_key(server, tmp_path):
    for model in ("tells-key", "refused-key"):
        words = "--player", f"{server.url}#{model}", "--key-variable", "CANARY_KEY", "--reasks", 0
        done = run("run", "small", *words, "--out", tmp_path / model, CANARY_KEY=CANARY)
        assert done.exit_code == (1 if model == "refused-key" else 0), done.output
        assert any(CANARY in head for head in server.heads)
        assert CANARY not in done.output
        found = [path for path in (tmp_path / model).rglob("*") if path.is_file()]
        assert {PLAYS, MANIFEST, command.ANSWERS, command.PAGE} <= {path.name for path in found}
        for path in found:
            assert CANARY.encode() not in path.read_bytes(), path
    with sqlite3.connect(tmp_path / "tells-key" / command.ANSWERS) as answers:
        kept = str(answers.execute("SELECT * FROM answers").fetchall())
    answers.close()
    assert "your key is" in kept  # so there was something to strike out
    unset = run("run", "small", "--player", f"{server.url}#rule", "--key-variable", "NO_SUCH_KEY")
    assert "NO_SUCH_KEY" in said(unset) + str(unset.exception)


@pytest.mark.usefixtures("small")
def test_handling_says_what_missing_answers_count_as(server, tmp_path):
    words = "run", "small", "--player", f"{server.url}#fumbling", "--reasks", 1, "--replicates", 12
    done = run(*words, "--out", tmp_path)
    assert done.exit_code == 0, done.output  # that is the player's own failure
    assert re.search(r"fumbling: no answer to \d+ illegal", said(done))
    rates = {}
    for handling in ("substituted", "forfeited", "excluded"):
        shown = run("report", tmp_path, "--handling", handling).output
        row = next(text for text in shown.splitlines() if text.startswith("  guessed"))
        rates[handling] = float(row.split()[1])
        assert f"count as {handling}" in (tmp_path / command.PAGE).read_text()
    assert rates["forfeited"] < rates["substituted"] < rates["excluded"]


@pytest.mark.usefixtures("small")
def test_variants_are_what_the_options_say(tmp_path):
    counts = "--orders", 2, "--names", 1, "--phrasings", 1
    options = *counts, "--language", "de", "--framing", "business"
    words = "run", "small", "--player", "scripted:uniform", "--out", tmp_path
    assert run(*words, *options, "--persona", "a banker", "--reasoning", "answer-only").exit_code == 0
    variants = json.loads((tmp_path / MANIFEST).read_text())["variants"]
    names = [variant["name"] for variant in variants]
    assert names == [
        "plain",
        "phrasing 1",
        "language de",
        "framing business",
        "persona a banker",
        "order 0",
        "order 1",
        "names 0",
    ]
    assert {variant["wording"]["reasoning"] for variant in variants} == {"answer-only"}
    assert len(kept_records(tmp_path, SmallSuite())) == 2 * len(variants)
    assert run(*words, "--language", "xx").exit_code == 2


class Page(HTMLParser):
    """Checks that what is opened is closed, in order, and keeps what could reach out."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.links, self.seen = [], set(), [], []
        self.names = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "action", "srcset")]
        self.names |= {value for name, value in attrs if name == "id"}
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.seen.append(data)


def test_the_page_is_whole_and_reaches_for_nothing(server, tmp_path):
    words = "run", "injection", "--player", f"{server.url}#rule", "--player", "scripted:level1"
    assert run(*words, "--out", tmp_path).exit_code == 0
    page = Page()
    page.feed((tmp_path / command.PAGE).read_text())
    page.close()
    assert page.open == []
    assert not page.tags & {"script", "link", "iframe", "object", "form"}
    pictures = [link for link in page.links if link.startswith("data:image/png;base64,")]
    assert [link for link in page.links if not link.startswith("#g")] == pictures
    assert {link[1:] for link in page.links if link.startswith("#")} == page.names
    assert len(pictures) == len(list(tmp_path.glob("*.png"))) > 0
    shown = "".join(page.seen)
    assert "What was said" in shown
    assert server.url in shown  # the whole name, once
    assert "url(" not in (tmp_path / command.PAGE).read_text()


def test_tables_fit_and_tell_players_apart():
    names = [f"http://h{k}:80/v1 some-quite-long-model-name FIRST temperature=1 reasks=2" for k in range(9)]
    short = short_names([*names, "scripted:level2", "temperature=1", "", "a\x1b[31m"])
    assert len(set(short.values())) == len(short)
    assert all(len(label) <= 28 and label.isprintable() and label for label in short.values())
    assert short["scripted:level2"] == "level2"
    wild = Measure("a measure with a long name", 1e9, -1e12, 1e12, 5, chance=0.5, group="g")
    card = Scorecard("s", {name: (wild,) for name in names}, tuple(names[5:]))
    for width in (100, 160, 400):
        console = Console(width=width, record=True, file=io.StringIO())
        tables = list(scorecard_tables(card, width=width))
        for table in tables:
            console.print(table)
        text = console.export_text()
        assert all(label in text for label in short_names(names).values())
        assert text.count("1.0e+09") == len(names)
        assert "…" not in text
        assert len(tables) > (width < 300)
        assert max(map(len, text.splitlines())) <= width


def test_without_a_sub_command_help_is_shown():
    done = run()
    for word in ("run", "report", "status", "How rational a player is"):
        assert word in done.output
