"""Pictures of runs; each function returns a matplotlib figure and touches no global state."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion, risk_figures
from games.profiles import Profile
from solvers.equilibrium.frontier import RiskFrontier
from solvers.psro.state import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_convergence(traces: Mapping[str, Trace], *, floor: float = 1e-12) -> "Figure":
    """NashConv of PSRO runs against iterations and against seconds, on logarithmic axes.

    Args:
        traces: one run per label.
        floor: NashConv below it is drawn at it, since a logarithm has no zero.
    """
    figure = _figure(9.0, 3.8)
    by_iteration, by_time = figure.subplots(1, 2, sharey=True)
    for label, trace in traces.items():
        gaps = np.maximum(trace.nash_conv, floor)
        by_iteration.plot(np.arange(1, len(trace) + 1), gaps, label=label, lw=1.4)
        by_time.plot(trace.seconds, gaps, label=label, lw=1.4)
    by_iteration.set(xscale="log", yscale="log", xlabel="iteration", ylabel="NashConv")
    by_time.set(xscale="log", xlabel="seconds")
    for axis in (by_iteration, by_time):
        axis.grid(alpha=0.3, which="both", lw=0.4)
    by_iteration.legend(frameon=False)
    figure.suptitle("PSRO: distance from equilibrium")
    return figure


def plot_mean_variance(
    game: NormalFormGame,
    *,
    opponent: ArrayLike,
    gammas: Sequence[float],
    best: Sequence[NDArray[np.float64]],
) -> "Figure":
    """Mean against variance of every own mixture of player 0, with the best mixture at each risk aversion.

    Args:
        game: a two-player game in which player 0 has two actions.
        opponent: what player 1 plays, shape (n_2,).
        gammas: risk aversions.
        best: the risk-averse best response at each of them, each of shape (2,).
    """
    if game.num_players != 2 or game.num_actions[0] != 2:
        raise ValueError(f"game must have two players and two own actions, got {game.num_actions}")
    figure = _figure(5.2, 3.8)
    axis = figure.subplots()
    opponent = np.asarray(opponent, dtype=np.float64)
    line = np.linspace(0.0, 1.0, 101)
    curve = np.array([_mean_variance(game, (np.array([1 - p, p]), opponent)) for p in line])
    axis.plot(curve[:, 1], curve[:, 0], color="0.6", lw=1.2, zorder=1)
    ends = [_mean_variance(game, (np.eye(2)[k], opponent)) for k in range(2)]
    for k, label in enumerate(game.actions[0]):
        # Towards the other end, so that the words stay inside the frame.
        left = ends[k][1] > ends[1 - k][1]
        axis.annotate(
            f"always {label}",
            ends[k][::-1],
            (-10 if left else 10, -3),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=9,
        )
    # Shrinking marks, so that risk aversions with the same answer all stay visible.
    for k, (gamma, x) in enumerate(zip(gammas, best, strict=True)):
        mean, variance = _mean_variance(game, (x, opponent))
        size = 260.0 * 0.5**k + 12.0
        axis.scatter(variance, mean, s=size, color=f"C{k}", label=f"γ = {gamma:g}", zorder=2 + k)
    axis.set(xlabel="variance over the opponent's play", ylabel="mean payoff")
    axis.legend(frameon=False, fontsize=9, title="best response", loc="lower right", markerscale=0.6)
    axis.grid(alpha=0.3, lw=0.4)
    figure.suptitle(f"{game.name}: {game.actions[1][0]} met with probability {opponent[0]:g}", fontsize=10)
    return figure


def plot_risk_frontier(frontier: RiskFrontier, *, player: int = 0, title: str = "") -> "Figure":
    """Mean against variance of equilibria along the risk aversions, for one player.

    Args:
        frontier: from ``risk_frontier``.
        player: whose payoffs.
        title: heading.
    """
    from matplotlib.colors import SymLogNorm

    figure = _figure(5.6, 3.8)
    axis = figure.subplots()
    means, variances = frontier.means[:, player], frontier.variances[:, player]
    axis.plot(variances, means, color="0.6", lw=1.0, zorder=1)
    positive = frontier.gammas[frontier.gammas > 0]
    # Risk aversions span decades; symlog shows them, and zero too.
    scale = SymLogNorm(linthresh=float(positive.min(initial=1.0)), vmin=0.0)
    marks = axis.scatter(variances, means, c=frontier.gammas, cmap="viridis", norm=scale, s=30, zorder=2)
    figure.colorbar(marks, ax=axis, label="risk aversion γ")
    axis.set(xlabel="variance over the opponents' play", ylabel="mean payoff")
    axis.grid(alpha=0.3, lw=0.4)
    figure.suptitle(title, fontsize=10)
    return figure


def plot_basins(
    starts: Sequence[float], gammas: Sequence[float], reached: ArrayLike, *, action: str, title: str = ""
) -> "Figure":
    """Which equilibrium each start leads to, at each risk aversion.

    Args:
        starts: probability of ``action`` at the start.
        gammas: risk aversions.
        reached: probability of ``action`` at the end, shape (gammas, starts).
        action: label of the action.
        title: heading.
    """
    table = np.asarray(reached, dtype=np.float64)
    if table.shape != (len(gammas), len(starts)):
        raise ValueError(f"reached must have shape {(len(gammas), len(starts))}, got {table.shape}")
    figure = _figure(5.2, 3.8)
    axis = figure.subplots()
    image = axis.imshow(table, origin="lower", aspect="auto", cmap="RdYlGn", alpha=0.75, vmin=0.0, vmax=1.0)
    axis.set_xticks(range(len(starts)), [f"{s:g}" for s in starts])
    axis.set_yticks(range(len(gammas)), [f"{g:g}" for g in gammas])
    for (row, column), value in np.ndenumerate(table):
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=10)
    axis.set(xlabel=f"P({action}) at the start", ylabel="risk aversion γ")
    figure.colorbar(image, ax=axis, label=f"P({action}) at the end")
    figure.suptitle(title, fontsize=10)
    return figure


def _mean_variance(game: NormalFormGame, profile: Profile) -> tuple[float, float]:
    means, variances = risk_figures(game, profile, RiskAversion(0.0))
    return float(means[0]), float(variances[0])


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=150)
