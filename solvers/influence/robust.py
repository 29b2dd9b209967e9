"""Seeds for a diffusion that is not known: the worst ratio to the best, over several models [1]_.

Each model is first solved alone, for a bound on what any seeds reach under it. Ratios are to these bounds,
so a ratio certified here is one to the true optimum as well.

.. [1] He, Kempe (2016), Robust influence maximization, KDD; Chen, Lin, Tan, Zhao, Zhou (2016), Robust
   influence maximization, KDD.
"""

import time
from collections.abc import Hashable, Mapping

import numpy as np

from games.certificates import Certificate
from games.influence.diffusion import Diffusion
from games.influence.family_problems import FamilyProblem
from games.influence.maximin import model_ends
from games.influence.sampler import reverse_model
from games.influence.seeding import graph_weight
from games.results import SolveResult
from solvers.influence.family import solve_family
from solvers.influence.maximin import MaximinSeeds, solve_maximin


def solve_robust(
    problem: FamilyProblem,
    diffusions: Mapping[Hashable, Diffusion],
    *,
    tol: float = 0.1,
    confidence: float = 0.99,
    sets: int = 1 << 14,
    threads: int = 1,
    rng: np.random.Generator | None = None,
) -> SolveResult[MaximinSeeds]:
    """Choose a mixture of seed sets whose least ratio to the best, over the models, is greatest.

    Args:
        problem: candidates, family and node weights; its own diffusion plays no part.
        diffusions: models on the same nodes, by name.
        tol: gap in the ratio still reported CERTIFIED.
        confidence: of everything certified, in (0, 1).
        sets: drawn per model, for each purpose.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.

    Returns:
        Ends are ratios of spreads to bounds on their optima. The certificate ``maximin_gap`` is that of
        ``solvers.influence.maximin``, in ratios.

    Raises:
        ValueError: an argument is out of range, or the models do not fit the problem.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    began = time.perf_counter()
    rng = np.random.default_rng(0) if rng is None else rng
    *alone, last = rng.spawn(len(diffusions) + 1)
    removed, weight = np.flatnonzero(problem.model.place < 0), graph_weight(problem.model)
    sure = 1.0 - 0.5 * (1.0 - confidence) / max(len(diffusions), 1)
    reference = []
    for diffusion, child in zip(diffusions.values(), alone, strict=True):
        model = reverse_model(diffusion, removed=removed, node_weight=weight)
        one = FamilyProblem(diffusion, problem.candidates, problem.family, model)
        found = solve_family(
            one, target_ratio=1.0, confidence=sure, first_sets=sets, max_sets=sets, threads=threads, rng=child
        )
        reference.append(found.unwrap().optimum_bound)
    result = solve_maximin(
        model_ends(problem, diffusions, reference),
        tol=tol,
        confidence=1.0 - 0.5 * (1.0 - confidence),
        sets=sets,
        threads=threads,
        rng=last,
    )
    answer = result.unwrap()
    low, high = answer.value_interval
    return SolveResult(
        answer,
        result.status,
        Certificate("maximin_gap", max(0.0, high - low), confidence),
        "robust_influence",
        result.steps,
        time.perf_counter() - began,
        result.info,
    )
