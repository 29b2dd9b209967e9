"""Batches: compiled rounds, threads and torch find what single games in numpy find."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from games.preference import CHI_SQUARED, random_preferences, rock_paper_scissors
from games.results import Status
from solvers.inpo import (
    ConstantStep,
    Output,
    ResetEvery,
    TheoryStep,
    comal,
    compiled_run,
    egpo,
    inpo,
    iterative_dpo,
    mnpo,
    nash_md,
    online_ipo,
    onpo,
    rspo,
    solve_preference,
    sppo,
)


def _random(n, seed=0, batch=(), tau=0.1, scale=1.0):
    rng = np.random.default_rng(seed)
    return random_preferences(n, rng=rng, batch_shape=batch, reference_scale=scale, tau=tau)


def _compiled(monkeypatch):
    """Count the runs that are played by compiled code."""
    made = []
    original = compiled_run.CompiledRun.__init__

    def count(self, *arguments):
        made.append(0)
        original(self, *arguments)

    monkeypatch.setattr(compiled_run.CompiledRun, "__init__", count)
    return made


def _agree(batch, game, options, atol=1e-12):
    """``batch`` against single calls, context by context."""
    found = batch.unwrap()
    for number in range(len(found.rounds.ravel())):
        one = solve_preference(game.context(number), **options).unwrap()
        place = np.unravel_index(number, game.batch_shape)
        assert found.rounds[place] == one.rounds
        for name in ("policy", "last", "average", "best", "last_gap", "average_gap", "best_gap"):
            np.testing.assert_allclose(getattr(found, name)[place], getattr(one, name), atol=atol)
        # The trace of the batch goes on after this context has come to rest.
        at = np.minimum(found.trace.rounds, one.rounds)
        same = np.isin(at, one.trace.rounds)
        where = np.searchsorted(one.trace.rounds, at[same])
        for name in ("gaps", "original_gaps"):
            told = getattr(found.trace, name)[(slice(None), *place)][same]
            np.testing.assert_allclose(told, getattr(one.trace, name)[where], atol=atol)
        assert same[-1]


@pytest.mark.parametrize(
    ("n", "tau", "options"),
    [
        (50, 0.1, {"tol": 1e-8}),
        (7, 0.02, {"tol": 1e-10}),
        (3, 0.0, {"tol": 1e-6, "rounds": 300}),
        (1, 0.1, {"tol": 1e-8}),
        (6, 0.02, {"tol": 1e-16, "rounds": 113}),
        (6, 0.05, {"tol": 1e-6, "rounds": 5}),
        (4, 0.1, {"method": egpo(replace(egpo().step, reach=0.4, pull=0.2)), "tol": 1e-9}),
    ],
)
def test_compiled_rounds_are_the_rounds_of_single_games(monkeypatch, n, tau, options):
    made = _compiled(monkeypatch)
    game = _random(n, 7, batch=(4, 10), tau=tau)
    batch = solve_preference(game, **options)
    assert made == [0]
    _agree(batch, game, options, atol=1e-12 if tau else 1e-9)
    assert made == [0]  # single games are not


def test_compiled_rounds_leave_corners_and_bear_references_that_underflow():
    rest = np.array([0.01, 5e-5, 1e-9, 1e-300])
    references = np.stack([1.0 - 2.0 * rest, rest, rest], axis=-1)
    for tau in (0.001, 0.1):
        one = rock_paper_scissors(tau=tau)
        game = replace(
            one, preferences=np.tile(one.preferences, (40, 1, 1)), reference=np.tile(references, (10, 1))
        )
        options = {"tol": 1e-8, "rounds": 1000}
        _agree(solve_preference(game, **options), game, options, atol=1e-10)


def test_large_batches_of_other_methods_play_like_their_contexts():
    """Their power iteration goes through the margins in parts that stay in cache."""
    game = _random(50, 2, batch=(120,), tau=0.3)
    options = {"method": onpo(), "tol": 1e-6}
    _agree(solve_preference(game, **options), game, options)


def test_other_methods_are_not_taken_for_the_compiled_one(monkeypatch):
    made = _compiled(monkeypatch)
    game = _random(3, batch=(40,))
    for method in (
        onpo(),
        inpo(),
        egpo(ConstantStep(0.5)),
        replace(egpo(), output=Output.AVERAGE),
        replace(egpo(), reference=ResetEvery(5), weight=0.1),
        online_ipo(egpo().step, rate=0.5),
        nash_md(egpo().step),
    ):
        plain = game if method.weight is None else game.with_tau(0.0)
        solve_preference(plain, method, rounds=2)
    solve_preference(game.with_divergence(CHI_SQUARED), rounds=2)
    solve_preference(game, rounds=2, nash=game.reference)
    solve_preference(_random(3, batch=(31,)), rounds=2)
    assert made == []


@pytest.mark.parametrize(
    ("method", "nash"), [(egpo(), False), (egpo(), True), (onpo(), False), (mnpo(ConstantStep(2.0)), False)]
)
def test_workers_change_nothing(method, nash):
    game = _random(4, 3, batch=(330,), tau=0.05)
    target = game.reference if nash else None
    runs = [
        solve_preference(game, method, rounds=120, tol=1e-7, nash=target, workers=workers)
        for workers in (1, 2, 3)
    ]
    first = runs[0].unwrap()
    for run in runs[1:]:
        other = run.unwrap()
        for field in fields(first):
            if field.name != "trace":
                np.testing.assert_array_equal(getattr(other, field.name), getattr(first, field.name))
        for field in fields(first.trace):
            np.testing.assert_array_equal(getattr(other.trace, field.name), getattr(first.trace, field.name))


METHODS = [
    egpo(),
    onpo(),
    inpo(),
    rspo(),
    inpo(ConstantStep(2.0)),
    inpo(TheoryStep()),
    nash_md(ConstantStep(2.0)),
    online_ipo(ConstantStep(0.1), rate=0.5),
    mnpo(ConstantStep(2.0)),
    replace(egpo(), output=Output.BEST),
    sppo(ConstantStep(2.0)),
    comal(),
    iterative_dpo(ConstantStep(2.0)),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method.name}-{method.output.name}")
def test_torch_plays_the_same_rounds(method):
    game = _random(5, 9, batch=(3, 4), tau=0.1 if method.weight is None else 0.0)
    options = {"method": method, "tol": 1e-6, "rounds": 200, "nash": game.reference}
    expected = solve_preference(game, **options).unwrap()
    result = solve_preference(game, **options, device=torch.device("cpu"))
    found = result.unwrap()
    for field in fields(found):
        if field.name != "trace":
            np.testing.assert_allclose(
                getattr(found, field.name), getattr(expected, field.name), rtol=0.0, atol=1e-12
            )
    for field in fields(found.trace):
        np.testing.assert_allclose(
            getattr(found.trace, field.name), getattr(expected.trace, field.name), atol=1e-11
        )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_device_plays_the_same_rounds():
    game = _random(50, 9, batch=(200,))
    expected = solve_preference(game, tol=1e-8)
    result = solve_preference(game, tol=1e-8, device=torch.device("cuda"))
    assert result.status is Status.CERTIFIED
    np.testing.assert_allclose(result.unwrap().policy, expected.unwrap().policy, atol=1e-10)


@pytest.mark.parametrize("method", [egpo(), onpo()], ids=lambda method: method.name)
def test_progress_and_limits_over_threads(method):
    game = _random(4, 3, batch=(250,))
    seen = []
    result = solve_preference(
        game,
        method,
        rounds=40,
        tol=0.0,
        workers=2,
        progress=lambda step, total, **figures: seen.append((step, total, figures["contexts"])),
    )
    assert result.steps == 40
    steps = [step for step, _, _ in seen]
    assert steps == sorted(set(steps))
    assert seen[-1] == (40, 40, 250.0)
    assert solve_preference(game, method, workers=2, time_limit=0.0).steps == 0

    def stop(step, total, **figures):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_preference(game, method, rounds=10**9, tol=0.0, workers=2, progress=stop)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers must be at least 1"),
        ({"workers": 2, "device": torch.device("cpu")}, "workers"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        solve_preference(_random(3), **options)
