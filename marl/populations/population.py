"""Policies per player, how they are weighed, and the game they are for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.errors import UnsupportedGameError
from games.extensive.sequence_form import SequenceForm
from games.profiles import Profile, as_profile
from games.protocols import EnvGame
from marl.policies import MixturePolicy, Policy
from marl.populations.behavior import policies_of_plans
from marl.populations.compiled import CompiledGame
from marl.populations.game_kinds import DEFAULT_MAX_HISTORIES, compile_game


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """What a population learner leaves, ready to be saved, played and looked into.

    Attributes:
        game_name: how reports call the game.
        policies: of each player, at least one.
        profile: mixtures over them.
        game: the game, to be played forward; None where only the compiled one is at hand.
        form: the compiled game, where the policies are behaviors over it.
        solver: what made the population; "" where unknown.
    """

    game_name: str
    policies: tuple[tuple[Policy[Any], ...], ...]
    profile: Profile
    game: EnvGame[Any] | None
    form: SequenceForm | None = None
    solver: str = ""

    @property
    def num_players(self) -> int:
        """Number of players."""
        return len(self.policies)

    def players(self) -> tuple[MixturePolicy[Any], ...]:
        """The mixtures, ready to play; policies of no weight are left out."""
        return tuple(
            MixturePolicy(tuple(p for p, w in zip(group, x, strict=True) if w > 0), x[x > 0])
            for group, x in zip(self.policies, self.profile, strict=True)
        )

    def playable(self) -> EnvGame[Any]:
        """The game, to be played forward.

        Raises:
            UnsupportedGameError: it is not at hand.
        """
        if self.game is None:
            raise UnsupportedGameError(
                f"the population holds {self.game_name} only as a compiled game, which cannot be played "
                "forward; load it together with the game"
            )
        return self.game

    def compiled(self, *, max_histories: int = DEFAULT_MAX_HISTORIES) -> CompiledGame:
        """The game with its sequence form.

        Raises:
            UnsupportedGameError: the game is not at hand, too large, or has no sequence form.
        """
        return compile_game(self.playable(), max_histories=max_histories)


def population_of_play(
    game: EnvGame[Any],
    policies: Sequence[Sequence[Policy[Any]]],
    profile: Sequence[ArrayLike],
    *,
    solver: str = "",
) -> Population:
    """A population of policies of a game that is played forward.

    Raises:
        ValueError: the policies or mixtures do not fit the game.
    """
    groups = tuple(tuple(group) for group in policies)
    if len(groups) != game.num_players or not all(groups):
        raise ValueError(f"policies must hold at least one policy for each of {game.num_players} players")
    return Population(game.name, groups, as_profile(profile, [len(g) for g in groups]), game, None, solver)


def population_of_plans(
    form: SequenceForm,
    plans: Sequence[Sequence[ArrayLike] | NDArray[np.float64]],
    profile: Sequence[ArrayLike],
    *,
    game: EnvGame[Any] | None = None,
    solver: str = "",
) -> Population:
    """A population of realization plans over a compiled game.

    Args:
        form: the compiled game.
        plans: for each player, rows of shape (S_i,).
        profile: mixtures over them.
        game: the same game, to be played forward. Where None, a form that was compiled from OpenSpiel is
            played there, and others not at all.
        solver: what made the plans.

    Raises:
        ValueError: a part does not fit the game, or ``game`` is another game.
    """
    policies = policies_of_plans(form, plans)
    if not all(policies):
        raise ValueError(f"plans must hold at least one plan for each of {form.num_players} players")
    weights = as_profile(profile, [len(group) for group in policies])
    if game is None and form.source:
        from games.adapters.open_spiel import open_spiel_game

        game = open_spiel_game(form.source)
    # A form remembers which OpenSpiel game it was compiled from; then there is nothing to compare.
    if game is not None and (not form.source or game.name.removesuffix("()") != form.source):
        require_form(game, form)
    return Population(form.name, policies, weights, game, form, solver)


# As in ``games.checking``: a file must not cost minutes by naming a game larger than the one it holds.
_MAX_HISTORIES_PER_PART = 50


def require_form(game: EnvGame[Any], form: SequenceForm) -> None:
    """Check that a game compiles to the form.

    Raises:
        ValueError: it compiles to another one, or cannot be compiled within the limits that the form sets.
    """
    from games.extensive.fingerprint import fingerprint, first_difference

    parts = form.weight.size + int(np.sum(form.num_sequences))
    limit = min(DEFAULT_MAX_HISTORIES, _MAX_HISTORIES_PER_PART * parts)
    try:
        again = compile_game(game, max_histories=limit).form
    except UnsupportedGameError as error:
        raise ValueError(f"game {game.name} cannot be compared with the compiled one: {error}") from error
    if fingerprint(again) != fingerprint(form):
        raise ValueError(
            f"game {game.name} is not the compiled one: they differ in {first_difference(form, again)}"
        )
