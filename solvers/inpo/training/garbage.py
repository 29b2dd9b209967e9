"""Garbage collections of a run walk what the run has made, not all that was there before it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_new_garbage() -> Iterator[None]:
    """Within the block, collections leave out the objects that were there when it began.

    ``transformers`` begins every fit with a full collection, so that the memory of the fit before it is free.
    It would walk every object of every module loaded each time, for longer than a small fit takes. What dies
    in the block is found as before, unless it is older than the block: that is found after it. Where somebody
    has frozen objects already, which cannot be told apart from ours, nothing is changed.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.collect()  # what is frozen should be alive
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
