"""Policies of a coupled bandit side by side, as a table and as a picture, with what no policy can exceed."""

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from solvers.sequoia.evaluation import Evaluation, Interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def policies_table(evaluation: Evaluation, *, title: str = "") -> Table:
    """One row for each policy, the best first.

    Columns: reward with its interval, paired difference with its interval, how far below the bound, share of
    decisions proven best, milliseconds of a decision.
    """
    bounded = evaluation.bound is not None and evaluation.bound.per_step > 0
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True
    )
    table.add_column("policy", no_wrap=True)
    for heading in ("reward", f"less {evaluation.reference}", "below bound", "certified", "ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for score in sorted(evaluation.scores, key=lambda s: -s.reward.mean):
        table.add_row(
            score.name,
            _words(score.reward),
            "-" if score.name == evaluation.reference else _words(score.difference, "+"),
            f"{evaluation.share_below(score.name):.2%}" if bounded else "-",
            "-" if score.certified is None else f"{score.certified:.1%}",
            f"{1e3 * score.seconds_per_decision:.2f}",
        )
    if evaluation.bound is not None:
        table.add_row("any policy", f"at most {evaluation.bound.per_step:.4g}", "-", "-", "-", "-")
    return table


def plot_policies(evaluation: Evaluation, *, title: str = "") -> "Figure":
    """A bar for the mean reward of each policy with its interval, and a line at the bound."""
    from matplotlib.figure import Figure

    scores = sorted(evaluation.scores, key=lambda s: s.reward.mean)
    figure = Figure(figsize=(6.4, 0.34 * len(scores) + 1.3), layout="constrained", dpi=150)
    axis = figure.subplots()
    for place, score in enumerate(scores):
        reward = score.reward
        axis.barh(place, reward.mean, color="C0" if score.name == evaluation.reference else "0.7")
        axis.plot([reward.low, reward.high], [place, place], color="black", lw=1.4)
    axis.set_yticks(range(len(scores)), [score.name for score in scores])
    if evaluation.bound is not None:
        axis.axvline(evaluation.bound.per_step, color="C3", ls="--", lw=1.2, label="no policy exceeds")
        axis.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    axis.set(xlabel="mean expected reward a step")
    axis.grid(axis="x", alpha=0.3, lw=0.4)
    figure.suptitle(title, fontsize=10)
    return figure


def _words(interval: Interval, sign: str = "") -> str:
    radius = 0.5 * (interval.high - interval.low)
    return f"{interval.mean:{sign}.4g} ± {radius:.2g}"
