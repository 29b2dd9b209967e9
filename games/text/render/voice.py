"""Voice: a language, a phrasing and a framing, for one reader among several who take part."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from games.text.questions import Language, Wording
from games.text.render.english import WORDS as ENGLISH
from games.text.render.french import WORDS as FRENCH
from games.text.render.german import WORDS as GERMAN
from games.text.render.spanish import WORDS as SPANISH
from games.text.render.words import Cast, Phrasing, Words

LANGUAGES = {
    Language.ENGLISH: ENGLISH,
    Language.GERMAN: GERMAN,
    Language.FRENCH: FRENCH,
    Language.SPANISH: SPANISH,
}
"""What each language says."""

PHRASINGS = min(len(words.phrasings) for words in LANGUAGES.values())
"""How many ways there are to say the same, in every language."""

_POINTS = Wording().unit


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks to whom, and how.

    Attributes:
        words: the language.
        phrasing: which of its phrasings.
        cast: what the framing calls those who take part.
        unit: what amounts are counted in, in words.
        names: of all who take part, the reader's being "you".
        seat: which of them the reader is.
    """

    words: Words
    phrasing: Phrasing
    cast: Cast
    unit: str
    names: tuple[str, ...]
    seat: int

    @classmethod
    def of(cls, wording: Wording, labels: Sequence[str], seat: int) -> "Voice":
        """The voice of a wording, for the reader in ``seat`` among players with these ``labels``.

        Labels that only count, as games have by default, give way to what the framing calls people.

        Raises:
            ValueError: there is no such phrasing.
        """
        words, phrasing, cast = spoken(wording)
        if not counts(labels):
            names = list(labels)
        elif len(labels) == 2:
            names = [cast.other] * 2
        else:
            names = [cast.numbered.format(number=k + 1) for k in range(len(labels))]
        names[seat] = words.you
        unit = words.points if wording.unit == _POINTS else wording.unit
        return cls(words, phrasing, cast, unit, tuple(names), seat)

    def story(self) -> str:
        """How many take part, in what."""
        others = len(self.names) - 1
        if others == 0:
            return self.cast.alone
        return self.cast.two if others == 1 else self.cast.many.format(others=others)

    def chooses(self, player: int, label: str) -> str:
        """The clause that a player chooses something."""
        if player == self.seat:
            return self.words.you_choose.format(label=label)
        return self.words.they_choose.format(player=self.names[player], label=label)

    def gets(self, player: int, amount: str) -> str:
        """The clause that a player gets an amount."""
        if player == self.seat:
            return self.words.you_get.format(amount=amount)
        return self.words.they_get.format(player=self.names[player], amount=amount)

    def heading(self, player: int) -> str:
        """The heading of what a player gets."""
        if player == self.seat:
            return self.words.your_table
        return self.words.their_table.format(player=self.names[player])

    def listed(self, players: Iterable[int]) -> str:
        """Players, in a list."""
        return ", ".join(self.names[player] for player in players)

    def beside(self, players: Iterable[int], entries: Iterable[str]) -> str:
        """Players in a list, each with an entry."""
        return ", ".join(f"{self.names[p]}: {entry}" for p, entry in zip(players, entries, strict=True))


def spoken(wording: Wording) -> tuple[Words, Phrasing, Cast]:
    """The language, the phrasing and the cast of a wording.

    Raises:
        ValueError: there is no such phrasing.
    """
    if not 0 <= wording.phrasing < PHRASINGS:
        raise ValueError(f"phrasing must lie in range({PHRASINGS}), got {wording.phrasing}")
    words = LANGUAGES[wording.language]
    return words, words.phrasings[wording.phrasing], words.casts[wording.framing]


def counts(labels: Sequence[str]) -> bool:
    """Whether labels say no more than positions do."""
    return all(label == str(k) for k, label in enumerate(labels))


def quoted(label: str) -> str:
    """A label between quotation marks, otherwise as it is."""
    return f'"{label}"'


def quoted_list(labels: Iterable[str]) -> str:
    """Labels between quotation marks, in a list."""
    return ", ".join(map(quoted, labels))
