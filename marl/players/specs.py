"""Players from a line of text, as the command line and files of settings have them.

    scripted:NAME               a rule of `marl.players.catalogue`, such as scripted:level2
    openai:MODEL                hosted by OpenAI; the key comes from OPENAI_API_KEY
    http://HOST:PORT/v1#MODEL   any server with the interface of OpenAI; https likewise
    transformers:FOLDER         a model on this disk, in this process
    litellm:MODEL               whatever litellm reaches, as it names it
    inspect:MODEL               whatever Inspect reaches, as it names it
    weighed:SPEC                any of these, deciding by how likely it answers with each option; servers must
                                tell how likely whole lines are, as with `marl.language.scoring.Echo`

A spec never holds a key: it is printed, kept and compared.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from games.registry import unknown_name
from marl.language.model import Sampling
from marl.players.catalogue import Solved, scripted_player
from marl.players.language import DEFAULT_SAMPLING, LanguagePlayer
from marl.players.protocol import WeighingPlayer
from marl.players.weighed import WeighedPlayer

if TYPE_CHECKING:
    from marl.language.budgeted import Budget, Price
    from marl.language.cached import AnswerFile
    from marl.language.scoring import Scoring

_SECRET = re.compile(
    r"\bsk-[\w-]{16,}|\b(hf|gsk)_[a-z0-9]{30,}|\bxai-\w{30,}|\bAIza[\w-]{30,}|api[-_]?key|bearer\s|token=",
    re.I,
)
"""What keys look like, and what stands before them."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How language models are asked.

    Attributes:
        sampling: how replies are drawn; its seed must be None.
        reasks: how often a question is asked again after a reply that cannot be read.
        attempts: how often it is asked again, at the most and the first time included, when the world failed.
        concurrency: the most questions under way at once, per player.
        per_minute: the most questions begun in a minute, or None.
        timeout: seconds for one answer.
        key_variable: environment variable with the key for servers named by their URL; None sends none. Those
            named otherwise know their own.
        scoring: how servers tell log-probabilities; None for the first token's.
        answers: where answers are kept, or None.
        replay: answer from ``answers`` alone; nothing is asked, and no key is needed.
        price: what tokens cost; with ``budget``.
        budget: what may be spent, by all players that share it; with ``price``.

    Raises:
        ValueError: a budget without a price or the reverse, or a replay without answers.
    """

    sampling: Sampling = DEFAULT_SAMPLING
    reasks: int = 2
    attempts: int = 6
    concurrency: int = 16
    per_minute: float | None = None
    timeout: float = 600.0
    key_variable: str | None = None
    scoring: "Scoring | None" = None
    answers: "AnswerFile | None" = None
    replay: bool = False
    price: "Price | None" = None
    budget: "Budget | None" = None

    def __post_init__(self) -> None:
        if (self.price is None) != (self.budget is None):
            raise ValueError("price and budget must be given together: an unknown price keeps no budget")
        if self.replay and self.answers is None:
            raise ValueError("answers must be given for a replay")


def player_from_spec(
    spec: str, *, connection: Connection | None = None, solved: Solved | None = None
) -> WeighingPlayer:
    """The player that a spec names.

    Args:
        spec: one of the forms above.
        connection: how language models are asked.
        solved: what scripted players need solved.

    Raises:
        UnknownNameError: there is no such kind, or no such scripted player; near names are suggested.
        ValueError: the spec has a key in it, or is malformed, or a number is out of its range.
        MissingDependencyError: what the kind needs is not installed; the message has the line that does.
    """
    settings = Connection() if connection is None else connection
    if _SECRET.search(spec):
        raise ValueError(
            "a spec must hold no key, as specs are printed and kept; keys come from the environment"
        )
    kind, colon, rest = spec.partition(":")
    if not colon or not rest:
        raise ValueError(f"a spec must be like scripted:level2 or openai:MODEL, got {spec!r}")
    if kind == "scripted":
        return scripted_player(rest, solved)
    if kind == "weighed":
        return WeighedPlayer(player_from_spec(rest, connection=connection, solved=solved))
    return _language_player(kind, rest, settings)


def _language_player(kind: str, rest: str, connection: Connection) -> LanguagePlayer:
    from marl.players import served  # it loads what talks to servers, which scripted players do not need

    kinds = {
        "openai": served.openai_model,
        "transformers": served.model_in_this_process,
        "litellm": served.model_through_litellm,
        "inspect": served.model_through_inspect,
        "http": served.model_at_plain,
        "https": served.model_at_encrypted,
    }
    if kind not in kinds:
        raise unknown_name("kind of player", kind, ["scripted", "weighed", *kinds])
    model = served.wrapped(kinds[kind](rest, connection), connection)
    return LanguagePlayer(model, sampling=connection.sampling, reasks=connection.reasks)
