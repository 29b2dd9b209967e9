"""Words: the shape of what a language file holds.

A language file is data: pieces of text with named fields such as ``{player}``, which code fills by
`str.format`. Only pieces from these files are ever filled; labels, names, personas and remarks go in as
values and are never looked at again, so that braces or percent signs in them stay what they are.

People other than the reader always stand as the subject of a clause or in a list, never in another case, so
that a name or a noun phrase fits everywhere in every language.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from games.social.desires import Desire
from games.text.questions import Framing


class Layout(Enum):
    """In which form payoffs are laid out."""

    GRID = auto()
    """A table with all that is paid in one cell."""
    SENTENCES = auto()
    """A sentence per outcome."""
    OUTCOMES = auto()
    """A line per outcome, without verbs."""
    GROUPED = auto()
    """The outcomes in groups, by what the others choose."""
    SEPARATE = auto()
    """A table for each who is paid."""


@dataclass(frozen=True, slots=True)
class Cast:
    """What a framing calls the occasion and those who take part.

    Attributes:
        alone: the story where nobody else takes part.
        two: the story with one other.
        many: the story with more; ``{others}`` counts them.
        dividing: the story of a choice among allocations.
        other: the other one, where there is one.
        numbered: one of several; ``{number}`` counts from 1.
    """

    alone: str
    two: str
    many: str
    dividing: str
    other: str
    numbered: str


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One of the ways to say the same.

    Attributes:
        layout: of payoffs.
        own: what the reader may choose; ``{labels}``.
        theirs: what another may choose; ``{player}``, ``{labels}``.
        once: there is one round, and all choose at the same time.
        rounds: there are several, and in each all choose at the same time; ``{rounds}``, of which this is
            number ``{round}``.
        unending: likewise without a known end; ``{round}``.
        payoffs: what follows is what comes of the choices.
        history: what follows are all the rounds so far.
        told: ``{player}`` is known to choose ``{label}``.
        desire: what the reader is to want, a ``{goal}``.
        ask: for an action.
        ask_belief: for probabilities of what ``{player}`` chooses.
        shares: what follows are the options, with what each pays to whom.
        budget: the reader has ``{income}`` to spend.
        rules: what follows are rules.
        known: what follows is what the reader knows.
        legal: what the reader may do now; ``{labels}``.
    """

    layout: Layout
    own: str
    theirs: str
    once: str
    rounds: str
    unending: str
    payoffs: str
    history: str
    told: str
    desire: str
    ask: str
    ask_belief: str
    shares: str
    budget: str
    rules: str
    known: str
    legal: str


@dataclass(frozen=True, slots=True)
class Words:
    """A language.

    Attributes:
        you: the reader, as a subject.
        are: who the reader is; ``{who}``.
        unit: what amounts are counted in; ``{unit}``.
        points: what the unit "points" is called.
        conjunction: joins clauses of a condition, with the spaces around it.
        you_choose: clause; ``{label}``.
        they_choose: clause; ``{player}``, ``{label}``.
        sentence: an outcome; ``{conditions}``, ``{results}``.
        group: heading of a group of outcomes; ``{conditions}``.
        group_line: an outcome in its group; ``{conditions}``, ``{results}``.
        you_get: clause; ``{amount}``.
        they_get: clause; ``{player}``, ``{amount}``.
        always: what is paid whatever happens; ``{results}``.
        outcomes: legend of lines without verbs.
        grid: legend of a table; ``{row}``, ``{column}``.
        order: what its cells hold, where it is more than one amount; ``{payees}``.
        runs: legend of lines of runs; ``{row}``, ``{column}``, ``{payees}``.
        your_table: heading of what the reader gets.
        their_table: heading of what ``{player}`` gets.
        depends: the choices of those who are not shown do not matter for what follows.
        round: heading of the column that counts rounds, and of a line.
        you_chose: heading of a column, like the three that follow.
        they_chose: with ``{player}``.
        you_got: what a round paid.
        they_got: with ``{player}``.
        totals: sums over the rounds so far; ``{totals}``.
        told_you: the reader's own choice of this round is made; ``{label}``.
        remarks: what follows was written by others, and nobody vouches for it.
        wrote: who wrote what follows; ``{player}``.
        option: heading of the column of options.
        other_person: somebody without a name, beside the reader.
        person: one of several without a name; ``{number}``.
        price: heading of the row of prices of one unit.
        cost: heading of the column of what bundles cost.
        goals: what a desire wants, as clauses.
        for_other: the goal of altruism towards one; ``{player}``.
        casts: what each framing calls those who take part.
        phrasings: the ways to say the same.
    """

    you: str
    are: str
    unit: str
    points: str
    conjunction: str
    you_choose: str
    they_choose: str
    sentence: str
    group: str
    group_line: str
    you_get: str
    they_get: str
    always: str
    outcomes: str
    grid: str
    order: str
    runs: str
    your_table: str
    their_table: str
    depends: str
    round: str
    you_chose: str
    they_chose: str
    you_got: str
    they_got: str
    totals: str
    told_you: str
    remarks: str
    wrote: str
    option: str
    other_person: str
    person: str
    price: str
    cost: str
    goals: Mapping[Desire, str]
    for_other: str
    casts: Mapping[Framing, Cast]
    phrasings: tuple[Phrasing, ...]
