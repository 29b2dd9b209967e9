"""Two firms court one karate club: an equilibrium by double oracle, and what aversion to risk makes of it.

    python examples/influence_competition.py --out results/influence_competition

Each firm has two members who may invite one friend each; whoever is nearer wins a member, and a firm minds
what its rival wins. The double oracle finds an equilibrium among all strategies without listing them, with a
certificate about the true spread. As the club is small, its strategies can also be listed: the matrix game of
all of them confirms the equilibrium, and shows how risk-averse firms, who reckon with an opponent that errs
now and then, turn to friends whose worth depends less on what the rival does.
"""

import argparse
from itertools import combinations
from pathlib import Path

import networkx
import numpy as np
from matplotlib.figure import Figure

from games.influence import (
    Competition,
    Firm,
    competition_game,
    draw_depth_sets,
    empirical_game,
    normal_form,
    uniform_cascade,
)
from games.influence.competition import Strategy
from games.influence.graph import as_graph
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion, risk_figures
from games.profiles import Profile
from solvers.equilibrium import solve_risk_averse
from solvers.influence import CompetitionSolution, solve_competition

AVERSIONS = (0.0, 0.1, 0.3, 1.0, 3.0)
TREMBLE = 0.1
SETS = 20_000


def main() -> None:
    """Solve, compare with all strategies, raise the aversion, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/influence_competition"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    club = as_graph(networkx.karate_club_graph(), weight="none")
    firms = [Firm("east", [13, 2], 1), Firm("west", [9, 0], 1)]
    game = competition_game(uniform_cascade(club, 0.5), firms, rivalry=1.0)
    found = compete(game, args.seed)
    whole = list_all(game, found, args.seed)
    profiles = grow_averse(whole)
    draw(whole, profiles).savefig(args.out / "aversion.png")
    print(f"files: {', '.join(sorted(path.name for path in args.out.iterdir()))}")


def compete(game: Competition, seed: int) -> CompetitionSolution:
    """An equilibrium by double oracle, and what is certified of it."""
    result = solve_competition(game, num_sets=SETS, tol=0.05, rng=np.random.default_rng(seed))
    found, certificate = result.unwrap(), result.certificate
    for name, played, payoff in zip(game.names, found.invited, found.payoffs, strict=True):
        ways = "; or ".join(f"{', '.join(map(str, who))} ({p:.0%})" for p, who in played)
        print(f"{name} invites {ways}; is {payoff:+.2f} members ahead")
    print(
        f"no firm gains much by any other choice: NashConv at most {certificate.bound:.2f} members, "
        f"with confidence {certificate.confidence:g} ({result.status})"
    )
    return found


def list_all(game: Competition, found: CompetitionSolution, seed: int) -> NormalFormGame:
    """The matrix game of all strategies on a sample of its own, and the double oracle's profile in it."""
    sets = draw_depth_sets(game, SETS, rng=np.random.default_rng([seed, 1]))
    populations = [strategies_of(game, firm) for firm in range(game.num_firms)]
    whole = normal_form(game, empirical_game(game, sets, populations), populations)
    profile = []
    for listed, own, mixture in zip(populations, found.populations, found.profile, strict=True):
        weights = np.zeros(len(listed))
        for strategy, p in zip(own, mixture, strict=True):
            weights[next(k for k, s in enumerate(listed) if np.array_equal(s, strategy))] += p
        profile.append(weights)
    sizes = " x ".join(map(str, whole.num_actions))
    print(f"among all {sizes} strategies, on another sample: NashConv {nash_conv(whole, profile):.2f}")
    return whole


def strategies_of(game: Competition, firm: int) -> list[Strategy]:
    """All pairs of friends a firm can invite; inviting fewer only loses."""
    found = []
    for pair in combinations(range(game.problems[firm].num_candidates), 2):
        try:
            found.append(game.checked(firm, pair))
        except ValueError:  # its adopters cannot invite both
            continue
    return found


def grow_averse(whole: NormalFormGame) -> list[Profile]:
    """Risk-averse equilibria of the same matrix game, each certified."""
    profiles = []
    for gamma in AVERSIONS:
        risk = RiskAversion(gamma, TREMBLE)
        profile = solve_risk_averse(whole, risk).require(1e-6).unwrap()
        means, variances = risk_figures(whole, profile, risk)
        plays = " against ".join(
            " or ".join(f"{whole.actions[i][k]} ({x[k]:.0%})" for k in np.flatnonzero(x > 0.005))
            for i, x in enumerate(profile)
        )
        spreads = ", ".join(f"{m:+.2f} ± {v**0.5:.2f}" for m, v in zip(means, variances, strict=True))
        print(f"aversion {gamma:g}: {plays}; payoffs {spreads}")
        profiles.append(profile)
    return profiles


def draw(whole: NormalFormGame, profiles: list[Profile]) -> Figure:
    """What every firm plays at each aversion, and what its payoff then varies by."""
    figure = Figure(figsize=(9.6, 3.8), layout="constrained", dpi=150)
    axes = figure.subplots(1, whole.num_players + 1)
    places = np.arange(len(AVERSIONS))
    labels = [f"{gamma:g}" for gamma in AVERSIONS]
    for i, axis in enumerate(axes[:-1]):
        table = np.array([profile[i] for profile in profiles])
        floor = np.zeros(len(profiles))
        for k in np.flatnonzero(table.max(axis=0) > 0.005):
            axis.bar(places, table[:, k], bottom=floor, label=whole.actions[i][k])
            floor += table[:, k]
        axis.set(title=f"{whole.players[i]} invites", xlabel="risk aversion", ylabel="probability")
        axis.set(ylim=(0, 1.25), yticks=(0.0, 0.5, 1.0))
        axis.set_xticks(places, labels)
        axis.legend(frameon=False, fontsize=8, ncols=2, loc="upper center")
    deviations = np.array(
        [
            np.sqrt(risk_figures(whole, profile, RiskAversion(gamma, TREMBLE))[1])
            for gamma, profile in zip(AVERSIONS, profiles, strict=True)
        ]
    )
    for i, name in enumerate(whole.players):
        axes[-1].plot(places, deviations[:, i], marker="os"[i], label=name)
    axes[-1].set(title="risk", xlabel="risk aversion", ylabel="standard deviation of payoff", ylim=(0, None))
    axes[-1].set_xticks(places, labels)
    axes[-1].legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    main()
