"""A seat in a normal-form game, in words."""

from functools import lru_cache

from games.normal_form.game import NormalFormGame
from games.social.desires import Desire
from games.text.questions import Wording
from games.text.render.layouts import cramped, lay_out, rows
from games.text.render.numbers import number, numbers
from games.text.render.remarks import remarked
from games.text.render.tables import payoff_tables
from games.text.render.voice import Voice, counts, quoted, quoted_list
from games.text.render.words import Layout
from games.text.situations import MatrixSituation

_KEPT = 64


def matrix_blocks(situation: MatrixSituation, wording: Wording) -> list[str]:
    """What there is to say of a seat in a game, by paragraphs, without what is asked."""
    game, seat = situation.game, situation.seat
    # Persona and reasoning say nothing about the game, so that wordings apart only there share what is kept.
    kept = Wording(wording.phrasing, wording.language, wording.framing, unit=wording.unit)
    voice, opening, payoffs = _standing(game, seat, kept)
    blocks = [f"{opening} {_rounds(situation, voice)}", payoffs]
    if situation.history:
        blocks.append(_history(situation, voice))
    blocks += [_told(voice, situation, p, a) for p, a in enumerate(situation.told) if a is not None]
    if situation.desire is not None:
        blocks.append(wanted(situation.desire, voice))
    if situation.remarks:
        blocks.append(remarked(situation.remarks, voice))
    return blocks


def belief_asked(situation: MatrixSituation, about: int, wording: Wording) -> str:
    """The question how likely another player takes each of its actions."""
    voice = Voice.of(wording, situation.game.players, situation.seat)
    labels = quoted_list(situation.options_of(about))
    return voice.phrasing.ask_belief.format(player=voice.names[about], labels=labels)


def wanted(desire: Desire, voice: Voice) -> str:
    """What the reader is asked to want."""
    goal = voice.words.goals[desire]
    if desire is Desire.ALTRUISM and len(voice.names) == 2:
        goal = voice.words.for_other.format(player=voice.names[1 - voice.seat])
    return voice.phrasing.desire.format(goal=goal)


@lru_cache(maxsize=_KEPT)
def _standing(game: NormalFormGame, seat: int, wording: Wording) -> tuple[Voice, str, str]:
    """The voice, the opening and the payoffs: what stays the same from round to round."""
    voice = Voice.of(wording, game.players, seat)
    phrasing = voice.phrasing
    opening = [voice.story()]
    if not counts(game.players):
        opening.append(voice.words.are.format(who=game.players[seat]))
    elif game.num_players > 2:
        opening.append(voice.words.are.format(who=voice.cast.numbered.format(number=seat + 1)))
    opening.append(phrasing.own.format(labels=quoted_list(game.actions[seat])))
    opening += [
        phrasing.theirs.format(player=name, labels=quoted_list(game.actions[p]))
        for p, name in enumerate(voice.names)
        if p != seat
    ]
    tables = payoff_tables(game, seat)
    parts = [f"{voice.words.unit.format(unit=voice.unit)} {phrasing.payoffs}"]
    for table in tables:
        text = lay_out(table, voice)
        if len(tables) > 1:
            heading = voice.heading(table.payees[0])
            text = f"{heading if table.complete else f'{heading} {voice.words.depends}'}\n{text}"
        parts.append(text)
    return voice, " ".join(opening), "\n\n".join(parts)


def _rounds(situation: MatrixSituation, voice: Voice) -> str:
    now = len(situation.history) + 1
    if situation.rounds is None:
        return voice.phrasing.unending.format(round=now)
    if situation.rounds == 1:
        return voice.phrasing.once
    return voice.phrasing.rounds.format(rounds=situation.rounds, round=now)


def _history(situation: MatrixSituation, voice: Voice) -> str:
    """Every round with everybody's choice and payoff, and the sums."""
    game, seat, words = situation.game, situation.seat, voice.words
    order = [seat, *(p for p in range(game.num_players) if p != seat)]
    totals = [0.0] * len(order)
    lines = []
    as_table = voice.phrasing.layout in (Layout.GRID, Layout.GROUPED, Layout.SEPARATE)
    as_table = as_table and not cramped(*game.actions, voice.names)
    for k, joint in enumerate(situation.history):
        index: tuple[int | slice, ...] = (slice(None), *joint)
        paid: list[float] = game.payoffs[index].tolist()
        totals = [total + paid[p] for total, p in zip(totals, order, strict=True)]
        chosen = [game.actions[p][joint[p]] for p in order]
        got = numbers(paid[p] for p in order)
        if as_table:
            lines.append((str(k + 1), *chosen, *got))
        else:
            played = voice.beside(order, map(quoted, chosen))
            lines.append((f"- {words.round} {k + 1} - {played} -> {voice.beside(order, got)}",))
    sums = words.totals.format(totals=voice.beside(order, map(number, totals)))
    if as_table:
        others = voice.names[:seat] + voice.names[seat + 1 :]
        head = (
            words.round,
            words.you_chose,
            *(words.they_chose.format(player=name) for name in others),
            words.you_got,
            *(words.they_got.format(player=name) for name in others),
        )
        record = rows(head, *lines)
    else:
        record = "\n".join((words.outcomes, *(line for (line,) in lines)))
    return f"{voice.phrasing.history}\n{record}\n{sums}"


def _told(voice: Voice, situation: MatrixSituation, player: int, action: int) -> str:
    label = situation.game.actions[player][action]
    if player == situation.seat:
        return voice.words.told_you.format(label=label)
    return voice.phrasing.told.format(player=voice.names[player], label=label)
