r"""Mixed strategies of profiles that were found elsewhere, or by iterating the logit response.

At precision lambda a logit equilibrium is a profile x with x_i = sigma_lambda(v_i(x_{-i})) for every player i
(`games.normal_form.quantal`). It is approached from uniform play by x <- (x + sigma_lambda(v(x))) / 2, which
converges at small precisions and need not at great ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.errors import UnsupportedGameError
from games.normal_form.game import NormalFormGame
from games.normal_form.quantal import logit_residual, logit_responses
from games.profiles import Profile, as_profile
from games.text.questions import Question
from games.text.situations import MatrixSituation
from marl.players.strategies.kinds import situation_of
from marl.players.strategies.predictions import even
from marl.players.strategies.reasoning import Reasoner
from marl.players.strategies.values import others, told_action, utilities

Solve = Callable[[NormalFormGame], Sequence[ArrayLike]]
"""From a game to a profile: a distribution per player."""

_STEPS = 2000
_RESIDUAL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class SolvedProfile:
    """Plays its part of a profile, and believes in the others' parts.

    Where it is told what another does it answers that, best, and a stated desire takes the place of its
    payoffs before the game is solved.

    Attributes:
        solve: gives the profile, such as one of the solvers of `solvers.equilibrium`. It is called once per
            tensor of payoffs.
    """

    solve: Solve

    def __post_init__(self) -> None:
        # Relabelling makes new objects of one game, so what is kept goes by the numbers.
        object.__setattr__(self, "solve", _Kept(self.solve))

    def strategy(self, question: Question) -> NDArray[np.float64]:
        """A `marl.players.scripted.Strategy`."""
        situation = situation_of(question, MatrixSituation, "a solved profile")
        if any(told_action(situation, player) is not None for player in others(situation)):
            return Reasoner(self._predict).strategy(question)
        return self._profile(situation)[situation.seat]

    def beliefs(self, question: Question) -> NDArray[np.float64]:
        """A `marl.players.scripted.Strategy` for questions about a belief."""
        return Reasoner(self._predict).beliefs(question)

    def _predict(self, situation: MatrixSituation, about: int) -> NDArray[np.float64]:
        return self._profile(situation)[about]

    def _profile(self, situation: MatrixSituation) -> Profile:
        game = situation.game
        if situation.desire is not None:
            payoffs = game.payoffs.copy()
            payoffs[situation.seat] = np.moveaxis(utilities(situation), 0, situation.seat)
            game = replace(game, payoffs=payoffs)
        return as_profile(self.solve(game), game.num_actions)


class _Kept:
    """A solve that remembers the last games."""

    def __init__(self, solve: Solve, count: int = 256) -> None:
        self._solve = solve
        self._count = count
        self._found: dict[tuple[tuple[int, ...], bytes], Sequence[ArrayLike]] = {}

    def __call__(self, game: NormalFormGame) -> Sequence[ArrayLike]:
        key = game.payoffs.shape, game.payoffs.tobytes()
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= self._count:
                self._found.pop(next(iter(self._found)))
            found = self._found[key] = self._solve(game)
        return found


@dataclass(frozen=True, slots=True)
class LogitEquilibrium:
    """Solves for a logit equilibrium by damped iteration from uniform play; a `Solve` of `SolvedProfile`.

    Attributes:
        precision: lambda, in 1/payoff.
    """

    precision: float

    def __call__(self, game: NormalFormGame) -> Profile:
        """The profile, up to a residual of 1e-9.

        Raises:
            UnsupportedGameError: the iteration does not converge; a solver for the path of equilibria does.
        """
        profile: Profile = tuple(even(size) for size in game.num_actions)
        for _ in range(_STEPS):
            answers = logit_responses(game, profile, self.precision)
            profile = tuple((x + y) / 2 for x, y in zip(profile, answers, strict=True))
            if max(float(np.abs(x - y).max()) for x, y in zip(profile, answers, strict=True)) < _RESIDUAL / 4:
                break
        if (residual := logit_residual(game, profile, self.precision)) > _RESIDUAL:
            raise UnsupportedGameError(
                f"logit responses of precision {self.precision} leave a residual of {residual:.2g} in "
                f"{game.name!r}; give SolvedProfile a solver of logit equilibria, or a smaller precision"
            )
        return profile
