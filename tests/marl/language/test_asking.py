"""Questions asked at once: none vanishes, whatever the asking does."""

import asyncio

import pytest

from marl.language.asking import ask_all


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_question_that_cancels_itself_is_an_error(concurrency):
    async def ask(i):
        await asyncio.sleep(0)
        if i == 2:
            raise asyncio.CancelledError
        return i

    with pytest.raises(RuntimeError, match="question 2 was cancelled"):
        ask_all(ask, 6, None, concurrency)


def test_the_first_error_ends_the_rest():
    ended = []

    async def ask(i):
        try:
            await asyncio.sleep(0.01 if i == 0 else 30)
        finally:
            ended.append(i)
        raise KeyError(i)

    with pytest.raises(KeyError, match="0"):
        ask_all(ask, 8, None, 8)
    assert sorted(ended) == list(range(8))
