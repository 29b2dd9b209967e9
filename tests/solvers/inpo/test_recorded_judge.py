"""The store of verdicts: nothing is asked twice, nothing is lost, numbers come back to the last bit."""

import contextlib
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from games.errors import FileFormatError
from marl.language.model import Message, Role
from solvers.inpo.judges import BothOrders, CallableJudge, Comparison, RecordCounts, RecordedJudge, Verdict


class Counting:
    """Answers from a table of both orders; notes what it is asked, in which order of presentation."""

    def __init__(self, answers, name="counting", calls_back=True):
        self.name = name
        self.asked = []
        self._answers = answers
        self._calls_back = calls_back

    def compare(self, comparisons, on_verdict=None):
        self.asked.extend((c.first, c.second) for c in comparisons)
        verdicts = [self._answers(c) for c in comparisons]
        if self._calls_back and on_verdict is not None:
            for position in reversed(range(len(comparisons))):
                on_verdict(position, verdicts[position])
        return verdicts


def _third(comparison):
    return Verdict(0.1 if comparison.first < comparison.second else 0.9)


@pytest.mark.parametrize("calls_back", [True, False])
def test_each_question_is_asked_once_in_the_order_given(tmp_path, calls_back):
    judge = Counting(_third, calls_back=calls_back)
    comparisons = [
        Comparison("p", "b", "a"),
        Comparison("p", "a", "b"),
        Comparison("p", "b", "a"),
        Comparison("p", "b", "a", replicate=1),
        Comparison((Message(Role.USER, "p"),), "b", "a"),
    ]
    reported = {}
    with RecordedJudge(judge, tmp_path / "v.sqlite") as recorded:
        verdicts = recorded.compare(comparisons, reported.__setitem__)
        assert judge.asked == [("b", "a")] * 3
        assert recorded.counts == RecordCounts(made=3, saved=2)
        assert recorded.num_stored() == 3
        recorded.compare(comparisons[:2])
        assert recorded.counts == RecordCounts(made=3, saved=4)
    assert [verdict.probability for verdict in verdicts] == pytest.approx([0.9, 0.1, 0.9, 0.9, 0.9])
    assert [reported[k] for k in range(5)] == verdicts
    with RecordedJudge(Counting(_third), tmp_path / "v.sqlite") as again:
        assert again.compare(comparisons) == verdicts
        assert again.counts == RecordCounts(saved=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_numbers_come_back_to_the_last_bit(tmp_path_factory, forward, backward, swap):
    folder = tmp_path_factory.mktemp("store")
    judge = BothOrders(CallableJudge(lambda p, a, b: forward if a == "a" else backward, "two numbers"))
    comparison = Comparison("p", *("ba" if swap else "ab"))
    with RecordedJudge(judge, folder / "v.sqlite") as recorded:
        first = recorded.compare([comparison, comparison.turned()])
    with RecordedJudge(judge, folder / "v.sqlite") as recorded:
        assert recorded.compare([comparison, comparison.turned()]) == first
        assert recorded.counts.made == 0
    assert first[0].probability == pytest.approx(
        (forward + 1 - backward) / 2 if not swap else (backward + 1 - forward) / 2
    )
    assert len(first[0].orders) == 2


def test_judges_share_a_file_without_mixing_answers(tmp_path):
    path = tmp_path / "v.sqlite"
    comparison = Comparison("p", "a", "b")
    with (
        RecordedJudge(CallableJudge(lambda p, a, b: 0.25, "one"), path) as one,
        RecordedJudge(CallableJudge(lambda p, a, b: 0.75, "two"), path) as two,
    ):
        for _ in range(2):
            assert one.compare([comparison])[0].probability == 0.25
            assert two.compare([comparison])[0].probability == 0.75
        assert one.num_stored() == 2
        assert one.name == "one"


def test_failures_are_counted_and_asked_again(tmp_path):
    answers = {"first": Verdict(None, failure="busy"), "then": Verdict(0.5, tie=True)}
    judge = Counting(lambda c: answers["first"])
    comparison = Comparison("p", "b", "a")
    with RecordedJudge(judge, tmp_path / "v.sqlite") as recorded:
        assert recorded.compare([comparison, comparison]) == [answers["first"]] * 2
        assert recorded.counts == RecordCounts(made=1, saved=1, failed=1)
        assert recorded.num_stored() == 0
    judge = Counting(lambda c: answers["then"])
    with RecordedJudge(judge, tmp_path / "v.sqlite") as recorded:
        assert recorded.compare([comparison]) == [answers["then"]]
        assert recorded.compare([comparison]) == [answers["then"]]  # a tie is an answer, and stays a tie
        assert recorded.counts == RecordCounts(made=1, saved=1)
        assert recorded.num_stored() == 1
    assert len(judge.asked) == 1


def test_what_came_before_an_error_is_kept(tmp_path):
    def answer(prompt, first, second):
        if first == "c":
            raise RuntimeError("the judge broke")
        return 0.75

    comparisons = [Comparison("p", text, "z") for text in "abcd"]
    with RecordedJudge(CallableJudge(answer, "j"), tmp_path / "v.sqlite") as recorded:
        with pytest.raises(RuntimeError, match="the judge broke"):
            recorded.compare(comparisons)
        assert recorded.num_stored() == 2
        assert recorded.counts == RecordCounts(made=2)


_JUDGING = """
import sys, time
from solvers.inpo.judges import CallableJudge, Comparison, RecordedJudge

def slow(prompt, first, second):
    time.sleep(0.005)
    return float(first) / 1000.0

with RecordedJudge(CallableJudge(slow, "slow"), sys.argv[1]) as judge:
    questions = [Comparison("p", str(k), "x") for k in range(1000)]
    judge.compare(questions, lambda position, verdict: print(position, flush=True))
"""


def test_a_kill_loses_no_verdict(tmp_path):
    path = tmp_path / "v.sqlite"
    process = subprocess.Popen([sys.executable, "-c", _JUDGING, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        told = [int(process.stdout.readline()) for _ in range(25)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().splitlines()]
    assert process.returncode == -signal.SIGKILL
    asked = []

    def quick(prompt, first, second):
        asked.append(int(first))
        return float(first) / 1000.0

    with RecordedJudge(CallableJudge(quick, "slow"), path) as judge:
        verdicts = judge.compare([Comparison("p", str(k), "x") for k in range(1000)])
        assert judge.counts.saved >= len(told) >= 25
        assert judge.counts.saved + judge.counts.made == 1000
    assert not set(told) & set(asked)
    np.testing.assert_allclose([verdict.probability for verdict in verdicts], np.arange(1000) / 1000.0)


def test_other_files_are_refused(tmp_path):
    text = tmp_path / "text"
    text.write_text("not a database, but long enough to be taken for the header of one" * 10)
    with pytest.raises(FileFormatError, match="text"):
        RecordedJudge(Counting(_third), text)
    with pytest.raises(FileNotFoundError, match="missing"):
        RecordedJudge(Counting(_third), tmp_path / "missing" / "v.sqlite")


@pytest.mark.parametrize(
    "answer",
    [
        "no JSON",
        "[0.5]",
        '{"probability": 7.0, "tie": false, "orders": []}',
        '{"probability": "a", "tie": false, "orders": []}',
        '{"probability": null, "tie": false, "orders": []}',
        '{"probability": 0.5, "tie": false, "orders": [0.5]}',
    ],
)
def test_a_spoilt_verdict_is_not_believed(tmp_path, answer):
    path = tmp_path / "v.sqlite"
    with RecordedJudge(Counting(_third), path) as recorded:
        recorded.compare([Comparison("p", "a", "b")])
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("UPDATE answers SET answer = ?", (answer,))
    with (
        RecordedJudge(Counting(_third), path) as recorded,
        pytest.raises(FileFormatError, match=r"v\.sqlite: a verdict is malformed"),
    ):
        recorded.compare([Comparison("p", "a", "b")])


@pytest.mark.parametrize("count", [0, 2])
def test_a_judge_that_miscounts_is_named(tmp_path, count):
    class Miscounting:
        name = "miscounting"

        def compare(self, comparisons, on_verdict=None):
            return [Verdict(0.5)] * count

    with (
        RecordedJudge(Miscounting(), tmp_path / "v.sqlite") as recorded,
        pytest.raises(ValueError, match=f"one verdict per comparison, 1, miscounting gave {count}"),
    ):
        recorded.compare([Comparison("p", "a", "b")])


def test_numbers_of_other_libraries_are_kept(tmp_path):
    judge = CallableJudge(lambda p, a, b: Verdict(np.float32(0.25), orders=(np.float32(0.5), 0)), "float32")
    for _ in range(2):
        with RecordedJudge(judge, tmp_path / "v.sqlite") as recorded:
            verdict = recorded.compare([Comparison("p", "a", "b")])[0]
            assert (verdict.probability, verdict.orders) == (0.25, (0.5, 0.0))
            assert type(verdict.probability) is float
