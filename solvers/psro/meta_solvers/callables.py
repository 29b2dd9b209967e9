"""Any function as a meta-solver."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from games.certificates import Certificate
from games.normal_form import NormalFormGame, nash_conv
from games.profiles import Profile, as_profile
from games.results import SolveResult, Status

MetaFunction: TypeAlias = Callable[[NormalFormGame, Profile, np.random.Generator], Sequence[ArrayLike]]
"""From an empirical game, the previous mixtures and a generator to mixtures over the policies."""


@dataclass(frozen=True, slots=True)
class CallableMetaSolver:
    """A function that weighs the policies; what it returns is checked.

    Attributes:
        function: called with the empirical game, the previous mixtures (zero on policies that are new) and a
            generator; returns one distribution per player. It must depend on these arguments alone, or a
            resumed run does not repeat an uninterrupted one.
        name: what the run calls it; tell apart what differs, since a resumed run compares names.

    Example:
        >>> def last(game, start, rng):
        ...     return [np.eye(n)[-1] for n in game.num_actions]
        >>> game = NormalFormGame.zero_sum([[0, 1], [2, 3]])
        >>> CallableMetaSolver(last, "last").solve(game, (), rng=np.random.default_rng(0)).unwrap()
        (array([0., 1.]), array([0., 1.]))
    """

    function: MetaFunction
    name: str

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"function must be callable, got {type(self.function).__name__}")
        if not self.name:
            raise ValueError("name must not be empty: checkpoints compare runs by it")

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; the certificate says how far from Nash the mixtures are.

        Raises:
            ValueError: the function returned something else than one distribution per player.
            TypeError: what it returned is no sequence of arrays.
        """
        began = time.perf_counter()
        try:
            answer = self.function(game, start, rng)
        except Exception as error:
            error.add_note(
                f"raised by the meta-solver {self.name!r} on a game of {game.num_actions} policies"
            )
            raise
        try:
            profile = as_profile(answer, game.num_actions)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"the meta-solver {self.name!r} must return one distribution for each of "
                f"{game.num_actions} policies: {error}"
            ) from error
        certificate = Certificate("nash_conv", nash_conv(game, profile))
        seconds = time.perf_counter() - began
        return SolveResult(profile, Status.STATIONARY, certificate, self.name, 0, seconds)
