r"""Keys of games that hide something, from the sequence form.

Against fixed policies of the others the best value below a sequence s of the seat is found bottom-up,

.. math::  g_s = \sum_{e \ni s} A_e \prod_{j \ne i} r_j + \sum_{h \text{ after } s} \max_{s' \in h} g_{s'} ,

and is weighed with the probability that chance and the others lead there, the same for all actions of an
information set. Dividing by it, which is the same recursion over the entries' chance weights, gives what the
seat expects who knows that it is there.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.extensive import kernels
from games.extensive.evaluation import join_plans
from games.extensive.sequence_form import Behavior, SequenceForm


class FormKey:
    """Implements `solvers.rationality.keys.protocol.ActionKey` on a sequence form.

    Args:
        form: the game.
        seat: whose moves are valued.
        behaviors: policies of everybody, of which those of the others are read.
        label_of: the information set, as the form calls it, of a state and a player who is to move there.
    """

    def __init__(
        self,
        form: SequenceForm,
        seat: int,
        behaviors: Sequence[Behavior],
        label_of: Callable[[Any, int], str],
    ) -> None:
        self._seat = seat
        self._label_of = label_of
        self._numbers = [{label: h for h, label in enumerate(plex.infosets)} for plex in form.treeplexes]
        self._start = [plex.start.tolist() for plex in form.treeplexes]
        self._behaviors = tuple(behaviors)
        plans = join_plans(form, behaviors)
        best = _gradient(form, seat, form.payoff[seat], plans)
        reach = _gradient(form, seat, form.weight, plans)
        random = best.copy()
        kernels.maximise(seat, form.flat, best)
        kernels.maximise(seat, form.flat, reach)
        plex = form.treeplexes[seat]
        for h in range(plex.num_infosets - 1, -1, -1):
            random[plex.parent[h]] += random[plex.start[h] : plex.start[h + 1]].mean()
        with np.errstate(invalid="ignore"):
            # Where nobody comes the quotients are NaN, and no value follows.
            self._best = np.where(reach > 0.0, best / reach, np.nan)
            self._random = np.where(reach > 0.0, random / reach, np.nan)

    def values(self, state: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """See `ActionKey.values`."""
        return self._known(self._best, state)

    def random(self, state: Any) -> float:  # noqa: ANN401
        """See `ActionKey.random`."""
        return float(self._known(self._random, state).mean())

    def opponent(self, state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """See `ActionKey.opponent`."""
        return self._behaviors[player][self._actions(state, player)]

    def _known(self, worth: NDArray[np.float64], state: Any) -> NDArray[np.float64]:  # noqa: ANN401
        own: NDArray[np.float64] = worth[self._actions(state, self._seat)]
        if np.isnan(own).any():
            raise ValueError(
                f"against this opponent seat {self._seat} never gets to {self._label_of(state, self._seat)!r}"
            )
        return own

    def _actions(self, state: Any, player: int) -> slice:  # noqa: ANN401
        h = self._numbers[player][self._label_of(state, player)]
        return slice(self._start[player][h], self._start[player][h + 1])


def _gradient(
    form: SequenceForm, seat: int, entries: NDArray[np.float64], plans: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What entries, (E,), add to each sequence of the seat, (S_seat,), weighed by the others' plans."""
    sums = np.zeros(form.treeplexes[seat].num_sequences)
    kernels.add_gradient(seat, form.sequences, entries, form.flat, plans, sums)
    return sums
