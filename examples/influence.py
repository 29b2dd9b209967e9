"""Whom should the adopters invite? Capacity-constrained influence maximisation, with what is proven of it.

    python examples/influence.py --out results/influence
    python examples/influence.py --out results/influence --graph wiki-Vote.txt.gz

Characters of Les Misérables invite friends, and a cascade is drawn. On a larger network (generated, or the
edge list given) the spread of several methods is drawn against the capacity, and the certified share of the
optimum against time. At the end two firms compete for the characters. Needs networkx.
"""

import argparse
import time
from pathlib import Path

import networkx
import numpy as np

from games.influence import (
    DirectedGraph,
    Firm,
    ReverseSets,
    as_graph,
    capacity_problem,
    competition_game,
    read_edge_list,
    weighted_cascade,
)
from games.influence.cascade import draw_cascade
from games.influence.certificate import share_at_least, share_at_most
from games.influence.problem import CapacityProblem
from games.progress import ProgressCallback
from solvers.influence import (
    Invitation,
    OnlineProcessing,
    solve,
    solve_capacity,
    solve_competition,
    solve_opim,
)
from solvers.influence.heuristics import solve_degree
from solvers.report.influence import RatioPoint, SpreadPoint, plot_cascade, plot_ratio, plot_spread

ADOPTERS = ("Valjean", "Javert", "Myriel")
CAPACITIES = (1, 2, 5, 10)
JUDGES = 100_000


def main() -> None:
    """Invite, draw, compete."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/influence_example"))
    parser.add_argument("--graph", type=Path, help="edge list for the curves; generated if left out")
    parser.add_argument("--undirected", action="store_true", help="its lines are arcs both ways")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)

    novel = networkx.les_miserables_graph()
    draw_invitations(novel, out)
    if arguments.graph is None:
        graph = as_graph(networkx.barabasi_albert_graph(2_000, 4, seed=1))
    else:
        graph = read_edge_list(arguments.graph, directed=not arguments.undirected)
    draw_curves(graph, out)
    compete(novel)
    print("files:", ", ".join(sorted(path.name for path in out.glob("*.png"))))


def draw_invitations(novel: networkx.Graph, out: Path) -> None:
    """The whole user's side: one call, and a picture of what may follow."""
    result = solve(novel, ADOPTERS, capacity=2, target_ratio=0.9)
    invitation = result.unwrap()
    for adopter, friends in invitation.friends.items():
        print(f"{adopter} invites {' and '.join(map(str, friends))}")
    low, high = invitation.spread_interval
    print(
        f"spread {invitation.spread:.1f} (between {low:.1f} and {high:.1f}), at least {invitation.ratio:.0%} "
        f"of the optimum, from {result.info['sets']} sets"
    )
    graph = as_graph(novel)
    places = networkx.kamada_kawai_layout(novel, weight=None)
    adopters = [graph.number(name) for name in ADOPTERS]
    asked = [(graph.number(u), graph.number(v)) for u, vs in invitation.friends.items() for v in vs]
    cascade = draw_cascade(
        weighted_cascade(graph), [v for _, v in asked], removed=adopters, rng=np.random.default_rng(4)
    )
    reached = np.count_nonzero(cascade.step >= 0)
    figure = plot_cascade(
        graph,
        np.array([places[graph.label(v)] for v in range(graph.num_nodes)]),
        cascade,
        adopters=adopters,
        invitations=asked,
        title=f"one cascade: {reached} reached, {invitation.spread:.1f} on average",
    )
    figure.savefig(out / "cascade.png")


def draw_curves(graph: DirectedGraph, out: Path) -> None:
    """Spread against capacity for several methods, and the certified ratio against time."""
    rng = np.random.default_rng(0)
    adopters = rng.choice(graph.num_nodes, graph.num_nodes // 20, replace=False)
    names = [graph.label(int(v)) for v in adopters]
    diffusion = weighted_cascade(graph)
    curves: dict[str, list[SpreadPoint]] = {}
    traces: dict[str, list[RatioPoint]] = {}
    for capacity in CAPACITIES:
        problem = capacity_problem(diffusion, names, capacity)
        results = {
            "anytime": solve_capacity(problem, target_ratio=0.9, max_sets=1 << 16),
            "RR-OPIM+": solve_opim(problem),
            "MG-OPIM": solve_opim(problem, OnlineProcessing(in_rounds=False, tight=False)),
            "degree": solve_degree(problem),
        }
        for label, result in results.items():
            curves.setdefault(label, []).append(judge(problem, result.unwrap(), capacity))
        if capacity in (2, 10):
            traces[f"k = {capacity}"] = certification(problem)
    plot_spread(curves, title=f"{graph.num_nodes} nodes, {len(names)} adopters").savefig(out / "spread.png")
    plot_ratio(traces, title="certified share of the optimum").savefig(out / "ratio.png")
    for label, points in curves.items():
        print(f"{label:<10}" + "  ".join(f"k={p.capacity}: {p.spread:.0f}" for p in points))
    for label, trace in traces.items():
        print(f"{label:<10}certified {trace[0].ratio:.2f} at first, {trace[-1].ratio:.2f} at last")


def judge(problem: CapacityProblem, invitation: Invitation, capacity: int) -> SpreadPoint:
    """The spread by sets that no method has seen, the same for all."""
    graph = problem.diffusion.graph
    seeds = np.array([graph.number(v) for v in invitation.seeds], dtype=np.int64)
    marked = problem.marked(np.searchsorted(problem.candidates, seeds))
    source = ReverseSets(problem.model, problem.model.place[problem.candidates])
    hits, total = source.hits(2024, 0, JUDGES, marked), problem.model.total
    interval = (total * share_at_least(hits, JUDGES, 0.005), total * share_at_most(hits, JUDGES, 0.005))
    return SpreadPoint(capacity, total * hits / JUDGES, interval)


def certification(problem: CapacityProblem) -> list[RatioPoint]:
    """What is certified as time goes by."""
    trace: list[RatioPoint] = []
    began = time.perf_counter()

    def note(step: int, total: int | None, **figures: float) -> None:
        trace.append(RatioPoint(time.perf_counter() - began, figures["ratio"]))

    watch: ProgressCallback = note
    solve_capacity(problem, target_ratio=0.99, first_sets=256, max_sets=1 << 16, progress=watch)
    return trace


def compete(novel: networkx.Graph) -> None:
    """Two firms, two pairs of adopters, one audience."""
    firms = [Firm("left bank", ["Valjean", "Myriel"], 2), Firm("right bank", ["Javert", "Marius"], 2)]
    game = competition_game(weighted_cascade(as_graph(novel)), firms)
    result = solve_competition(game)
    found = result.unwrap()
    for name, played, payoff in zip(game.names, found.invited, found.payoffs, strict=True):
        ways = "; or ".join(f"{', '.join(map(str, who))} ({p:.0%})" for p, who in played)
        print(f"{name}: invites {ways}; wins {payoff:.1f} characters")
    assert result.certificate is not None
    print(f"no firm gains much by another choice: NashConv at most {result.certificate.bound:.1f} characters")


if __name__ == "__main__":
    main()
