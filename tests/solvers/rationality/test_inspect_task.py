"""Suites as tasks of Inspect: what its log says is what a run of our own says."""

import hashlib
import importlib.util
import json
import sys

import numpy as np
import pytest

from games.errors import FileFormatError, MissingDependencyError, UnknownNameError
from games.text import Wording
from games.text.relabelling import Naming
from marl.language import Sampling
from marl.language.through_inspect import InspectModel
from marl.players import Connection, LanguagePlayer
from marl.players.served import wrapped
from solvers.rationality import Variant, inspect_task, plays_of, run_suite, score_plays
from tests.solvers.rationality.small import Drawing, SmallSuite

needs_inspect = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None, reason="inspect-ai is not installed"
)
# Of Inspect's own making.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'initial' parameter is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed:ResourceWarning"),
]
FEW = Connection(sampling=Sampling(max_tokens=64), reasks=1, attempts=1)
VARIANTS = (Variant(), Variant("names", Wording(phrasing=1), 3, Naming.INVENTED))


def drawn(text):
    """The form that a prompt shows, filled in by a hash of it; every eighth with none of the options."""
    form = next(line for line in reversed(text.splitlines()) if line.startswith('{"id"'))
    draw = hashlib.sha256(form.encode()).digest()[0]
    options = json.loads(f"[{text.rsplit('Options: ', 1)[1].splitlines()[0]}]")
    return form.replace("<option>", "none of them" if draw % 8 == 7 else options[draw % len(options)])


def model(say=drawn):
    """A model of Inspect on this machine, which needs no network to count tokens when it is told them."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def answer(talk, *_):
        output = ModelOutput.from_content("mockllm/model", say(talk[-1].text))
        output.usage = ModelUsage(input_tokens=30, output_tokens=10, total_tokens=40)
        return output

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def evaluated(task, subject, tmp_path, **options):
    from inspect_ai import eval as inspect_eval

    (log,) = inspect_eval(task, model=subject, log_dir=str(tmp_path), display="none", **options)
    return log


def small_task(**changes):
    return inspect_task(SmallSuite(), **{"others": [Drawing("a"), Drawing("b")], "connection": FEW} | changes)


def in_order(plays):
    return sorted(plays, key=lambda play: (play.scenario, play.variant, play.replicate, play.seating))


@needs_inspect
def test_a_log_holds_the_plays_of_a_run_and_their_figures(tmp_path):
    from inspect_ai.log import read_eval_log

    subject = model()
    task = small_task(variants=VARIANTS, replicates=4, seed=5)
    log = evaluated(task, subject, tmp_path)
    assert log.status == "success"
    player = LanguagePlayer(wrapped(InspectModel(subject), FEW), sampling=FEW.sampling, reasks=FEW.reasks)
    everybody = [player, Drawing("a"), Drawing("b")]
    run = run_suite(SmallSuite(), everybody, variants=VARIANTS, replicates=4, seed=5)
    own = [play for play in run if play.player == player.name]
    assert len(own) == 4 * 2 * (1 + 2)
    assert any(row.attempts == 2 for play in own for row in play.rows)
    assert in_order(plays_of(log)) == in_order(own)
    assert in_order(plays_of(read_eval_log(log.location))) == in_order(own)
    (measures,) = score_plays(SmallSuite(), own, seed=5).measures.values()
    overall, best, legal = log.results.scores
    known = {m.name if not m.group else f"{m.group}: {m.name}": m.value for m in measures}
    assert {m.name: m.value for m in overall.metrics.values()} == {
        name: value for name, value in known.items() if np.isfinite(value)
    }
    assert (best.scored_samples, legal.scored_samples) == (0, len(own))  # the suite tells no best actions
    share = [np.mean([r.outcome == "ANSWERED" for r in play.rows if r.seat == 0]) for play in own]
    assert legal.metrics["mean"].value == pytest.approx(np.mean(share))
    assert log.eval.metadata == {"suite": "small", "replicates": 4, "seed": 5}
    assert "guessing(3), plain, replicate 0" in {sample.id for sample in log.samples}


@needs_inspect
def test_best_answers_are_counted_where_a_suite_tells_them(tmp_path):
    log = evaluated(inspect_task("classics"), model(), tmp_path)
    shares = []
    for play in plays_of(log):
        (row,) = play.rows
        if "best" in row.facts:
            shares.append(row.action in row.facts["best"])
    best = next(score for score in log.results.scores if score.name == "best answers")
    assert 0 < len(shares) == best.scored_samples
    assert best.metrics["mean"].value == pytest.approx(np.mean(shares))


@needs_inspect
def test_where_the_world_fails_others_go_on_and_a_retry_plays_the_rest(tmp_path, monkeypatch):
    from inspect_ai import eval_retry

    broken = []

    def fails_once(text):
        if "stag" in text and not broken:
            broken.append(text)
            raise ConnectionError("gone")
        return drawn(text)

    # The task is found again by the file that makes it, as from the command line.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks.py").write_text(
        "from inspect_ai import task\n"
        "from tests.solvers.rationality.test_inspect_task import small_task\n"
        "@task\ndef small():\n    return small_task()\n"
    )
    subject = model(fails_once)
    log = evaluated("tasks.py", subject, tmp_path)
    assert log.status == "error"
    (failed,) = [sample for sample in log.samples if sample.error]
    assert "transport" in failed.error.message
    plays = plays_of(log)
    assert len(plays) == len(log.samples) == 3
    assert next(iter(score_plays(SmallSuite(), plays).failures.values())) == {"TRANSPORT": 1}
    monkeypatch.setattr("inspect_ai._eval.eval.get_model", lambda *_, **__: subject)
    (again,) = eval_retry(log, log_dir=str(tmp_path), display="none")
    assert again.status == "success"
    assert len(plays_of(again)) == 3
    assert not any(row.outcome == "TRANSPORT" for play in plays_of(again) for row in play.rows)


@needs_inspect
def test_what_inspect_limits_is_a_budget(tmp_path):
    log = evaluated(small_task(), model(), tmp_path, token_limit=50)
    outcomes = {row.outcome for play in plays_of(log) for row in play.rows if row.seat == 0}
    assert "BUDGET" in outcomes
    assert "TRANSPORT" not in outcomes


@needs_inspect
def test_what_makes_no_sense_is_refused(tmp_path):
    log = evaluated(small_task(), model(), tmp_path, epochs=2)
    assert log.status == "error"
    assert {s.epoch for s in log.samples if s.error} == {2}
    assert "replicates" in next(s.error.message for s in log.samples if s.error)
    with pytest.raises(UnknownNameError, match="did you mean 'fan2024'"):
        inspect_task("fan2023")
    for arguments in ({"replicates": 0}, {"seed": -1}, {"variants": ()}, {"others": [Drawing("a")] * 2}):
        with pytest.raises(
            ValueError, match=next(iter(arguments)) if "others" not in arguments else "distinct"
        ):
            small_task(**arguments)
    plays = plays_of(log)
    log.samples[0].metadata["play"]["rows"][0]["options"] = 3
    with pytest.raises(FileFormatError, match="sample holds no play"):
        plays_of(log)
    del log.samples[0].metadata["play"]
    assert len(plays_of(log)) == len(plays) - 1
    log.samples = None
    with pytest.raises(ValueError, match="samples"):
        plays_of(log)


def test_without_inspect_the_line_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'counterplay\[inspect\]'"):
        inspect_task(SmallSuite())
