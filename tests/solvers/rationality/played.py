"""Playing suites with scripted players, for the tests of suites."""

import json
from dataclasses import replace

import numpy as np

from marl.players.scripted import ScriptedPlayer
from solvers.rationality.run import run_suite
from solvers.rationality.scorecard import as_player


def play(suite, player, replicates=1, seed=0):
    """Plays of a player, or of the player that a spec names."""
    subject = as_player(f"scripted:{player}") if isinstance(player, str) else player
    return run_suite(suite, [subject], replicates=replicates, seed=seed)


def play_each(suite, player_for, replicates=1):
    """Plays of a player that knows which scenario it is in."""
    plays = []
    for scenario in suite.scenarios:
        one = replace(suite, scenarios=(scenario,))
        plays += run_suite(one, [player_for(scenario)], replicates=replicates)
    return plays


def figures(suite, plays, seed=0):
    """Measures by name and group."""
    found = suite.score(plays, rng=np.random.default_rng(seed))
    names = [(measure.name, measure.group) for measure in found]
    assert len(set(names)) == len(names)
    return {measure.name: measure for measure in found}


def certain(position):
    """A player who takes a position that a function of the question gives."""
    return ScriptedPlayer("certain", lambda q: np.eye(len(q.options))[position(q)])


def check_suite(suite, questions):
    """What holds for all suites: distinct names, plain rows, the size that is told, baselines that exist."""
    names = [scenario.name for scenario in suite.scenarios]
    assert len(set(names)) == len(names)
    plays = play(suite, "uniform")
    assert sum(len(one.rows) for one in plays) == questions
    for one in plays:
        for step, row in enumerate(one.rows):
            assert row.step == step
            json.dumps(dict(row.facts), allow_nan=False)
    for spec in suite.baselines:
        assert as_player(spec).name == spec
    assert suite.score([], rng=np.random.default_rng(0)) is not None


def check_chance(measures, wide=4.0):
    """Uniform play is at chance: within ``wide`` half-widths of its interval."""
    told = [m for m in measures if m.chance is not None and np.isfinite([m.low, m.high, m.value]).all()]
    assert told
    for m in told:
        half = max(m.high - m.value, m.value - m.low, 1e-9)
        assert abs(m.value - m.chance) <= wide / 2 * half, m
