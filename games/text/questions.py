"""Questions: a situation, what is asked about it, and how it is put."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from games.text.situations import MatrixSituation, Situation


class Aspect(StrEnum):
    """What is asked of a player."""

    ACTION = "action"
    BELIEF = "belief"


class Language(StrEnum):
    """In which language a question is put; labels of actions stay as they are."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"


class Framing(StrEnum):
    """As what a situation is presented."""

    NEUTRAL = "neutral"
    GAME = "game"
    BUSINESS = "business"
    COMMUNITY = "community"


class Reasoning(StrEnum):
    """Whether a player is asked to think aloud before it answers."""

    FREE = "free"
    STEP_BY_STEP = "step-by-step"
    ANSWER_ONLY = "answer-only"


@dataclass(frozen=True, slots=True)
class Wording:
    """How a question is put; none of it changes what the right answer is.

    Attributes:
        phrasing: which of the rephrasings, in range(`games.text.render.PHRASINGS`).
        language: of all but the labels.
        framing: as what the situation is presented.
        persona: whom the player is asked to be, as words that follow "You are"; empty for nobody.
        reasoning: whether to think aloud.
        unit: what payoffs are counted in, such as "points" or "$".
    """

    phrasing: int = 0
    language: Language = Language.ENGLISH
    framing: Framing = Framing.NEUTRAL
    persona: str = ""
    reasoning: Reasoning = Reasoning.FREE
    unit: str = "points"


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier question of the same conversation, in words, and what the player replied."""

    asked: str
    replied: str


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a player is asked.

    Attributes:
        situation: what it may know.
        seed: names the question within a run, >= 0: the nonce and all that a player draws come from it.
        aspect: an action of its own, or its belief about an action of another.
        about: whose action the belief is about; None with an action.
        wording: how it is put.
        earlier: what was asked and replied before, in this conversation.

    Raises:
        ValueError: a belief is asked about nobody, or about oneself, or in a situation without others.
    """

    situation: Situation
    seed: int
    aspect: Aspect = Aspect.ACTION
    about: int | None = None
    wording: Wording = Wording()
    earlier: tuple[Exchange, ...] = ()

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be >= 0, got {self.seed}")
        if self.aspect is Aspect.ACTION:
            if self.about is not None:
                raise ValueError(f"about must be None where an action is asked, got {self.about}")
            return
        if not isinstance(self.situation, MatrixSituation):
            raise ValueError(f"a belief is asked in a MatrixSituation, got a {type(self.situation).__name__}")
        others = [p for p in range(self.situation.game.num_players) if p != self.situation.seat]
        if self.about not in others:
            raise ValueError(f"about must be one of the other players, {others}, got {self.about}")

    @property
    def options(self) -> tuple[str, ...]:
        """Labels that the answer is about: own actions, or those of the other player."""
        if isinstance(self.situation, MatrixSituation) and self.about is not None:
            return self.situation.options_of(self.about)
        return self.situation.options

    @property
    def nonce(self) -> str:
        """Six letters and digits that a written answer must carry; text of others cannot foresee them."""
        return hashlib.sha256(f"nonce {self.seed}".encode()).hexdigest()[:6]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question in words.

    Attributes:
        system: who the player is asked to be; empty for nobody.
        text: the situation, what is asked, and how to answer.
    """

    system: str
    text: str
