"""PSRO with one population: in a game proved to be symmetric, what one player learns serves every seat.

The oracle answers for player 0 only, and the answer joins every population in the seat's own terms; the
empirical game is symmetric, so its payoffs are computed once for each choice of policies, whoever plays
which; and mixtures are the same for all. Populations are kept for every player, so that results, checkpoints
and measures are those of any run.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.errors import UnsupportedGameError
from games.extensive import kernels
from games.extensive.sequence_form import Behavior, Plan, SequenceForm
from games.extensive.symmetry import Symmetry
from games.normal_form import NormalFormGame, nash_conv
from games.profiles import Profile
from games.results import SolveResult, Status
from solvers.psro.expanders import AddNewAnswers
from solvers.psro.measures import NashConv
from solvers.psro.meta_solvers.basic import NashMetaSolver
from solvers.psro.method import PSRO, Opening, open_populations, uniform_opening
from solvers.psro.oracles import ExactBestResponse
from solvers.psro.population import EmpiricalPayoffs, MetaPlay
from solvers.psro.protocols import Expander, Measure, MetaSolver, Oracle
from solvers.psro.state import PSROState

_SAME = 1e-9  # mixtures that differ by less are one mixture
_ROUNDING = 1e-12  # of the payoff range
_LAST_DIGITS = 64.0 * float(np.finfo(np.float64).eps)  # of the largest payoff; what sums over a tree may lose


@dataclass(frozen=True, slots=True)
class OneSeatOracle:
    """Answers for player 0 and takes the answer to every seat.

    Attributes:
        oracle: who answers.
        symmetry: of the game that is played.
    """

    oracle: Oracle
    symmetry: Symmetry

    @property
    def name(self) -> str:
        """Name, with parameters."""
        return f"one_seat({self.oracle.name})"

    def propose(
        self, payoffs: EmpiricalPayoffs, play: MetaPlay, *, rng: np.random.Generator
    ) -> list[list[Plan]]:
        """See ``JointOracle.propose``."""
        answer = self.oracle.respond(play, 0, rng=rng)
        payoffs.tally.responses += 1
        return [[self.symmetry.to_seat(answer, k)] for k in range(payoffs.form.num_players)]


@dataclass(frozen=True, slots=True)
class SymmetricMetaSolver:
    """One mixture for all players, from a meta-solver of any games.

    In a two-player constant-sum game the mean of both players' mixtures serves both: NashConv is convex in
    each mixture there, and the mean is at least as near to equilibrium as the pair. In other games the means
    of different mixtures mean nothing, so mixtures that differ are refused.

    Attributes:
        meta_solver: finds a profile.
        rounding: largest difference between payoffs that counts as none, in payoff units.
    """

    meta_solver: MetaSolver
    rounding: float = 0.0

    @property
    def name(self) -> str:
        """Name, with parameters."""
        return f"symmetric({self.meta_solver.name})"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``.

        Raises:
            UnsupportedGameError: the game is not symmetric, or it is not two-player constant-sum and the
                meta-solver gave the players different mixtures.
        """
        for k in range(1, game.num_players):
            exchanged = game.payoffs.swapaxes(1, k + 1)
            role = np.arange(game.num_players)
            role[[0, k]] = k, 0
            if (
                exchanged.shape != game.payoffs.shape
                or float(np.abs(exchanged[role] - game.payoffs).max()) > self.rounding
            ):
                raise UnsupportedGameError(f"{game.name} is not symmetric in players 0 and {k}")
        result = self.meta_solver.solve(game, start, rng=rng)
        profile = result.unwrap()
        apart = max(float(np.abs(x - profile[0]).max()) for x in profile)
        if apart > _SAME and (game.num_players != 2 or game.constant_sum() is None):
            raise UnsupportedGameError(
                f"the {self.meta_solver.name} meta-solver gives the players of {game.name} mixtures that "
                f"differ by {apart:.3g}, and one population needs one mixture; prd, qre and uniform treat "
                "players alike"
            )
        mean = np.mean(profile, axis=0)
        mixtures = (mean,) * game.num_players
        bound = nash_conv(game, mixtures)
        worse = result.certificate is not None and bound > result.certificate.bound + self.rounding
        status = Status.STATIONARY if worse and result.status is Status.CERTIFIED else result.status
        certificate = Certificate("nash_conv", bound)
        return replace(result.with_solution(mixtures), status=status, certificate=certificate)


