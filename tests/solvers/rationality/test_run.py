"""A run: common luck, records that survive anything, and what failures count as."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from games.errors import FileFormatError
from games.text.decisions import Attempt, Decision, Outcome, Reading
from games.text.questions import Aspect, Framing, Language, Reasoning, Wording
from games.text.relabelling import Naming
from games.text.situations import MatrixSituation
from solvers.rationality.cells import Cell, cells_of, seatings
from solvers.rationality.handling import Handling, failures, handled, legality
from solvers.rationality.plays_file import PlaysFile, Record, read_plays
from solvers.rationality.run import MANIFEST, PLAYS, read_manifest, run_suite
from solvers.rationality.scenarios import Play
from solvers.rationality.table import Guarded, PlayTable
from solvers.rationality.variants import Variant, one_at_a_time
from tests.solvers.rationality.small import HUNT, Drawing, Failing, Guessing, Labelled, SmallSuite

GUESSING = SmallSuite((Guessing(4),))


@dataclass(frozen=True)
class Named:
    """A scenario under another name."""

    inside: Guessing
    name: str
    seats: int = 1

    async def play(self, table, rng):
        return await self.inside.play(table, rng)


def lines(folder: Path) -> list[str]:
    """All records of a run, in an order that does not depend on which ended first."""
    return sorted((folder / PLAYS).read_text().splitlines())


def test_luck_is_common_to_players_and_variants():
    variants = (Variant(), Variant("relabelled", relabelling=3))
    plays = run_suite(GUESSING, [Drawing("a"), Drawing("b")], variants=variants, replicates=3)
    coins = {}
    for play in plays:
        coins.setdefault(play.replicate, set()).add(tuple(row.facts["coin"] for row in play.rows))
    assert all(len(found) == 1 for found in coins.values())
    assert len(set.union(*coins.values())) > 1  # replicates differ


def test_result_is_the_same_whatever_the_concurrency_and_order():
    players = [Drawing("slow", 0.001), Drawing("fast")]
    one = run_suite(SmallSuite(), players, replicates=4, concurrency=1)
    assert one == run_suite(SmallSuite(), players, replicates=4, concurrency=50)
    assert one != run_suite(SmallSuite(), players, replicates=4, seed=1)


def test_seats_rotate_among_distinct_players():
    assert seatings(["a", "b", "c"], 1) == [("a",), ("b",), ("c",)]
    assert len(seatings(["a", "b", "c"], 2)) == 6
    assert seatings(["a"], 2) == [("a", "a")]
    met = {
        p.seating for p in run_suite(SmallSuite(), [Drawing("a"), Drawing("b")]) if p.scenario == "hunting"
    }
    assert met == {("a", "b"), ("b", "a")}


def test_second_run_asks_nothing(tmp_path):
    player = Drawing("a")
    first = run_suite(GUESSING, [player], replicates=3, folder=tmp_path)
    asked = player.asked
    assert run_suite(GUESSING, [player], replicates=3, folder=tmp_path) == first
    assert player.asked == asked
    assert len(run_suite(GUESSING, [player], replicates=5, folder=tmp_path)) == 5
    assert player.asked == asked + 2 * 4
    assert (tmp_path / PLAYS).stat().st_mode & 0o777 == 0o600


def test_manifest_says_what_was_asked(tmp_path):
    run_suite(GUESSING, [Drawing("a")], folder=tmp_path, seed=7)
    manifest = read_manifest(tmp_path)
    assert (manifest["suite"], manifest["players"], manifest["seed"]) == ("small", ["a"], 7)
    (tmp_path / MANIFEST).write_text("[]")
    with pytest.raises(FileFormatError, match=MANIFEST):
        read_manifest(tmp_path)


def test_plays_in_which_the_world_failed_are_played_again(tmp_path):
    for outcome in (Outcome.TRANSPORT, Outcome.TIMEOUT, Outcome.BUDGET, Outcome.REJECTED, Outcome.ERROR):
        folder = tmp_path / outcome.name
        broken = Failing(outcome)
        (play,) = run_suite(GUESSING, [broken], folder=folder)
        assert all(row.substituted and row.outcome == outcome.name for row in play.rows)
        (again,) = run_suite(GUESSING, [Failing(Outcome.ANSWERED)], folder=folder)
        assert not any(row.substituted for row in again.rows)
        assert [r.play for r in read_plays(folder / PLAYS).values()] == [again]


def test_plays_in_which_the_player_failed_are_not_played_again(tmp_path):
    for outcome in (Outcome.ILLEGAL, Outcome.REFUSAL, Outcome.UNREADABLE, Outcome.AMBIGUOUS, Outcome.EMPTY):
        folder = tmp_path / outcome.name
        player = Failing(outcome)
        first = run_suite(GUESSING, [player], folder=folder)
        assert run_suite(GUESSING, [player], folder=folder) == first
        assert player.asked == 4


def test_a_torn_last_line_is_dropped_and_its_cell_played_again(tmp_path):
    run_suite(GUESSING, [Drawing("a")], replicates=3, folder=tmp_path / "whole")
    run_suite(GUESSING, [Drawing("a")], replicates=3, folder=tmp_path / "torn", concurrency=1)
    path = tmp_path / "torn" / PLAYS
    content = path.read_bytes()
    for cut in (1, 20, len(content.splitlines()[-1]) - 1, len(content.splitlines()[-1]) + 1):
        path.write_bytes(content[:-cut])
        assert len(read_plays(path)) == 2
        run_suite(GUESSING, [Drawing("a")], replicates=3, folder=tmp_path / "torn")
        assert lines(tmp_path / "torn") == lines(tmp_path / "whole")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["rows"][0].update(action=9),
        lambda d: d["rows"][0].update(action=-1),
        lambda d: d["rows"][0].update(outcome="FINE"),
        lambda d: d["rows"][0].update(options="ab"),
        lambda d: d.update(rows=None),
        lambda d: d.update(seating=[]),
        lambda d: d.pop("cell"),
    ],
)
def test_spoilt_files_are_refused_by_line(tmp_path, change):
    run_suite(GUESSING, [Drawing("a")], replicates=2, folder=tmp_path)
    path = tmp_path / PLAYS
    header, first, second = path.read_text().splitlines()
    data = json.loads(first)
    change(data)
    path.write_text("\n".join([header, json.dumps(data), second]) + "\n")
    with pytest.raises(FileFormatError, match="line 2"):
        run_suite(GUESSING, [Drawing("a")], replicates=2, folder=tmp_path)
    path.write_text('{"format": "other"}\n')
    with pytest.raises(FileFormatError, match="not a file of plays"):
        read_plays(path)


def test_one_writer_at_a_time(tmp_path):
    with PlaysFile(tmp_path / PLAYS), pytest.raises(BlockingIOError, match="another run"):
        run_suite(GUESSING, [Drawing("a")], folder=tmp_path)


_SLOW_RUN = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("small", sys.argv[1])
small = module_from_spec(spec)
sys.modules["small"] = small
spec.loader.exec_module(small)
from solvers.rationality.run import run_suite
run_suite(small.SmallSuite(), [small.Drawing("a", 0.01), small.Drawing("b", 0.01)],
          replicates=12, folder=sys.argv[2], concurrency=3)
"""


