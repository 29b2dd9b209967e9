"""A model that answers by a function, and counts."""

import asyncio
from collections import Counter

from marl.language import Choice, Failure, Finish, Reply, Request, Sampling, conversation


class Scripted:
    """Gives ``answer(request, how often it was asked before)``: a text, a cause of failure, or a Reply."""

    def __init__(self, answer=lambda request, before: "yes", *, name="scripted", seconds=0.0):
        self.name = name
        self.calls = Counter()
        self.at_once = 0
        self.most_at_once = 0
        self.times = []
        self._answer = answer
        self._seconds = seconds

    async def generate(self, request):
        answer = await self._next(request, None)
        return answer if isinstance(answer, Reply) else Reply(answer, Finish.STOP, 3, 5)

    async def choose(self, request, options):
        answer = await self._next(request, tuple(options))
        if isinstance(answer, Reply):
            return Choice.failed(answer.failure)
        return Choice(tuple(-float(i) for i in range(len(options))), 3, 1)

    async def _next(self, request, options):
        key = (request, options)
        before = self.calls[key]
        self.calls[key] += 1
        self.times.append(asyncio.get_running_loop().time())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self._seconds)
        self.at_once -= 1
        return self._answer(request, before)


def failed(cause, retry_after=None):
    """A reply without an answer and without known tokens."""
    return Reply.failed(Failure(cause, "as asked", retry_after))


def request_of(text, replicate=0, **sampling):
    return Request(conversation(text), Sampling(**sampling), replicate)
