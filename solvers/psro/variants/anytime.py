r"""Anytime PSRO [1]_: mixtures that are hardest to exploit in the full game, not among the policies found.

Each player's mixture solves

.. math::  \max_{\lambda \in \Delta} \min_{y} u(\lambda^\top P, y)

with P their population and y any plan of the opponent: one linear program (``mixture_game``), whose other
side is an optimal reply y*, a mixture of best responses to the optimal mixture. Populations only grow, so no
player's exploitability ever rises.

A best response that the population holds already need not end the search, since other best responses may be
missing. ``FreshBestResponse`` then takes one out of y*. If it finds none for either player, both optimal
replies are mixtures of the populations, so for player 0 and the values v_i of the programs
:math:`v_1 \le u(y_0^*, y_1^*) \le v_0`, while v_0 is what player 0 secures and v_1 what player 1 concedes:
the mixtures are an equilibrium of the full game.

.. [1] S. McAleer, K. A. Wang, J. Lanier, M. Lanctot, P. Baldi, T. Sandholm, R. Fox, "Anytime PSRO for
   two-player zero-sum games", 2022.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from games.extensive.evaluation import best_response_to_plans
from games.extensive.sequence_form import Plan, SequenceForm, Treeplex
from solvers.psro.bilinear.game import mixture_game, require_two_player_constant_sum
from solvers.psro.bilinear.solvers import BilinearSolver, LinearProgram
from solvers.psro.population import EmpiricalPayoffs, MetaPlay, Population

_USED = 1e-9  # probability from which a sequence counts as part of a reply


@dataclass(frozen=True, slots=True, eq=False)
class HardestMixture:
    """The mixture of a population that is hardest to exploit.

    Attributes:
        weights: the mixture, shape (policies,).
        reply: what exploits it most, a plan of the opponent that no own policy does better against.
        conceded: what a best response to the mixture earns the opponent.
    """

    weights: NDArray[np.float64]
    reply: Plan
    conceded: float


def hardest_mixture(
    form: SequenceForm,
    population: NDArray[np.float64],
    player: int,
    *,
    solver: BilinearSolver | None = None,
    tolerance: float = 0.0,
) -> HardestMixture:
    """Mix the policies of ``player``, shape (policies, S_player), to concede as little as possible.

    Args:
        form: a two-player constant-sum game.
        population: realization plans.
        player: whose they are.
        solver: how; the linear program where None.
        tolerance: NashConv of the mixture game, in payoff units, that may remain.

    Raises:
        UnsupportedGameError: the game is not two-player constant-sum.
    """
    require_two_player_constant_sum(form, "the mixture that is hardest to exploit")
    solver = LinearProgram() if solver is None else solver
    plans = solver.solve(mixture_game(form, population, player), tolerance=tolerance)
    weights, reply = plans[1 : 1 + len(population)], plans[1 + len(population) :]
    return HardestMixture(weights, reply, conceded(form, weights @ population, player))


def conceded(form: SequenceForm, plan: Plan, player: int) -> float:
    """What the opponent earns by a best response to a plan of ``player`` in a two-player game."""
    plans = np.zeros(int(form.flat.sequence_offset[-1]))
    offset = form.flat.sequence_offset
    plans[offset[player] : offset[player + 1]] = plan
    return best_response_to_plans(form, plans, 1 - player).value


@dataclass(frozen=True, slots=True)
class AnytimeMetaSolver:
    """Each player mixes their policies to be hardest to exploit in the full game.

    A mixture changes only where that lowers what it concedes, so exploitability never rises, whatever the
    solver leaves open.

    Attributes:
        solver: how the mixtures are found.
        tolerance: what it may leave open, in payoff ranges; of no account to the linear program.
    """

    solver: BilinearSolver = field(default_factory=LinearProgram)
    tolerance: float = 1e-6

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"anytime(solver={self.solver.name},tolerance={self.tolerance:g})"

    def weigh(self, payoffs: EmpiricalPayoffs, last: MetaPlay, *, rng: np.random.Generator) -> MetaPlay:
        """See ``PopulationSolver.weigh``; draws nothing from ``rng``.

        Raises:
            UnsupportedGameError: the game is not two-player constant-sum.
            SolveError: the linear program broke down.
        """
        form = payoffs.form
        require_two_player_constant_sum(form, "anytime")
        mixtures = []
        for player, population in enumerate(payoffs.populations):
            before = last.profile[player]
            old = np.append(before, np.zeros(len(population) - before.size))
            found = hardest_mixture(
                form,
                population.plans,
                player,
                solver=self.solver,
                tolerance=self.tolerance * form.payoff_range,
            )
            kept = conceded(form, population.mixture(old), player)
            payoffs.tally.responses += 2
            mixtures.append(found.weights if found.conceded < kept else old)
        return payoffs.play(tuple(mixtures))


@dataclass(frozen=True, slots=True)
class FreshBestResponse:
    """A best response the population does not hold yet, if there is one that matters.

    The usual best response where it is new; else a new pure policy among those that make up the optimal
    reply to the opponent's hardest mixture; else the usual one.
    """

    @property
    def name(self) -> str:
        """Registered name."""
        return "fresh"

    def propose(
        self, payoffs: EmpiricalPayoffs, play: MetaPlay, *, rng: np.random.Generator
    ) -> list[list[Plan]]:
        """See ``JointOracle.propose``; draws nothing from ``rng``.

        Raises:
            UnsupportedGameError: the game is not two-player constant-sum.
        """
        form = payoffs.form
        require_two_player_constant_sum(form, "fresh")
        answers = []
        for player, population in enumerate(payoffs.populations):
            usual = best_response_to_plans(form, play.plans, player).plan
            payoffs.tally.responses += 1
            answers.append([usual])
            if usual in population:
                other = 1 - player
                payoffs.tally.responses += 1
                reply = hardest_mixture(form, payoffs.populations[other].plans, other).reply
                fresh = _first_new(population, form.treeplexes[player], reply)
                if fresh is not None:
                    answers[-1] = [fresh]
        return answers


def _first_new(population: Population, plex: Treeplex, plan: Plan) -> Plan | None:
    return next((pure for pure in pure_parts(plex, plan) if pure not in population), None)


def pure_parts(plex: Treeplex, plan: Plan) -> Iterator[Plan]:
    """Pure plans whose mixture is ``plan``, the likeliest moves first; parts below 1e-9 are left out.

    Each part takes at every information set the move that is left with the most; its weight is the least
    of what it takes, so one sequence is used up with each, and there are at most S parts.
    """
    left = plan.copy()
    while left[0] > _USED:
        pure = np.zeros_like(plan)
        pure[0] = 1.0
        for h in range(plex.num_infosets):
            if pure[plex.parent[h]]:
                pure[plex.start[h] + int(left[plex.start[h] : plex.start[h + 1]].argmax())] = 1.0
        yield pure
        left -= max(float(left[pure > 0.0].min()), _USED) * pure
