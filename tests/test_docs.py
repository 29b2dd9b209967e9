"""What the pages in docs show is what happens."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest
from typer.testing import CliRunner

from solvers.cli.main import app

DOCS = Path(__file__).parent.parent / "docs"
INFLUENCE, SEQUOIA, PREFERENCES, LANGUAGE_MODELS, RATIONALITY = (
    (DOCS / name).read_text(encoding="utf-8")
    for name in ("influence.md", "sequoia.md", "preference_games.md", "language_models.md", "rationality.md")
)


@pytest.mark.parametrize(
    "code",
    re.findall(
        r"```python\n(.*?)```",
        INFLUENCE + SEQUOIA + PREFERENCES + LANGUAGE_MODELS + RATIONALITY,
        flags=re.DOTALL,
    ),
)
def test_code_runs(code, tmp_path):
    # PEFT asks a model of transformers by a name that it is about to drop.
    known = "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
    command = [sys.executable, "-W", "error", "-W", known, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


def test_commands_run(tmp_path, monkeypatch):
    """In the order of the page, on a small network under the names used there."""
    network = nx.gnm_random_graph(60, 300, seed=1, directed=True)
    (tmp_path / "wiki-Vote.txt.gz").write_text("".join(f"{u} {v}\n" for u, v in network.edges))
    for name, text in {
        "ids": "1, 2:3, 5",
        "ours": "3\n4",
        "theirs": "7 8",
        "customers": "9 2.5\n10 1",
    }.items():
        (tmp_path / f"{name}.txt").write_text(text + "\n")
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^    counterplay (.*)$", INFLUENCE, flags=re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        done = CliRunner().invoke(app, shlex.split(line))
        assert done.exit_code == 0, (line, done.output, done.exception)


@pytest.mark.parametrize(
    ("page", "least", "picture"),
    [(SEQUOIA, 4, "schedule/policies.png"), (RATIONALITY, 2, "variants/reasoning.png")],
    ids=["sequoia", "rationality"],
)
def test_commands_run_as_they_stand(page, least, picture, tmp_path, monkeypatch):
    """In the order of the page."""
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^    counterplay (.*)$", page, flags=re.MULTILINE)
    assert len(lines) >= least
    for line in lines:
        done = CliRunner().invoke(app, shlex.split(line))
        assert done.exit_code == 0, (line, done.output, done.exception)
    assert (tmp_path / "results" / picture).stat().st_size > 5_000


def test_commands_about_preferences_run(tmp_path, monkeypatch):
    """In the order of the page, on three answers in a cycle."""
    (tmp_path / "judge.csv").write_text("0.5,0.1,0.8\n0.9,0.5,0.1\n0.2,0.9,0.5\n")
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^    counterplay (.*)$", PREFERENCES, flags=re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        done = CliRunner().invoke(app, shlex.split(line))
        assert done.exit_code == 0, (line, done.output, done.exception)
    assert (tmp_path / "gap.png").stat().st_size > 5_000
