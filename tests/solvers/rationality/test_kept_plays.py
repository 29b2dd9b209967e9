"""What a kept play stands for: whether it may be taken again, whatever a player said in it."""

import asyncio
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from games.normal_form.game import NormalFormGame
from games.text.decisions import Attempt, Decision, Outcome, Reading
from games.text.questions import Aspect
from games.text.situations import MatrixSituation
from marl.players import player_from_spec
from solvers.rationality.plays_file import PlaysFile, read_plays
from solvers.rationality.run import PLAYS, kept_records, run_suite
from solvers.rationality.scenarios import Row
from solvers.rationality.suites.fan2024 import fan2024
from solvers.rationality.suites.ordinal import ordinal2x2
from solvers.rationality.variants import Variant, one_at_a_time
from tests.solvers.rationality.small import HUNT, PENNIES, Drawing, Guessing, SmallSuite

GUESSING = SmallSuite((Guessing(2),))


@dataclass(frozen=True)
class Once:
    """One question, about a game that the name does not tell."""

    game: NormalFormGame = HUNT
    facts: object = None
    name: str = "once"
    seats: int = 1

    async def play(self, table, rng):
        situation = MatrixSituation(self.game)
        answer = await table.ask(0, situation)
        facts = {"paid": self.game.payoffs[0][answer.action].tolist()} if self.facts is None else self.facts
        return [Row.of(0, 0, answer, situation.options, facts)]


def test_another_game_under_the_same_name_is_played_anew(tmp_path):
    player = Drawing("a")
    run_suite(SmallSuite((Once(HUNT),)), [player], folder=tmp_path)
    (play,) = run_suite(SmallSuite((Once(PENNIES),)), [player], folder=tmp_path)
    assert play.rows[0].facts["paid"] in PENNIES.payoffs[0].tolist()
    assert player.asked == 2
    run_suite(
        SmallSuite((Once(NormalFormGame(HUNT.payoffs, HUNT.actions, name="hunt")),)),
        [player],
        folder=tmp_path,
    )
    assert player.asked == 2  # an equal game is the same, whichever object it is


class Counted:
    """Counts what a player is asked."""

    def __init__(self, player):
        self.name = player.name
        self.player = player
        self.asked = 0

    async def decide(self, question):
        self.asked += 1
        return await self.player.decide(question)


def test_a_suite_of_another_seed_takes_no_plays_of_the_first(tmp_path):
    settings = {"menus": 1, "sizes": (2,), "rounds": 2, "rings": 2, "ring_pairs": 1}
    one, two = (fan2024(seed=seed, **settings) for seed in (1, 2))
    assert {scenario.name for scenario in one.scenarios} & {scenario.name for scenario in two.scenarios}
    player = Counted(player_from_spec("scripted:uniform"))
    run_suite(one, [player], folder=tmp_path)
    kept = run_suite(two, [player], folder=tmp_path)
    assert kept == run_suite(two, [player])
    asked = player.asked
    assert run_suite(fan2024(seed=2, **settings), [player], folder=tmp_path) == kept
    assert player.asked == asked  # built again, it is the same


def test_a_run_that_was_taken_up_gives_the_plays_of_one_that_was_not(tmp_path):
    suite = ordinal2x2()
    suite = replace(suite, scenarios=suite.scenarios[:3])
    fresh = run_suite(suite, [Drawing("a")], folder=tmp_path)
    assert run_suite(suite, [Drawing("a")], folder=tmp_path) == fresh
    assert run_suite(suite, [Drawing("a")]) == fresh


def test_a_renamed_variant_keeps_its_plays_under_its_new_name(tmp_path):
    player = Drawing("a")
    run_suite(GUESSING, [player], variants=[Variant("old")], folder=tmp_path)
    asked = player.asked
    (play,) = run_suite(GUESSING, [player], variants=[Variant("new")], folder=tmp_path)
    assert (play.variant, player.asked) == ("new", asked)


def test_names_that_stand_for_the_same_are_refused():
    with pytest.raises(ValueError, match=r"variants.*'a' and 'b'"):
        run_suite(GUESSING, [Drawing("x")], variants=[Variant("a"), Variant("b")])
    with pytest.raises(ValueError, match=r"suite\.scenarios.*'once' twice"):
        run_suite(SmallSuite((Once(HUNT), Once(PENNIES))), [Drawing("x")])


