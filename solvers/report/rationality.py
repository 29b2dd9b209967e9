"""Pictures and the page of a rationality run."""

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from games.text.untrusted import visible
from solvers.rationality.handling import ANSWERED
from solvers.rationality.plays_file import Record
from solvers.rationality.scenarios import Measure
from solvers.rationality.scorecard import Scorecard
from solvers.rationality.transcripts import said_in

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SAMPLES, _SHOWN = 6, 4000  # transcripts on a page, and characters of each text
_LIMITS, _CUT = (-1.0, 1.6), (-1.5, 2.0)
_PLAIN = 1e5  # figures from here on are shown in powers of ten
_NAME = 28  # characters of a player's name in a table or a legend


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Names that fit into tables and tell the players apart.

    Addresses of servers, and the settings of a model, are left out; names that would be alike are numbered.

    Args:
        names: of players, distinct.
    """
    short: dict[str, str] = {}
    for name in names:
        words = visible(name).removeprefix("scripted:").split()
        told = [word for word in words if "://" not in word and "=" not in word]
        bare = " ".join(told or words) or "?"
        candidate, count = _cut_to(bare, _NAME), 1
        while candidate in short.values():
            count += 1
            end = f" ({count})"
            candidate = _cut_to(bare, _NAME - len(end)) + end
        short[name] = candidate
    return short


def _cut_to(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def plot_scorecard(card: Scorecard, group: str) -> "Figure":
    """Figures of all players under one heading, where uniform choice gets 0 and a rational player 1.

    A figure of value v is drawn at (v - chance) / (ideal - chance), with its interval; those that have no
    chance or no ideal, or the same for both, are left to the tables. Baselines are drawn as small squares.
    What lies beyond the picture is drawn as a triangle at its edge.

    Args:
        card: the figures.
        group: the heading, one of ``card.groups``.
    """
    from matplotlib.figure import Figure

    players = list(card.measures)
    short = short_names(players)
    names = [name for name in card.names(group) if _scales(card, name, group)]
    height = 1.1 + len(names) * (0.14 + 0.09 * len(players))
    figure = Figure(figsize=(9.0, height), layout="constrained")
    axes = figure.subplots()
    step = 0.8 / max(len(players), 1)
    for k, player in enumerate(players):
        faint = player in card.baselines
        drawn = [(i, _scaled(card.find(name, player, group))) for i, name in enumerate(names)]
        known = [(i - 0.4 + (k + 0.5) * step, found) for i, found in drawn if found is not None]
        look: dict[str, Any] = {"color": f"C{k}", "alpha": 0.55 if faint else 1.0}
        axes.errorbar(
            [value for _, (_, value, _) in known],
            [place for place, _ in known],
            xerr=np.array([(value - low, high - value) for _, (low, value, high) in known]).reshape(-1, 2).T,
            fmt="none",
            lw=0.8 if faint else 1.3,
            **look,
        )
        # The library leaves out of the legend what begins with an underscore, as a name may.
        for marker, label, side in (
            ("s" if faint else "o", f" {short[player]}", 0),
            ("<", "", -1),
            (">", "", 1),
        ):
            there = [(value, place) for place, (_, value, _) in known if _beyond(value) == side]
            axes.plot(
                np.clip([value for value, _ in there], *_LIMITS),
                [place for _, place in there],
                marker,
                markersize=3 if faint else 5,
                label=label or None,
                clip_on=False,
                in_layout=False,  # or those without a point would take room
                **look,
            )
    for value, label in ((0.0, "chance"), (1.0, "ideal")):
        axes.axvline(value, color="black", lw=0.8, ls=":" if value else "--", zorder=0, label=label)
    axes.set(yticks=range(len(names)), yticklabels=names, title=f"{card.suite}: {group}", xlim=_LIMITS)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("0 uniform choice, 1 a rational player")
    for i in range(1, len(names)):
        axes.axhline(i - 0.5, color="0.9", lw=0.6, zorder=0)
    legend = figure.legend(frameon=False, fontsize="small", loc="outside right upper")
    for text in (*legend.get_texts(), *axes.get_yticklabels(), axes.title):
        text.set_parse_math(False)  # a name may hold dollars
    return figure


def plottable(card: Scorecard, group: str) -> bool:
    """Whether any figure under a heading has a place between chance and ideal."""
    return any(_scales(card, name, group) for name in card.names(group))


def _scales(card: Scorecard, name: str, group: str) -> bool:
    return any(_scaled(card.find(name, player, group)) is not None for player in card.measures)


def _scaled(measure: Measure | None) -> tuple[float, float, float] | None:
    """Low, value and high between chance 0 and ideal 1, cut off just outside the picture."""
    if measure is None or measure.chance is None or measure.ideal is None:
        return None
    span = measure.ideal - measure.chance
    if not span or not np.isfinite(measure.value):
        return None
    ends = sorted((x - measure.chance) / span for x in (measure.low, measure.high))
    value = (measure.value - measure.chance) / span
    if not np.isfinite(ends).all():
        ends = [value, value]
    low, high = np.clip(ends, *_CUT)
    return min(float(low), value), value, max(float(high), value)


def _beyond(value: float) -> int:
    """Whether a place lies within the picture (0), left of it (-1) or right of it (1)."""
    return int(value > _LIMITS[1]) - int(value < _LIMITS[0])


def scorecard_pictures(card: Scorecard) -> dict[str, bytes]:
    """A PNG for each heading with figures that can be drawn."""
    pictures = {}
    for group in card.groups:
        if plottable(card, group):
            content = io.BytesIO()
            plot_scorecard(card, group).savefig(content, format="png", dpi=110)
            pictures[group] = content.getvalue()
    return pictures


def rationality_page(
    card: Scorecard,
    records: Sequence[Record] = (),
    *,
    manifest: Mapping[str, Any] | None = None,
    pictures: Mapping[str, bytes] | None = None,
) -> str:
    """One HTML page that needs nothing beside it: pictures, tables, failures, and some of what was said.

    Texts of players are escaped and shown without control characters.

    Args:
        card: the figures.
        records: plays whose transcripts may be shown.
        manifest: what the run was asked for, as `solvers.rationality.run.read_manifest` gives it.
        pictures: what `scorecard_pictures` gives, where it is there already.

    Raises:
        FileFormatError: a transcript is malformed.
    """
    drawn = scorecard_pictures(card) if pictures is None else pictures
    short = short_names(card.measures)
    parts = [f"<h1>How rational? {_safe(card.suite)}</h1>", _players(card, short), _asked(card, manifest)]
    parts.append(_SCALE if drawn else "")
    links = (f'<a href="#g{k}">{_safe(group or card.suite)}</a>' for k, group in enumerate(card.groups))
    parts.append(f"<p>{' &middot; '.join(links)}</p>")
    parts += [
        f'<h2 id="g{k}">{_safe(group or card.suite)}</h2>{_picture(drawn, group)}{_table(card, group, short)}'
        for k, group in enumerate(card.groups)
    ]
    parts.append(_transcripts(records, short))
    return _PAGE.replace("TITLE", _safe(card.suite)).replace("BODY", "\n".join(parts))


_SCALE = """<p>In the pictures 0 is what uniform choice gets and 1 what a rational player gets, so that
figures of any kind stand side by side; lines are intervals, small squares are baselines. The tables have the
figures as they are, and of baselines the values alone. Undecided: the interval holds what chance gets.</p>"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>TITLE</title>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .5rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top }
.n { text-align: right }
.n, .p { white-space: nowrap }
.m { min-width: 13rem }
.b { color: #666; font-weight: normal }
.wide { overflow-x: auto }
img { max-width: 100% }
pre { background: #f6f6f6; padding: .7rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px }
summary { cursor: pointer }
small { color: #666 }
</style></head><body>
BODY
</body></html>
"""


def _asked(card: Scorecard, manifest: Mapping[str, Any] | None) -> str:
    """What was played and how it counts."""
    said = [f"Missing answers count as {card.handling.value}.", "Intervals cover at 95 % each."]
    if manifest is not None:
        names = [str(variant["name"]) for variant in manifest["variants"]]
        variants = f"{len(names)} variants ({', '.join(names)})" if len(names) > 1 else f"variant {names[0]}"
        times = manifest["replicates"]
        repeated = "played once" if times == 1 else f"played {times} times"
        version = f"counterplay {manifest['counterplay']}"
        said.insert(0, f"Each scenario {repeated} in {variants}, seed {manifest['seed']}, {version}.")
    return f"<p>{_safe(' '.join(said))}</p>"


def _table(card: Scorecard, group: str, short: Mapping[str, str]) -> str:
    """A row per figure and player, with the baselines' values at its end."""
    baselines = [player for player in card.measures if player in card.baselines]
    players = [player for player in card.measures if player not in card.baselines]
    if not players:
        players, baselines = baselines, []
    rows = []
    for name in card.names(group):
        beside = [card.find(name, player, group) for player in baselines]
        values = "".join(
            f'<td class="n b" rowspan="{len(players)}">{_number(m.value) if m else ""}</td>' for m in beside
        )
        for player in players:
            m = card.find(name, player, group) or Measure(name, np.nan, np.nan, np.nan, 0)
            first = player == players[0]
            title = f'<td class="m" rowspan="{len(players)}">{_safe(name)}</td>' if first else ""
            who = f'<td class="p">{_safe(short[player])}</td>' if len(players) > 1 else ""
            rows.append(
                f"<tr>{title}{who}"
                f'<td class="n">{_number(m.value)}</td><td class="n">{_interval(m)}</td>'
                f"<td>{_safe(_said_of(m))}</td>"
                f'<td class="n">{_number(m.chance)}</td><td class="n">{_number(m.ideal)}</td>'
                f'<td class="n">{m.count}</td>{values if first else ""}</tr>'
            )
    headings = {"measure": ""} | ({"player": ""} if len(players) > 1 else {})
    headings |= {"value": "n", "interval": "n", "against chance": "p", "chance": "n", "ideal": "n", "n": "n"}
    head = [f'<th class="{kind}">{heading}</th>' for heading, kind in headings.items()]
    head += [f'<th class="n b">{_safe(short[player])}</th>' for player in baselines]
    return f'<div class="wide"><table><tr>{"".join(head)}</tr>{"".join(rows)}</table></div>'


def _interval(measure: Measure) -> str:
    if not np.isfinite([measure.low, measure.high]).all():
        return ""
    return f"[{_number(measure.low)}, {_number(measure.high)}]"


def _said_of(measure: Measure) -> str:
    """How a figure compares with chance, as far as its interval tells."""
    if (
        measure.chance is None
        or not np.isfinite(measure.value)
        or np.isnan([measure.low, measure.high]).any()
    ):
        return ""
    tested = "" if measure.p_value is None else f" (p {measure.p_value:.2g})"
    if measure.low <= measure.chance <= measure.high:
        return f"undecided{tested}"
    above = measure.value > measure.chance
    if measure.ideal is None or measure.ideal == measure.chance:
        return f"{'above' if above else 'below'}{tested}"
    return f"{'better' if above == (measure.ideal > measure.chance) else 'worse'}{tested}"


def _players(card: Scorecard, short: Mapping[str, str]) -> str:
    """Who is who, since tables have no room for whole names, and what each left unanswered."""
    rows = []
    for player in card.measures:
        kinds = card.failures.get(player, {})
        missing = ", ".join(f"{count:,} {kind.lower()}" for kind, count in kinds.items()) or "none"
        baseline = player in card.baselines
        rows.append(
            f"<tr{' class=b' if baseline else ''}><td>{_safe(short[player])}</td><td>{_safe(player)}</td>"
            f"<td>{'baseline' if baseline else ''}</td><td>{_safe(missing)}</td></tr>"
        )
    head = "<th>player</th><th>whole name</th><th></th><th>questions without an answer</th>"
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _transcripts(records: Sequence[Record], short: Mapping[str, str]) -> str:
    """A few plays in which something was said, half of them with failures where there are."""
    spoken = [record for record in records if record.transcript]
    failed = [r for r in spoken if any(row.outcome != ANSWERED for row in r.play.rows)]
    fine = [r for r in spoken if all(row.outcome == ANSWERED for row in r.play.rows)]
    shown = failed[: max(_SAMPLES // 2, _SAMPLES - len(fine))]
    parts = []
    for record in [*shown, *fine[: _SAMPLES - len(shown)]]:
        play = record.play
        said = []
        for entry in said_in(record):
            asked = f"{entry.system}\n\n{entry.text}" if entry.system else entry.text
            said.append(f"<p><small>{_safe(_called(entry.player, short))} is asked</small></p>")
            said.append(f"<pre>{_safe(asked)}</pre>")
            for reply in entry.replies:
                how = ", ".join(filter(None, (reply.outcome.lower(), reply.detail)))
                said.append(f"<p><small>replies: {_safe(how)}</small></p><pre>{_safe(reply.text)}</pre>")
        name = _called(play.player, short)
        title = f"{name}: {play.scenario}, {play.variant}, replicate {play.replicate}"
        parts.append(f"<details><summary>{_safe(title)}</summary>{''.join(said)}</details>")
    counted = f"{len(parts)} of {len(spoken):,} plays in words"
    return f"<h2>What was said</h2><p>{counted}</p>{''.join(parts)}" if parts else ""


def _called(player: str, short: Mapping[str, str]) -> str:
    return short.get(player, player)


def _safe(value: object) -> str:
    """Text as HTML that shows it and nothing else."""
    text = visible(str(value))
    return html.escape(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")


def _number(value: float | None) -> str:
    if value is None or not np.isfinite(value):
        return ""
    return f"{value:.3f}" if abs(value) < _PLAIN else f"{value:.2e}"


def _picture(pictures: Mapping[str, bytes], group: str) -> str:
    if group not in pictures:
        return ""
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(pictures[group]).decode()}">'
