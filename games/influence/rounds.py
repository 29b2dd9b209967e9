r"""Several rounds of invitations, planned beforehand: one problem on a graph copied per round [1]_.

In round t the seeds :math:`S_t` spread by themselves, with fresh chance; wanted is the number of nodes
reached in at least one round. Let every round have a copy of the graph, and every node a further hub,
certainly reached from each of its copies; only hubs count. Seeds of round t are nodes of copy t, and a
quota per round is a partition matroid, so greedy, bounds and enumeration all apply as they stand.

.. [1] Sun, Huang, Yu, Chen (2018), Multi-round influence maximization, KDD.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.errors import UnsupportedGameError
from games.influence.diffusion import Diffusion, IndependentCascade
from games.influence.families import Quotas
from games.influence.family_problems import FamilyProblem
from games.influence.graph import graph_from_arcs
from games.influence.nodes import node_weights
from games.influence.sampler import reverse_model


@dataclass(frozen=True, slots=True, eq=False)
class RoundsProblem:
    """The problem on the copies; candidate k of round t is candidate t c + k.

    Attributes:
        diffusion: that of every round, on the graph itself.
        problem: on the copies; its labels are pairs (label, round), those of hubs have round -1.
        stage: round of each candidate, int64 (rounds c,).
        rounds: how many.
    """

    diffusion: IndependentCascade
    problem: FamilyProblem
    stage: NDArray[np.int64]
    rounds: int

    def schedule(self, chosen: NDArray[np.int64]) -> tuple[tuple[Hashable, ...], ...]:
        """Labels of the chosen, round by round."""
        graph = self.diffusion.graph
        found: list[list[Hashable]] = [[] for _ in range(self.rounds)]
        for k in np.sort(chosen).tolist():
            found[int(self.stage[k])].append(graph.label(int(self.problem.candidates[k]) % graph.num_nodes))
        return tuple(tuple(labels) for labels in found)


def rounds_problem(
    diffusion: Diffusion,
    candidates: Sequence[Hashable],
    per_round: Sequence[int],
    *,
    removed: Collection[Hashable] = (),
    node_weight: ArrayLike | None = None,
) -> RoundsProblem:
    """Set up a problem of several rounds.

    Args:
        diffusion: an independent cascade.
        candidates: labels of nodes that may be seeds, in any round.
        per_round: most seeds in each round, at least one round.
        removed: nodes that neither count nor pass anything on.
        node_weight: what reaching each node is worth, one each where None.

    Raises:
        UnsupportedGameError: the diffusion is another one; a hub of it would not be reached for sure.
        ValueError: a node is unknown, repeated or removed, a quota is no whole number of at least 0,
            or weights are out of range.
    """
    if not isinstance(diffusion, IndependentCascade):
        raise UnsupportedGameError("several rounds need an independent cascade")
    if len(per_round) == 0:
        raise ValueError("per_round must hold at least one quota")
    graph, rounds = diffusion.graph, len(per_round)
    n, c = graph.num_nodes, len(candidates)
    numbers = np.array([graph.number(v) for v in candidates], dtype=np.int64)
    gone = np.array([graph.number(v) for v in removed], dtype=np.int64)
    shift = n * np.arange(rounds)[:, None]
    copies = (shift + np.arange(n)).ravel()
    tails = np.concatenate([(shift + graph.source).ravel(), copies])
    heads = np.concatenate([(shift + graph.target).ravel(), np.tile(n * rounds + np.arange(n), rounds)])
    chance = np.concatenate([np.tile(diffusion.probability, rounds), np.ones(copies.size)])
    names = [(graph.label(v), t) for t in [*range(rounds), -1] for v in range(n)]
    expanded = graph_from_arcs(tails, heads, num_nodes=n * (rounds + 1), labels=names)
    steps = None if diffusion.max_steps is None else diffusion.max_steps + 1
    # The graph has its arcs sorted by head, then tail; none is repeated.
    whole = IndependentCascade(expanded, chance[np.lexsort((tails, heads))], steps)
    worth = np.zeros(n * (rounds + 1))
    worth[n * rounds :] = node_weights(node_weight, graph)
    model = reverse_model(
        whole, removed=(n * np.arange(rounds + 1)[:, None] + gone).ravel(), node_weight=worth
    )
    stage = np.repeat(np.arange(rounds), c)
    family = Quotas(stage == np.arange(rounds)[:, None], np.array(per_round))
    return RoundsProblem(
        diffusion, FamilyProblem(whole, (shift + numbers).ravel(), family, model), stage, rounds
    )