class SymmetricPayoffs(EmpiricalPayoffs):
    """Payoffs between policies that all players have, in the same order; computed for player 0 alone.

    Entry (a, b, c, ...) of player 0's payoffs is the same for every order of the others' policies b, c, ...
    """

    def __init__(self, symmetry: Symmetry) -> None:
        super().__init__(symmetry.form)
        self._symmetry = symmetry

    @classmethod
    def of(cls, symmetry: Symmetry, payoffs: EmpiricalPayoffs) -> "SymmetricPayoffs":
        """The same populations and payoffs.

        Raises:
            ValueError: the populations do not hold the same policies in every seat.
        """
        own = [p.plans for p in payoffs.populations]
        for k, plans in enumerate(own):
            seated = [symmetry.to_seat(plan, k) for plan in own[0]]
            if plans.shape != own[0].shape or np.abs(np.array(seated) - plans).max() > _SAME:
                raise ValueError(f"the policies of player {k} are not those of player 0 in another seat")
        symmetric = cls(symmetry)
        for population, plans in zip(symmetric.populations, own, strict=True):
            for plan in plans:
                population.append(plan)
        symmetric.tally = payoffs.tally
        symmetric._table = payoffs.filled
        return symmetric

    @property
    def table(self) -> NDArray[np.float64]:
        """Payoffs of all profiles; computes the missing ones."""
        size, players = len(self.populations[0]), self.form.num_players
        filled = self._table.shape[1]
        if filled < size:
            own = np.empty((size,) * players)
            own[(slice(filled),) * players] = self._table[0]
            for k in range(filled, size):
                self._fill(own, k)
            self._table = np.stack([np.moveaxis(own, 0, i) for i in range(players)])
        return self._table

    def _fill(self, own: NDArray[np.float64], new: int) -> None:
        """Payoffs to player 0 of the profiles in which ``new`` is the newest policy."""
        form, players = self.form, self.form.num_players
        self.tally.cells += math.comb(new + players - 1, players - 1)
        plans = [population.plans[: new + 1] for population in self.populations]
        joined = np.zeros(int(form.flat.sequence_offset[-1]))
        parts = np.split(joined, form.flat.sequence_offset[1:-1])
        # The last seat is free where player 0 plays the newest policy, and plays it where player 0 is free.
        for others in itertools.combinations_with_replacement(range(new + 1), players - 2):
            for seat, b in enumerate(others, start=1):
                parts[seat][:] = plans[seat][b]
            parts[0][:] = plans[0][new]
            values = plans[-1] @ self._gradient(players - 1, joined)
            for order in set(itertools.permutations(others)):
                for b, value in enumerate(values.tolist()):
                    for place in range(players - 1):
                        own[(new, *order[:place], b, *order[place:])] = value
            parts[-1][:] = plans[-1][new]
            values = plans[0] @ self._gradient(0, joined)
            for order in set(itertools.permutations(others)):
                for place in range(players - 1):
                    seats: tuple[slice | int, ...] = (slice(new + 1), *order[:place], new, *order[place:])
                    own[seats] = values

    def _gradient(self, player: int, joined: NDArray[np.float64]) -> Plan:
        form = self.form
        gradient = np.zeros(form.num_sequences[player])
        kernels.add_gradient(player, form.sequences, form.payoff[0], form.flat, joined, gradient)
        return gradient


@dataclass(frozen=True, slots=True)
class SymmetricPSRO:
    """A PSRO method for ``run_psro`` with one population for all seats.

    Attributes:
        symmetry: of the game (``games.extensive.symmetry.symmetry_of``).
        oracle: who answers, for player 0.
        meta_solver: how the population is weighed (see ``SymmetricMetaSolver``).
        expander: which answers join.
        measure: what is sought; the run ends where it is small.
        opening: what the population holds at first: what it gives player 0.
    """

    symmetry: Symmetry
    oracle: Oracle = field(default_factory=ExactBestResponse)
    meta_solver: MetaSolver = field(default_factory=NashMetaSolver)
    expander: Expander = field(default_factory=AddNewAnswers)
    measure: Measure = field(default_factory=NashConv)
    opening: Opening = uniform_opening

    def __post_init__(self) -> None:
        if self.symmetry.form.num_players < 2:
            raise UnsupportedGameError(
                f"{self.symmetry.form.name} has one player, and there is no other seat to share policies with"
            )

    @property
    def name(self) -> str:
        """What results call the method."""
        return self._psro().name

    def settings(self, form: SequenceForm) -> dict[str, str]:
        """See ``Method.settings``."""
        self._check(form)
        return self._psro().settings(form)

    def init(
        self,
        form: SequenceForm,
        *,
        rng: np.random.Generator,
        policies: Sequence[Sequence[ArrayLike]] | None = None,
        profile: Sequence[ArrayLike] | None = None,
    ) -> PSROState:
        """See ``Method.init``.

        Raises:
            ValueError: the symmetry is that of another game, or ``policies`` differ between the seats.
        """
        self._check(form)
        if policies is not None:
            SymmetricPayoffs.of(self.symmetry, open_populations(form, self._opening, policies))
        state = self._psro().init(form, rng=rng, policies=policies, profile=profile)
        return self._symmetric(state)

    def step(self, state: PSROState, *, elapsed: float = 0.0) -> PSROState:
        """See ``Method.step``."""
        # A resumed run brings payoffs of the plain kind.
        return self._psro().step(self._symmetric(state), elapsed=elapsed)

    def _check(self, form: SequenceForm) -> None:
        if form is not self.symmetry.form:
            raise ValueError(f"the symmetry is that of {self.symmetry.form.name}, not of this {form.name}")

    def _symmetric(self, state: PSROState) -> PSROState:
        if isinstance(state.payoffs, SymmetricPayoffs):
            return state
        return replace(state, payoffs=SymmetricPayoffs.of(self.symmetry, state.payoffs))

    def _psro(self) -> PSRO:
        return PSRO(
            OneSeatOracle(self.oracle, self.symmetry),
            SymmetricMetaSolver(self.meta_solver, _rounding(self.symmetry.form)),
            self.expander,
            self.measure,
            self._opening,
        )

    def _opening(self, form: SequenceForm) -> list[list[Behavior]]:
        first = self.opening(form)[0]
        return [[self.symmetry.to_seat(b, k) for b in first] for k in range(form.num_players)]


def _rounding(form: SequenceForm) -> float:
    """Largest difference between payoffs of profiles that counts as none."""
    return _ROUNDING * form.payoff_range + _LAST_DIGITS * max(map(abs, form.payoff_bounds))
