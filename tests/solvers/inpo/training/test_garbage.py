"""Collections of a run look at what the run has made."""

import gc
import weakref

import pytest
from transformers import TrainerCallback

from solvers.inpo.training.garbage import only_new_garbage


class Loop:
    """Holds itself, so that only a collection can find it dead."""

    def __init__(self):
        self.own = self


@pytest.fixture
def thawed():
    """Nothing is frozen in the test, and what was frozen before it is so again afterwards."""
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    gc.disable()
    yield
    gc.enable()
    if frozen:
        gc.freeze()


@pytest.mark.usefixtures("thawed")
def test_garbage_of_the_block_and_from_before_it_is_found():
    before = weakref.ref(Loop())
    with only_new_garbage():
        assert before() is None
        within = weakref.ref(Loop())
        assert within() is not None
        gc.collect()
        assert within() is None


@pytest.mark.usefixtures("thawed")
def test_what_was_there_is_left_out_until_the_block_ends():
    old = Loop()
    seen = weakref.ref(old)
    with only_new_garbage():
        del old
        gc.collect()
        assert seen() is not None
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert seen() is None


@pytest.mark.usefixtures("thawed")
def test_an_error_ends_it_too():
    with pytest.raises(KeyError), only_new_garbage():
        raise KeyError
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("thawed")
def test_objects_that_somebody_froze_stay_so():
    gc.freeze()
    count = gc.get_freeze_count()
    with only_new_garbage():
        assert gc.get_freeze_count() == count
    assert gc.get_freeze_count() == count


class Watch(TrainerCallback):
    """What is frozen in each fit."""

    def __init__(self):
        self.counts = []

    def on_train_begin(self, args, state, control, **kwargs):
        self.counts.append(gc.get_freeze_count())


@pytest.mark.usefixtures("thawed")
def test_fits_of_a_run_do_not_walk_what_was_there(bed_of, trainer_of, tmp_path):
    watch = Watch()
    trainer = trainer_of(
        bed_of(), tmp_path, rounds=2, repeats=1, num_train_epochs=1, arguments={"callbacks": [watch]}
    )
    trainer.train()
    assert len(watch.counts) == 2
    assert min(watch.counts) > 10_000
    assert gc.get_freeze_count() == 0
