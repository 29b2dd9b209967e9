"""Pools: players, scripted policies and learnt populations as the strategies of one empirical game.

Every participant sits in every seat, so strategy k of each player of the empirical game is participant k, and
a cell is a line-up. Meta-solvers weigh the participants as PSRO weighs its policies: by Nash equilibrium, by
alpha-rank, or averse to the risk of a line-up.
"""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from games.certificates import Certificate
from games.empirical import EmpiricalGame, nash_conv_certificate
from games.extensive.sequence_form import Behavior
from games.profiles import Profile, uniform_profile
from games.progress import ProgressCallback, ignore_progress
from games.protocols import EnvGame
from games.results import SolveResult, Status
from marl.players.tabulation import Tabulated
from marl.policies import MixturePolicy, Policy
from marl.populations.compiled import CompiledGame
from marl.rollouts.cross_play import CrossPlay
from solvers.psro.meta_solvers.basic import NashMetaSolver
from solvers.psro.protocols import MetaSolver
from solvers.psro.sampled.risk_meta_solver import EmpiricalMetaSolver
from solvers.psro.sampled.simulators import Simulator, simulator_for

Strategy: TypeAlias = Policy[Any] | MixturePolicy[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Participant:
    """Somebody who can sit in every seat.

    Attributes:
        name: distinct in a pool.
        policies: one per seat; a mixture draws one of its policies for each play.
    """

    name: str
    policies: tuple[Strategy, ...]


def participant_of(table: Tabulated, name: str = "") -> Participant:
    """A tabulated player, under its own name where none is given."""
    return Participant(name or table.name, table.policies)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Participants, and what comes of their meetings.

    Attributes:
        participants: P of them.
        payoffs: P strategies for each of N players; exact, or sampled.
    """

    participants: tuple[Participant, ...]
    payoffs: EmpiricalGame

    @property
    def names(self) -> tuple[str, ...]:
        """Of the participants."""
        return tuple(participant.name for participant in self.participants)


def play_pool(
    game: EnvGame[Any] | CompiledGame,
    participants: Sequence[Participant],
    *,
    rng: np.random.Generator,
    episodes: int = 400,
    simulator: Simulator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> Pool:
    """Let all participants meet in all P^N line-ups, each of them also with itself.

    Args:
        game: compiled, for exact means and variances; else every line-up is played.
        participants: at least one, with distinct names.
        rng: all chance; spawns one child per line-up. Not used where the game is compiled.
        episodes: of each line-up, at least 2. Not used where the game is compiled.
        simulator: how they are played; `simulator_for` chooses where None.
        progress: told of each line-up.

    Raises:
        ValueError: names repeat, somebody does not fill the seats, or there are too few episodes.
    """
    played = game.game if isinstance(game, CompiledGame) else game
    seats = played.num_players
    check_participants(participants, seats)
    payoffs = EmpiricalGame(seats, played.payoff_bounds, name=f"pool in {played.name}")
    for seat in range(seats):
        for _ in participants:
            payoffs.add_policy(seat)
    cells = list(itertools.product(range(len(participants)), repeat=seats))
    if isinstance(game, CompiledGame):
        behaviors = starting_behaviors(game, participants)
        for done, cell in enumerate(cells, start=1):
            payoffs.set_exact(cell, *game.moments_of([behaviors[i][k] for i, k in enumerate(cell)]))
            progress(done, len(cells))
        return Pool(tuple(participants), payoffs)
    if episodes < 2:
        raise ValueError(f"episodes must be at least 2 to estimate a variance, got {episodes}")
    chosen = simulator_for(game) if simulator is None else simulator
    for done, (cell, child) in enumerate(zip(cells, rng.spawn(len(cells)), strict=True), start=1):
        lineup = [participants[k].policies[i] for i, k in enumerate(cell)]
        payoffs.record(cell, chosen.moments(game, lineup, episodes, rng=child))
        progress(done, len(cells))
    return Pool(tuple(participants), payoffs)


def meetings(pool: Pool) -> CrossPlay:
    """The pool as cross-play, one participant against another in all other seats, for tables and pictures."""
    payoffs = pool.payoffs
    size, seats = len(pool.participants), payoffs.num_players
    shape = (size, size, seats)
    means, variances, errors = np.empty(shape), np.empty(shape), np.empty(shape)
    for a, b, i in np.ndindex(shape):
        cell = (i, *(a if seat == i else b for seat in range(seats)))
        means[a, b, i], variances[a, b, i] = payoffs.means[cell], payoffs.variance[cell]
        errors[a, b, i] = np.sqrt(payoffs.mean_variance[cell])
    exact = bool(np.isinf(payoffs.counts).all())
    episodes = 0 if exact else int(payoffs.counts.min())
    return CrossPlay(
        payoffs.name, pool.names, means, variances, errors, episodes, exact, events=None, confidence=0.95
    )


def starting_behaviors(compiled: CompiledGame, participants: Sequence[Participant]) -> list[list[Behavior]]:
    """The participants by seat, each of shape (S_seat,).

    It is what `solvers.psro.run_psro` takes for ``policies``: policy k of each player is participant k.

    Raises:
        ValueError: names repeat, or somebody does not fill the seats.
    """
    seats = compiled.form.num_players
    check_participants(participants, seats)
    return [[compiled.behavior(i, one.policies[i]) for one in participants] for i in range(seats)]


def weigh_pool(
    pool: Pool,
    meta_solver: MetaSolver | EmpiricalMetaSolver | None = None,
    *,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
) -> SolveResult[Profile]:
    """Weigh the participants in each seat.

    Args:
        pool: who met whom.
        meta_solver: as in PSRO: by the means, or by the whole table as
            `solvers.psro.EmpiricalRiskMetaSolver` does; Nash (two-player constant-sum) where None.
        confidence: of the certificate where payoffs were sampled, in (0, 1).
        rng: of the meta-solver; ``np.random.default_rng(0)`` where None.

    Returns:
        One distribution over the participants per seat. The certificate ``restricted_nash_conv``, or that of
        a meta-solver that goes by the whole table, bounds what deviations to other participants gain under
        the true payoffs, not what strategies outside the pool would. Where payoffs were sampled the status
        is LIMIT at best, as no tolerance is reached for certain.

    Raises:
        UnsupportedGameError: the meta-solver cannot treat the payoffs.
        ValueError: ``confidence`` is out of its range.
    """
    began = time.perf_counter()
    payoffs = pool.payoffs
    chosen: MetaSolver | EmpiricalMetaSolver = NashMetaSolver() if meta_solver is None else meta_solver
    source = np.random.default_rng(0) if rng is None else rng
    start = uniform_profile(payoffs.sizes)
    if isinstance(chosen, EmpiricalMetaSolver):
        found = chosen.solve_empirical(payoffs, start, rng=source)
        profile = found.unwrap()
        certificate = chosen.certify(payoffs, profile, confidence=confidence)
    else:
        found = chosen.solve(payoffs.normal_form(), start, rng=source)
        profile = found.unwrap()
        proved = nash_conv_certificate(payoffs, profile, confidence=confidence)
        certificate = Certificate("restricted_nash_conv", proved.bound, proved.confidence)
    exact = bool(np.isinf(payoffs.counts).all())
    status = found.status if exact or found.status is not Status.CERTIFIED else Status.LIMIT
    return SolveResult(
        profile, status, certificate, chosen.name, found.steps, time.perf_counter() - began, found.info
    )


def check_participants(participants: Sequence[Participant], seats: int) -> None:
    """Refuse participants whose names repeat, or who do not fill the seats.

    Raises:
        ValueError: as said, or there is nobody.
    """
    names = [participant.name for participant in participants]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"participants must have distinct names, one at least, got {names}")
    for participant in participants:
        if len(participant.policies) != seats:
            raise ValueError(
                f"participant {participant.name!r} must fill {seats} seats, got {len(participant.policies)}"
            )