def test_killed_runs_end_as_if_nothing_had_happened(tmp_path):
    small = Path(__file__).with_name("small.py")
    run_suite(SmallSuite(), [Drawing("a"), Drawing("b")], replicates=12, folder=tmp_path / "whole")
    folder = tmp_path / "killed"
    rng = np.random.default_rng(0)
    kept = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", _SLOW_RUN, str(small), str(folder)])
        path = folder / PLAYS
        wanted = kept + int(rng.integers(1, 8))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if path.exists() and path.read_bytes().count(b"\n") - 1 >= wanted:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before, kept = kept, len(read_plays(path))
        assert kept >= max(before, wanted)
    run_suite(SmallSuite(), [Drawing("a"), Drawing("b")], replicates=12, folder=folder)
    assert lines(folder) == lines(tmp_path / "whole")


def test_missing_answers_are_marked_random_actions_and_counted_each_way():
    (play,) = run_suite(GUESSING, [Failing(Outcome.ANSWERED, Outcome.ILLEGAL)])
    assert [row.substituted for row in play.rows] == [False, True, False, True]
    assert handled([play], Handling.SUBSTITUTED) == [play]
    assert handled([play], Handling.EXCLUDED) == []
    (forfeited,) = handled([play], Handling.FORFEITED)
    for row, original in zip(forfeited.rows, play.rows, strict=True):
        worst = int(np.argmin(row.facts["utilities"]))
        assert row.action == (worst if original.substituted else original.action)
    first, final = legality([play], rng=np.random.default_rng(0))
    assert first.value == final.value == 0.5
    assert failures([play]) == {"ILLEGAL": 2}