def test_a_report_is_about_the_last_run_only(tmp_path):
    variants = one_at_a_time(orders=1, names=1)
    run_suite(GUESSING, [Drawing("a"), Drawing("b")], replicates=3, seed=1, folder=tmp_path)
    plays = run_suite(
        GUESSING, [Drawing("a")], baselines=[Drawing("c")], variants=variants, seed=2, folder=tmp_path
    )
    assert [record.play for record in kept_records(tmp_path, GUESSING)] == plays
    lines = (tmp_path / PLAYS).read_text().splitlines()
    (tmp_path / PLAYS).write_text("\n".join(lines[:-2]) + "\n")
    assert len(kept_records(tmp_path, GUESSING)) == len(plays) - 2  # it need not have ended


class Saying:
    """Answers, and says a text."""

    name = "saying"

    def __init__(self, text):
        self.text = text

    async def decide(self, question):
        reading = Reading(Outcome.ANSWERED, 0)
        return Decision.of((Attempt(reading, self.text),))


def test_texts_that_are_no_text_are_kept(tmp_path):
    text = "a\ud800b\udcff\x00\x1b[31m\u2028\r\n\U0001f600"
    (play,) = run_suite(SmallSuite((Once(),)), [Saying(text)], folder=tmp_path)
    (record,) = read_plays(tmp_path / PLAYS).values()
    assert record.play == play
    assert record.transcript[0]["replies"][0]["text"] == text
    json.loads((tmp_path / PLAYS).read_bytes().splitlines()[1].decode())


def test_huge_replies_leave_a_file_that_can_be_read(tmp_path):
    text = f"begin{'x' * 10_000_000}end"
    run_suite(SmallSuite((Once(),)), [Saying(text)], replicates=3, folder=tmp_path)
    assert (tmp_path / PLAYS).stat().st_size < 3_000_000
    for record in read_plays(tmp_path / PLAYS).values():
        (reply,) = record.transcript[0]["replies"]
        assert reply["text"].startswith("beginx")
        assert reply["text"].endswith("xend")
        assert "9,8" in reply["text"]  # how much is left out


@pytest.mark.parametrize(
    "value", [np.int64(1), np.float32(1), np.arange(2), float("nan"), float("inf"), {1, 2}, b"x", {1: "a"}]
)
@pytest.mark.parametrize("kept", [False, True])
def test_facts_that_no_file_keeps_are_named(tmp_path, value, kept):
    suite = SmallSuite((Once(facts={"fine": [1, None, "x", {"a": True}], "odd": [0, value]}),))
    with pytest.raises(ValueError, match=r"once.*step 0.*odd"):
        run_suite(suite, [Drawing("a")], folder=tmp_path if kept else None)
    if kept:
        assert read_plays(tmp_path / PLAYS) == {}


