"""Pictures and the page of a rationality run."""

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from games.text.untrusted import visible
from solvers.rationality.plays_file import Record
from solvers.rationality.scenarios import Measure
from solvers.rationality.scorecard import Scorecard
from solvers.rationality.transcripts import said_in

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SAMPLES, _SHOWN = 6, 4000  # transcripts on a page, and characters of each text
_LIMITS, _CUT = (-1.0, 1.6), (-1.5, 2.0)
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
                markersize=2.5 if faint else 5,
                label=label or None,
                clip_on=False,
                **look,
            )
    for value, label in ((0.0, "chance"), (1.0, "ideal")):
        axes.axvline(value, color="black", lw=0.8, ls=":" if value else "--", zorder=0, label=label)
    axes.set(yticks=range(len(names)), yticklabels=names, title=f"{card.suite}: {group}", xlim=_LIMITS)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("0 uniform choice, 1 a rational player")
    for i in range(1, len(names)):
        axes.axhline(i - 0.5, color="0.9", lw=0.6, zorder=0)
    legend = axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
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
    parts = [f"<h1>{_safe(card.suite)}</h1>"]
    if manifest is not None:
        asked = f"{manifest['replicates']} replicates, {len(manifest['variants'])} variants"
        parts.append(
            f"<p>{_safe(asked)}, seed {_safe(manifest['seed'])}, counterplay {_safe(manifest['counterplay'])}"
            f". Missing answers count as {_safe(card.handling.value)}. Intervals cover at 95 % each.</p>"
        )
    parts += [
        f"<h2>{_safe(group)}</h2>{_picture(drawn, group)}{_table(card, group, short)}"
        for group in card.groups
    ]
    parts += [_failures(card, short), _players(card, short), _transcripts(records)]
    return _PAGE.replace("TITLE", _safe(card.suite)).replace("BODY", "\n".join(parts))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>TITLE</title>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: left }
td.n { text-align: right; white-space: nowrap }
tr.baseline td { color: #666 }
img { max-width: 100% }
pre { background: #f6f6f6; padding: .7rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px }
summary { cursor: pointer }
small { color: #666 }
</style></head><body>
BODY
</body></html>
"""


def _table(card: Scorecard, group: str, short: Mapping[str, str]) -> str:
    rows = []
    for name in card.names(group):
        for player in card.measures:
            m = card.find(name, player, group)
            if m is None:
                continue
            kind = ' class="baseline"' if player in card.baselines else ""
            rows.append(
                f"<tr{kind}><td>{_safe(m.name)}</td><td>{_safe(short[player])}</td>"
                f'<td class="n">{_number(m.value)}</td>'
                f'<td class="n">{_interval(m)}</td>'
                f'<td class="n">{_number(m.chance)}</td><td class="n">{_number(m.ideal)}</td>'
                f'<td class="n">{m.count}</td><td>{_safe(_said_of(m))}</td></tr>'
            )
    head = "".join(
        f"<th>{name}</th>"
        for name in ("measure", "player", "value", "interval", "chance", "ideal", "n", "against chance")
    )
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _interval(measure: Measure) -> str:
    if not np.isfinite([measure.low, measure.high]).all():
        return ""
    return f"[{_number(measure.low)}, {_number(measure.high)}]"


def _said_of(measure: Measure) -> str:
    if (
        measure.chance is None
        or not np.isfinite(measure.value)
        or np.isnan([measure.low, measure.high]).any()
    ):
        return ""
    tested = "" if measure.p_value is None else f", p = {measure.p_value:.2g}"
    if measure.low <= measure.chance <= measure.high:
        return f"cannot be told from chance{tested}"
    above = measure.value > measure.chance
    if measure.ideal is None or measure.ideal == measure.chance:
        return f"{'above' if above else 'below'} chance{tested}"
    return f"{'better' if above == (measure.ideal > measure.chance) else 'worse'} than chance{tested}"


def _players(card: Scorecard, short: Mapping[str, str]) -> str:
    """Who is who, since tables have no room for whole names."""
    rows = "".join(
        f"<tr><td>{_safe(short[player])}</td><td>{_safe(player)}</td>"
        f"<td>{'baseline' if player in card.baselines else ''}</td></tr>"
        for player in card.measures
    )
    return f"<h2>Players</h2><table><tr><th>here</th><th>whole name</th><th></th></tr>{rows}</table>"


def _failures(card: Scorecard, short: Mapping[str, str]) -> str:
    found = [
        f'<tr><td>{_safe(short[player])}</td><td>{_safe(kind.lower())}</td><td class="n">{count}</td></tr>'
        for player, kinds in card.failures.items()
        for kind, count in kinds.items()
    ]
    if not found:
        return "<h2>Questions without an answer</h2><p>None.</p>"
    head = "<tr><th>player</th><th>why</th><th>questions</th></tr>"
    return f"<h2>Questions without an answer</h2><table>{head}{''.join(found)}</table>"


def _transcripts(records: Sequence[Record]) -> str:
    """A few plays in which something was said, those with failures first."""
    spoken = [record for record in records if record.transcript]
    spoken.sort(key=lambda record: all(row.outcome == "ANSWERED" for row in record.play.rows))
    parts = []
    for record in spoken[:_SAMPLES]:
        play = record.play
        said = []
        for entry in said_in(record):
            said.append(f"<pre>{_safe(entry.system)}\n\n{_safe(entry.text)}</pre>")
            said += [
                f"<p><small>{_safe(reply.outcome.lower())} {_safe(reply.detail)}</small></p>"
                f"<pre>{_safe(reply.text)}</pre>"
                for reply in entry.replies
            ]
        title = f"{play.player}: {play.scenario}, {play.variant}, replicate {play.replicate}"
        parts.append(f"<details><summary>{_safe(title)}</summary>{''.join(said)}</details>")
    return f"<h2>What was said</h2>{''.join(parts)}" if parts else ""


def _safe(value: object) -> str:
    """Text as HTML that shows it and nothing else."""
    text = visible(str(value))
    return html.escape(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")


def _number(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.3f}"


def _picture(pictures: Mapping[str, bytes], group: str) -> str:
    if group not in pictures:
        return ""
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(pictures[group]).decode()}">'