def test_substitutes_are_uniform_and_repeat():
    plays = run_suite(GUESSING, [Failing(Outcome.ILLEGAL)], replicates=100)
    taken = [row.action for play in plays for row in play.rows]
    assert abs(np.mean(taken) - 0.5) < 4 * 0.5 / np.sqrt(len(taken))
    assert plays == run_suite(GUESSING, [Failing(Outcome.ILLEGAL)], replicates=100, concurrency=1)


def test_a_player_that_is_always_refused_is_not_asked_for_ever():
    player = Failing(Outcome.REJECTED)
    plays = run_suite(GUESSING, [player], replicates=20, concurrency=1)
    assert player.asked == 5 + 6  # of 80; it is tried again after 1, 2, 4, 8, 16 and 32 more
    assert all(row.outcome == "REJECTED" for play in plays for row in play.rows)
    patient = Failing(Outcome.REJECTED, Outcome.ANSWERED)
    run_suite(GUESSING, [patient], replicates=20, concurrency=1)
    assert patient.asked == 80
    with pytest.raises(ValueError, match="patience"):
        Guarded(player, patience=0)


class Short(Failing):
    """Its server takes no long prompts."""

    async def decide(self, question):
        if question.situation.rounds == 1:
            self.asked += 1
            return Decision.of((Attempt(Reading(Outcome.REJECTED)),))
        return Decision(action=0)


@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_player_that_is_refused_some_questions_is_asked_the_others(tmp_path, concurrency):
    """Refusals of some questions in a row are no closed account: the run would never get behind them."""
    suite = SmallSuite((*(Named(Guessing(1), f"long {k}") for k in range(10)), Guessing(4), Guessing(5)))
    for _ in range(3):
        plays = run_suite(suite, [Short()], replicates=5, folder=tmp_path, concurrency=concurrency)
    outcomes = {row.outcome for play in plays if "long" not in play.scenario for row in play.rows}
    assert outcomes == {"ANSWERED"}


def test_transcripts_are_in_the_order_of_the_questions_however_the_answers_come():
    class Backwards(Failing):
        async def decide(self, question):
            self.asked += 1
            await asyncio.sleep(0.01 * (4 - self.asked))
            reading = Reading(Outcome.ANSWERED, action=0)
            return Decision.of((Attempt(reading, "reply", 10, 2),))

    async def ask_all():
        table = PlayTable(Cell("small", "hunting", Variant(), 0, ("x",), 0), [Backwards()])
        await asyncio.gather(*(table.ask(0, MatrixSituation(HUNT, 0)) for _ in range(3)))
        return table.transcript

    assert [entry["step"] for entry in asyncio.run(ask_all())] == [0, 1, 2]


def test_relabelling_is_undone_before_the_scenario_sees_the_answer():
    cell = Cell("small", "hunting", Variant("labels", relabelling=5), 0, ("x",), 0)

    async def ask(player: Labelled, seed: int):
        table = PlayTable(replace(cell, variant=Variant("labels", relabelling=seed)), [player])
        return await table.ask(0, MatrixSituation(HUNT, 0))

    orders = set()
    for seed in range(12):
        player = Labelled(0)
        answer = asyncio.run(ask(player, seed))
        orders.add(answer.action)
        assert answer.decision.action == answer.action
    assert orders == {0, 1}  # what is shown first is sometimes the one, sometimes the other


