"""Who is reached, at what price, and how fairly: influence under budgets, targets, groups, and change.

    python examples/influence_limits.py

A generated network, on which seeds are bought within a budget to reach a target audience; then chosen so
that the least reached group is reached as well as can be; then round by round. At the end arcs change, and
only the reverse sets that the change touches are drawn anew. Every answer comes with what is proven of it.
"""

import numpy as np

from games.influence import (
    Intersection,
    Knapsack,
    Quotas,
    at_most,
    family_problem,
    graph_from_arcs,
    group_ends,
    refreshed,
    track_sets,
    weighted_cascade,
)
from solvers.influence import BudgetedGreedy, FamilyGreedy, invite_in_rounds, solve_family, solve_maximin

NODES, ARCS = 399, 1600


def main() -> None:
    """Buy, share out, adapt, keep up."""
    rng = np.random.default_rng(4)
    # Three groups who mostly follow their own, each with a few whom many follow.
    followed = rng.zipf(1.6, size=ARCS) % NODES
    among_own = (followed + 3 * rng.integers(NODES, size=ARCS)) % NODES
    followers = np.where(rng.random(ARCS) < 0.95, among_own, rng.integers(NODES, size=ARCS))
    graph = graph_from_arcs(followed, followers, num_nodes=NODES)
    diffusion = weighted_cascade(graph)
    everyone = range(NODES)
    group = np.arange(NODES) % 3
    fame = np.bincount(graph.source, minlength=NODES)

    # Seeds cost more the more followers they have; only group 2 counts; at most two seeds of any one group.
    family = Intersection(
        (Knapsack(1.0 + 0.1 * fame, 12.0), Quotas(group == np.arange(3)[:, None], np.full(3, 2)))
    )
    problem = family_problem(diffusion, everyone, family, node_weight=(group == 2).astype(float))
    bought = solve_family(
        problem, target_ratio=0.7, max_sets=1 << 16, selectors=(FamilyGreedy(), BudgetedGreedy(0))
    ).unwrap()
    low, high = bought.spread_interval
    print(f"targeted: seeds {bought.seeds} reach {low:.1f} to {high:.1f} of group 2")
    print(f"          at least {bought.ratio:.0%} of the best within budget and quotas")

    plain = family_problem(diffusion, everyone, at_most(2, NODES))
    ends = group_ends(plain, {f"group {g}": np.flatnonzero(group == g).tolist() for g in range(3)})
    fair = solve_maximin(ends).unwrap()
    print(f"fair:     {len(fair.mixture)} seed sets are drawn from; shares reached:")
    for name, (share, _) in fair.ends.items():
        print(f"          {name}: {share:.1%} (for the best single set {fair.single_ends[name][0]:.1%})")
    low, high = fair.value_interval
    print(f"          the least is at least {low:.1%}, and {high:.1%} at most under any mixture")

    run = invite_in_rounds(plain, 3, max_sets=1 << 14).unwrap()
    print(f"adaptive: three rounds gained {', '.join(f'{g:.0f}' for g in run.gained)} nodes")

    tracked = track_sets(diffusion, 20_000, rng=rng)
    extra = rng.integers(NODES, size=(2, 3))
    changed = graph_from_arcs(
        np.append(graph.source, extra[0]), np.append(graph.target, extra[1]), num_nodes=NODES
    )
    refresh = refreshed(tracked, weighted_cascade(changed))
    print(f"dynamic:  3 new arcs, {refresh.share:.1%} of the sets drawn anew")


if __name__ == "__main__":
    main()
