"""A model that answers from a file alone: a run repeated without a server, a key or a bill."""

from collections.abc import Sequence

from marl.language.cached import AnswerFile, Cached
from marl.language.model import Cause, Choice, Failure, Reply, Request, check_options


class Replayed:
    """Gives the answers that `Cached` kept, and a failure with `Cause.NOT_KEPT` where there is none.

    Args:
        name: that of the model whose answers were kept.
        file: where they are.
    """

    def __init__(self, name: str, file: AnswerFile) -> None:
        self._kept = Cached(_Silent(name), file)

    @property
    def name(self) -> str:
        """That of the model whose answers were kept."""
        return self._kept.name

    async def generate(self, request: Request) -> Reply:
        """What was kept, or a failure.

        Raises:
            FileFormatError: What the file holds is no reply.
        """
        return await self._kept.generate(request)

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """What was kept, or a failure.

        Raises:
            ValueError: The options are not to be told apart.
            FileFormatError: What the file holds is no choice among the options.
        """
        return await self._kept.choose(request, check_options(options))


class _Silent:
    """A model under a name, without an answer to anything."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def generate(self, request: Request) -> Reply:
        return Reply.failed(Failure(Cause.NOT_KEPT))

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        return Choice.failed(Failure(Cause.NOT_KEPT))