def test_keys_depend_on_what_is_played_and_not_on_the_name_of_the_variant():
    base = Cell("s", "x", Variant(), 0, ("a",), 0)
    assert replace(base, variant=Variant("other name")).key == base.key
    others = [
        replace(base, suite="t"),
        replace(base, scenario="y"),
        replace(base, variant=Variant(wording=Wording(phrasing=1))),
        replace(base, variant=Variant(relabelling=0)),
        replace(base, variant=Variant(relabelling=0, naming=Naming.LETTERS)),
        replace(base, replicate=1),
        replace(base, seating=("b",)),
        replace(base, seed=1),
        replace(base, content="other games"),
    ]
    assert len({base.key, *(cell.key for cell in others)}) == len(others) + 1
    assert len({base.question_seed(seat, count) for seat in range(3) for count in range(3)}) == 9
    assert replace(base, seating=("b",)).question_seed(0, 0) == base.question_seed(0, 0)


def test_cells_come_replicate_by_replicate():
    cells = cells_of("s", [Guessing(1), Guessing(2)], ["a"], variants=[Variant()], replicates=2, seed=0)
    assert [(c.replicate, c.scenario) for c in cells] == [
        (0, "guessing(1)"),
        (0, "guessing(2)"),
        (1, "guessing(1)"),
        (1, "guessing(2)"),
    ]


def test_variants_change_one_trait_each():
    found = one_at_a_time(phrasings=range(3), personas=["a banker"], orders=1, names=1)
    assert [v.name for v in found] == [
        "plain",
        "phrasing 1",
        "phrasing 2",
        "persona a banker",
        "order 0",
        "names 0",
    ]
    with pytest.raises(ValueError, match="relabelling"):
        Variant("x", relabelling=-1)


def test_variants_are_rebuilt_from_a_file():
    wording = Wording(3, Language.FRENCH, Framing.BUSINESS, "a banker", Reasoning.ANSWER_ONLY, "$")
    for variant in (Variant(), Variant("x", wording, 7, Naming.SYMBOLS)):
        assert Variant.of(variant.name, json.loads(json.dumps(variant.traits()))) == variant


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="players"):
        run_suite(GUESSING, [])
    with pytest.raises(ValueError, match=r"players.*'a' twice"):
        run_suite(GUESSING, [Drawing("a"), Drawing("a")])
    with pytest.raises(ValueError, match="variants"):
        run_suite(GUESSING, [Drawing("a")], variants=[Variant(), Variant()])
    for name in ("replicates", "seed", "concurrency"):
        with pytest.raises(ValueError, match=name):
            run_suite(GUESSING, [Drawing("a")], **{name: -1})


def test_errors_of_players_stop_the_run_and_keep_what_ended(tmp_path):
    class Broken(Drawing):
        async def decide(self, question):
            if self.asked == 6:
                raise KeyError("bug")
            return await super().decide(question)

    with pytest.raises(KeyError, match="bug"):
        run_suite(GUESSING, [Broken("a")], replicates=5, folder=tmp_path, concurrency=1)
    assert len(read_plays(tmp_path / PLAYS)) == 1
    assert len(run_suite(GUESSING, [Drawing("a")], replicates=5, folder=tmp_path)) == 5


def test_records_survive_the_file(tmp_path):
    cell = Cell("s", "x", Variant(), 2, ("a", "ü\n"), 0)
    (play,) = run_suite(GUESSING, [Drawing("a")])
    row = replace(play.rows[0], aspect=Aspect.BELIEF, action=None, belief=(0.1, 0.9))
    record = Record.of(cell, [row, *play.rows], [{"step": 0, "text": " \ud7ff\r"}])
    with PlaysFile(tmp_path / PLAYS) as file:
        file.append(record)
    assert read_plays(tmp_path / PLAYS) == {cell.key: record}
    assert isinstance(record.play, Play)
    assert os.stat(tmp_path / PLAYS).st_size > 0
