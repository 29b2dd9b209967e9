"""The loop of exact runs, with a clock by hand: when it saves, how resumed time counts, what it refuses."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from solvers.psro.checkpoints import generator_at, generator_text
from solvers.psro.driver import Limits, Run, drive


class Ticks:
    """Iterations that take so many seconds each."""

    def __init__(self, each):
        self.each, self.now, self.saves = each, 0.0, []

    def perf_counter(self):
        return self.now


@dataclass
class State:
    seconds: np.ndarray = field(default_factory=lambda: np.empty(0))
    closed: bool = False

    @property
    def trace(self):
        return self

    def __len__(self):
        return self.seconds.size


@pytest.fixture
def drive_with(monkeypatch, tmp_path):
    def go(ticks, *, iterations=12, every=10, time_limit=None, stored=None, checkpoint="run.json", stop=None):
        monkeypatch.setattr("solvers.psro.driver.time", SimpleNamespace(perf_counter=ticks.perf_counter))
        file = tmp_path / checkpoint
        if stored is not None:
            file.touch()

        def step(state, elapsed):
            ticks.now += ticks.each
            return State(np.append(state.seconds, elapsed + ticks.each))

        def progress(done, total, **figures):
            if done == stop:
                raise KeyboardInterrupt

        run = Run(
            start=State,
            load=lambda path: State(np.array(stored)),
            save=lambda path, state: ticks.saves.append(len(state)),
            step=step,
            distance=lambda state: np.inf,
            measure="distance",
        )
        limits = Limits(iterations, 0.0, time_limit, every)
        return drive(run, limits, payoff_range=1.0, checkpoint=file, progress=progress)

    return go


def test_short_iterations_are_saved_by_number_and_long_ones_by_time(drive_with):
    for each, saves in ((0.1, [10, 12]), (2.0, [3, 6, 9, 12]), (60.0, list(range(1, 13)))):
        ticks = Ticks(each)
        drive_with(ticks)
        assert ticks.saves == saves


def test_an_interrupted_run_has_its_long_iterations(drive_with):
    ticks = Ticks(60.0)
    with pytest.raises(KeyboardInterrupt):
        drive_with(ticks, stop=4)
    assert ticks.saves == [1, 2, 3, 4]


def test_seconds_before_a_resumption_count(drive_with):
    state, seconds = drive_with(Ticks(1.0), stored=[3.0, 7.5], time_limit=10.0)
    # At 7.5, 8.5 and 9.5 seconds another one starts, at 10.5 none.
    assert len(state) == 5
    assert state.seconds.tolist() == [3.0, 7.5, 8.5, 9.5, 10.5]
    assert seconds == 10.5


def test_names_that_are_no_checkpoint_are_refused_before_the_first_step(drive_with):
    ticks = Ticks(1.0)
    with pytest.raises(ValueError, match=r"must end in \.json"):
        drive_with(ticks, checkpoint="run.ckpt")
    assert ticks.now == 0.0


@pytest.mark.parametrize("kind", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_generators_of_every_kind_are_found_again(kind):
    rng = np.random.Generator(getattr(np.random, kind)(5))
    rng.random(7), rng.integers(9, dtype=np.int32)  # half of a 64-bit word is left
    text = generator_text(rng)
    again = generator_at(text)
    assert type(again.bit_generator) is type(rng.bit_generator)
    assert generator_text(again) == text
    np.testing.assert_array_equal(
        again.integers(9, size=700, dtype=np.int32), rng.integers(9, size=700, dtype=np.int32)
    )
    np.testing.assert_array_equal(again.random(700), rng.random(700))
    with pytest.raises(KeyError):
        generator_at('{"bit_generator": "Generator"}')