class _Full:
    """A file on a disk that is full after so many bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        if not self.room:
            raise OSError(28, "No space left on device")
        written = self.file.write(data[: self.room])
        self.room -= written
        return written


def test_a_full_disk_stops_the_run_and_leaves_the_file_free_and_whole(tmp_path, monkeypatch):
    """The lock goes with the run, in the same process too."""
    opened = PlaysFile.__init__

    def cramped(self, path):
        opened(self, path)
        self._file = _Full(self._file, 900)

    monkeypatch.setattr(PlaysFile, "__init__", cramped)
    with pytest.raises(OSError, match="No space left"):
        run_suite(GUESSING, [Drawing("a")], replicates=4, folder=tmp_path, concurrency=1)
    monkeypatch.undo()
    kept = len(read_plays(tmp_path / PLAYS))
    assert 0 < kept < 4
    again = run_suite(GUESSING, [Drawing("a")], replicates=4, folder=tmp_path)
    assert again == run_suite(GUESSING, [Drawing("a")], replicates=4)


class Odd:
    """Gives one decision whatever it is asked."""

    def __init__(self, decision):
        self.name = "odd"
        self.decision = decision

    async def decide(self, question):
        return self.decision


@dataclass(frozen=True)
class Believing:
    """One belief."""

    name: str = "believing"
    seats: int = 1

    async def play(self, table, rng):
        answer = await table.ask(0, MatrixSituation(HUNT), aspect=Aspect.BELIEF, about=1)
        return [Row.of(0, 0, answer, HUNT.actions[1], {}, Aspect.BELIEF)]


@pytest.mark.parametrize(
    ("scenario", "decision"),
    [
        (Once(), Decision(action=2)),
        (Once(), Decision(action=-1)),
        (Once(), Decision(action="stag")),
        (Once(), Decision(action=0.0)),
        (Once(), Decision(action=True)),
        (Once(), Decision()),
        (Once(), Decision(action=0, outcome=Outcome.REFUSAL)),
        (Once(), Decision(belief=(0.5, 0.5))),
        (Once(), None),
        (Believing(), Decision(action=0)),
        (Believing(), Decision(belief=(1.0,))),
        (Believing(), Decision(belief=(0.5, 0.2))),
        (Believing(), Decision(belief=(1.5, -0.5))),
        (Believing(), Decision(belief=(float("nan"), 1.0))),
    ],
)
@pytest.mark.parametrize("variant", [Variant(), Variant("order", relabelling=1)])
def test_answers_that_are_none_are_refused_by_the_name_of_the_player(tmp_path, scenario, decision, variant):
    with pytest.raises(ValueError, match=r"odd.*must"):
        run_suite(SmallSuite((scenario,)), [Odd(decision)], variants=[variant], folder=tmp_path)
    assert read_plays(tmp_path / PLAYS) == {}


def test_numbers_of_other_types_are_answers(tmp_path):
    odd = Odd(Decision(action=np.int64(1)))
    (play,) = run_suite(SmallSuite((Once(),)), [odd], folder=tmp_path)
    assert type(play.rows[0].action) is int
    odd = Odd(Decision(belief=np.array([0.25, 0.75], dtype=np.float32)))
    (play,) = run_suite(SmallSuite((Believing(),)), [odd], folder=tmp_path)
    assert play.rows[0].belief == (0.25, 0.75)
    assert [r.play for r in read_plays(tmp_path / PLAYS).values()][-1] == play


@dataclass(frozen=True)
class Conversing:
    """A belief, then an action in the same conversation."""

    name: str = "conversing"
    seats: int = 1

    async def play(self, table, rng):
        first = await table.ask(0, MatrixSituation(HUNT))
        answer = await table.ask(0, MatrixSituation(HUNT), earlier=(first.exchange,))
        return [Row.of(0, 0, answer, HUNT.actions[0], {})]


def test_a_long_reply_does_not_come_back_whole_in_a_conversation():
    seen = []

    class Long(Saying):
        async def decide(self, question):
            seen.append(question)
            return await super().decide(question)

    run_suite(SmallSuite((Conversing(),)), [Long(f"begin{'x' * 10_000_000}end")])
    (exchange,) = seen[1].earlier
    assert len(exchange.replied) < 30_000
    assert exchange.replied.startswith("beginx")
    assert exchange.replied.endswith("xend")


@dataclass(frozen=True)
class Talking:
    """Both seats answer two questions each, at their own pace."""

    name: str = "talking"
    seats: int = 2

    async def play(self, table, rng):
        async def two(seat):
            return [await table.ask(seat, MatrixSituation(HUNT, seat)) for _ in range(2)]

        both = await asyncio.gather(two(0), two(1))
        return [
            Row.of(2 * seat + k, seat, answer, HUNT.actions[seat], {})
            for seat, answers in enumerate(both)
            for k, answer in enumerate(answers)
        ]


def test_what_a_seat_draws_does_not_depend_on_how_fast_the_other_is():
    suite = SmallSuite((Talking(),))
    found = []
    for slow, fast in ((0.0, 0.002), (0.002, 0.0)):
        players = [Drawing("a", slow), Drawing("b", fast)]
        found.append(run_suite(suite, players, replicates=8))
    assert found[0] == found[1]


def test_copies_of_one_player_draw_apart():
    plays = run_suite(SmallSuite((Talking(),)), [Drawing("a")], replicates=60)
    drawn = np.array([[row.action for row in play.rows] for play in plays])
    for k in range(4):
        for other in range(k):
            assert abs(np.mean(drawn[:, k] == drawn[:, other]) - 0.5) < 0.25
