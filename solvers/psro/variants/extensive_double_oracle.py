"""Extensive-form double oracle (XDO) [1]_: policies are mixed anew at every information set.

What is played is an equilibrium of the restricted tree (``solvers.psro.bilinear.game``), in which each player
may take at every information set any action that a policy of their population takes there. Where that tree
is solved exactly, every iteration but the last adds an action somewhere, so their number is at most linear in
the information sets, where mixtures of whole policies may need exponentially many; where it is solved as well
as the play is good, iterations that only come nearer lie between.

.. [1] S. McAleer, J. Lanier, K. A. Wang, P. Baldi, R. Fox, "XDO: a double oracle algorithm for
   extensive-form games", NeurIPS 2021.
"""

from dataclasses import dataclass, field

import numpy as np

from games.extensive.evaluation import values_and_regrets
from solvers.psro.bilinear.game import require_two_player_constant_sum, restricted_tree
from solvers.psro.bilinear.solvers import BilinearSolver, LinearProgram, RegretMatching
from solvers.psro.population import EmpiricalPayoffs, MetaPlay


@dataclass(frozen=True, slots=True)
class RestrictedTreeSolver:
    """Plays an equilibrium of the restricted tree.

    As published, the tree is solved only as well as the play is good: to ``ratio`` times the NashConv that
    the last play had in the full game. When best responses bring no action any more, that NashConv is the
    one within the restricted tree, and it shrinks by the ratio from iteration to iteration.

    Attributes:
        ratio: tolerance in units of the last NashConv, in (0, 1).
        solver: how the tree is solved. By default regret matching, and the linear program where that is slow.
    """

    ratio: float = 0.1
    solver: BilinearSolver = field(default_factory=lambda: RegretMatching(1000, LinearProgram()))

    def __post_init__(self) -> None:
        if not 0.0 < self.ratio < 1.0:
            raise ValueError(f"ratio must lie between 0 and 1, got {self.ratio!r}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"xdo(ratio={self.ratio:g},solver={self.solver.name})"

    def weigh(self, payoffs: EmpiricalPayoffs, last: MetaPlay, *, rng: np.random.Generator) -> MetaPlay:
        """See ``PopulationSolver.weigh``; draws nothing from ``rng``.

        Raises:
            UnsupportedGameError: the game is not two-player constant-sum.
            SolveError: the linear program broke down.
        """
        form = payoffs.form
        require_two_player_constant_sum(form, "xdo")
        gains = values_and_regrets(form, last.plans)[1]
        payoffs.tally.responses += form.num_players
        populations = [p.plans for p in payoffs.populations]
        tree = restricted_tree(form, populations)
        plans = tree.lift(form, self.solver.solve(tree.game, tolerance=self.ratio * float(gains.sum())))
        return MetaPlay(
            form,
            tuple(np.vstack([rows, plan]) for rows, plan in zip(populations, plans, strict=True)),
            tuple(np.append(np.zeros(len(rows)), 1.0) for rows in populations),
            np.concatenate(plans),
        )
