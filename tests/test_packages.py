"""The packages as a whole: light imports, honest names, no print."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEAVY = [
    "torch",
    "cvxpy",
    "pyomo",
    "matplotlib",
    "networkx",
    "ray",
    "transformers",
    "pyspiel",
    "open_spiel",
    "pettingzoo",
    "highway_env",
    "gymnasium",
    "numba",
    "scipy",
    "highspy",
]


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_importing_the_packages_loads_nothing_heavy():
    loaded = json.loads(
        _python("import json, sys, games, marl, solvers; print(json.dumps(list(sys.modules)))")
    )
    assert sorted(set(HEAVY) & set(loaded)) == []


def test_importing_the_packages_is_fast():
    # The fastest of three, so that a busy machine does not fail the test.
    code = "import time; t = time.perf_counter(); import games, marl, solvers; print(time.perf_counter() - t)"
    assert min(float(_python(code)) for _ in range(3)) < 0.5


def test_subpackages_load_when_touched():
    code = "import games, solvers; print(solvers.psro.run_psro, games.normal_form.nash_conv)"
    assert all(name in _python(code) for name in ("run_psro", "nash_conv"))


@pytest.mark.parametrize("package", ["games", "marl", "solvers"])
def test_packages_are_typed(package):
    import importlib

    folder = Path(importlib.import_module(package).__path__[0])
    assert (folder / "py.typed").exists()


def test_no_dependency_at_run_time_is_copyleft():
    """Walks what the distribution requires, without its test group."""
    seen: set[str] = set()
    waiting = ["counterplay"]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        distribution = metadata.distribution(name)
        about = distribution.metadata
        words = [about.get("License-Expression") or "", (about.get("License") or "")[:100]]
        words += [c for c in about.get_all("Classifier") or [] if c.startswith("License")]
        # The word "or" marks a choice, of which the permissive part can be taken.
        assert not any(
            "GPL" in w.upper().replace("LGPL", "GPL") and " OR " not in w.upper() for w in words
        ), name
        for line in distribution.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    assert "numpy" in seen
    assert "pygambit" not in seen


def test_games_import_neither_marl_nor_solvers():
    """A certificate must not lean on what it certifies, not even at run time."""
    code = (
        "import sys, games.checking, games.loading, games.storage, games.adapters.open_spiel_tree; "
        "print([m for m in sys.modules if m.split('.')[0] in ('solvers', 'marl')])"
    )
    assert _python(code).strip() == "[]"
