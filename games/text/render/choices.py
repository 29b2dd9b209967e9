"""Choices without opponents, and games played move by move, in words."""

from games.text.questions import Wording
from games.text.render.layouts import cramped, lay_out, rows
from games.text.render.matrix import wanted
from games.text.render.numbers import number, numbers
from games.text.render.remarks import remarked
from games.text.render.tables import PayoffTable
from games.text.render.voice import LANGUAGES, Voice, quoted, quoted_list
from games.text.render.words import Layout
from games.text.situations import AllocationSituation, BundleSituation, PlaySituation


def allocation_blocks(situation: AllocationSituation, wording: Wording) -> list[str]:
    """What there is to say of a choice among allocations; people without a name are called persons."""
    count = len(situation.people)
    words = LANGUAGES[wording.language]
    names = [
        name or (words.other_person if count == 2 else words.person.format(number=k + 1))
        for k, name in enumerate(situation.people)
    ]
    voice = Voice.of(wording, names, 0)
    table = PayoffTable((0,), (situation.options,), tuple(range(count)), situation.payoffs.T)
    intro = f"{words.unit.format(unit=voice.unit)} {voice.phrasing.shares}"
    blocks = [voice.cast.dividing, f"{intro}\n{lay_out(table, voice)}"]
    if situation.desire is not None:
        blocks.append(wanted(situation.desire, voice))
    return blocks


def bundle_blocks(situation: BundleSituation, wording: Wording) -> list[str]:
    """What there is to say of a choice among bundles: the income, the prices, and what each bundle holds."""
    voice = Voice.of(wording, ("0",), 0)
    words, goods = voice.words, situation.goods
    prices = numbers(situation.prices.tolist())
    costs = numbers((situation.bundles @ situation.prices).tolist())
    bundles = [numbers(bundle) for bundle in situation.bundles.tolist()]
    price, cost = f"{words.price} ({voice.unit})", f"{words.cost} ({voice.unit})"
    tabular = voice.phrasing.layout in (Layout.GRID, Layout.SEPARATE)
    if tabular and not cramped(situation.options, goods, (voice.unit,)):
        body = (
            (label, *bundle, spent)
            for label, bundle, spent in zip(situation.options, bundles, costs, strict=True)
        )
        text = rows((words.option, *goods, cost), (price, *prices, ""), *body)
    else:
        lines = [f"{price} - {_pairs(goods, prices)}"]
        for label, bundle, spent in zip(situation.options, bundles, costs, strict=True):
            lines.append(f"- {quoted(label)} - {_pairs(goods, bundle)}; {cost}: {spent}")
        text = "\n".join(lines)
    income = f"{number(situation.income)} {voice.unit}"
    return [f"{voice.story()} {voice.phrasing.budget.format(income=income)}", text]


def play_blocks(situation: PlaySituation, wording: Wording) -> list[str]:
    """What there is to say of a decision in play: the rules, what is known, and the legal options."""
    labels = [str(k) for k in range(situation.game.num_players)]
    voice = Voice.of(wording, labels, situation.seat)
    phrasing = voice.phrasing
    blocks = [voice.story(), f"{phrasing.rules}\n{situation.rules}", f"{phrasing.known}\n{situation.known}"]
    if situation.remarks:
        blocks.append(remarked(situation.remarks, voice))
    blocks.append(phrasing.legal.format(labels=quoted_list(situation.options)))
    return blocks


def _pairs(names: tuple[str, ...], entries: list[str]) -> str:
    return ", ".join(f"{name}: {entry}" for name, entry in zip(names, entries, strict=True))
