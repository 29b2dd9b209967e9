"""Any function from text to text as a player."""

from games.text.decisions import Decision
from games.text.questions import Question
from marl.language.called import CalledFunction, TextFunction
from marl.language.limited import Limited
from marl.players.language import LanguagePlayer


class TextPlayer:
    """Asks a function in words, as `LanguagePlayer` asks a model.

    What the function raises becomes `games.text.Outcome.ERROR` with the type of the exception, and ends
    neither the run nor the player.

    Args:
        name: identity; it must change whenever answers may.
        function: gets the conversation as one text and gives the reply, or a coroutine for it. A function
            that is no coroutine runs in a thread.
        reasks: how often to ask again at the most.
        concurrency: the most calls under way at once.
        timeout: seconds for one call, after which the outcome is `games.text.Outcome.TIMEOUT`.

    Raises:
        ValueError: a number is out of its range, or ``name`` is empty.
        TypeError: ``function`` cannot be called.

    Example:
        >>> player = TextPlayer("always the first", lambda text: "I take U.", reasks=0)
        >>> player.name
        'always the first'
    """

    def __init__(
        self,
        name: str,
        function: TextFunction,
        *,
        reasks: int = 2,
        concurrency: int = 8,
        timeout: float = 600.0,
    ) -> None:
        called = CalledFunction(function, name=name, timeout=timeout)
        self._name = name
        self._asking = LanguagePlayer(Limited(called, concurrency=concurrency), reasks=reasks)

    def __repr__(self) -> str:
        return f"TextPlayer({self._name!r})"

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    async def decide(self, question: Question) -> Decision:
        """What the function answers, with every reply on the way."""
        return await self._asking.decide(question)
