"""Behaviors over a compiled tree as policies of the game played forward."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.errors import UnsupportedGameError
from games.extensive.evaluation import behaviors_of_plans, realization_plans, uniform_behaviors
from games.extensive.sequence_form import Behavior, SequenceForm, Treeplex
from games.protocols import EnvGame
from marl.populations.game_kinds import kind_of


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTreeplex:
    """A player's information sets by their names; shared by the policies of a population.

    Attributes:
        plex: the information sets.
        index: number of each by its name.
    """

    plex: Treeplex
    index: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {label: h for h, label in enumerate(self.plex.infosets)})


@dataclass(frozen=True, slots=True, eq=False)
class BehaviorPolicy:
    """Plays a behavior in the game that the tree was compiled from, of a kind that names information sets.

    Attributes:
        labels: the player's information sets.
        behavior: shape (S_player,), as ``games.extensive.sequence_form.Behavior``.
    """

    labels: LabelledTreeplex
    behavior: Behavior

    def probabilities(self, game: EnvGame[Any], state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """See ``Policy.probabilities``.

        Raises:
            UnsupportedGameError: information sets of such a game have no names.
            ValueError: the tree has no such information set, so it is of another game.
        """
        kind = kind_of(game)
        if kind is None:
            raise UnsupportedGameError(f"{game.name} is of no kind whose information sets have names")
        label = kind.information_label(game, state, player)
        h = self.labels.index.get(label)
        if h is None:
            raise ValueError(f"the tree of this policy has no information set {label!r} of player {player}")
        plex = self.labels.plex
        legal = np.flatnonzero(game.legal_mask(state, player))
        chances = self.behavior[plex.start[h] : plex.start[h + 1]]
        if legal.size != chances.size:
            raise ValueError(
                f"the tree of this policy has {chances.size} actions at {label!r}, the game {legal.size}"
            )
        row = np.zeros(game.num_actions(player))
        row[legal] = chances  # trees list the actions in ascending order, as masks do
        return row


def policies_of_plans(
    form: SequenceForm, plans: Sequence[Sequence[ArrayLike] | NDArray[np.float64]]
) -> tuple[tuple[BehaviorPolicy, ...], ...]:
    """Policies of realization plans, as a PSRO on a compiled tree leaves them.

    Args:
        form: the game.
        plans: for each player their plans, each of shape (S_i,).

    Raises:
        ValueError: the number of players or a plan does not fit the game.
    """
    if len(plans) != form.num_players:
        raise ValueError(f"plans must hold one group per player: wanted {form.num_players}, got {len(plans)}")
    # Plans are converted in profiles: the other players' places are filled with uniform ones.
    filler = realization_plans(form, uniform_behaviors(form))
    groups = []
    for i, group in enumerate(plans):
        labels = LabelledTreeplex(form.treeplexes[i])
        policies = []
        for plan in group:
            profile: list[ArrayLike] = [*filler]
            profile[i] = plan
            policies.append(BehaviorPolicy(labels, behaviors_of_plans(form, profile)[i]))
        groups.append(tuple(policies))
    return tuple(groups)
