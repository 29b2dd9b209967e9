"""Where a run of counterfactual regret minimisation stands, in memory and on disk."""

import os
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError
from games.extensive import kernels
from games.extensive.evaluation import split, uniform_behaviors
from games.extensive.fingerprint import fingerprint
from games.extensive.sequence_form import Behavior, SequenceForm
from games.storage import read_bundle, write_bundle

FloatArray = NDArray[np.float64]

SCHEMA = "counterplay.cfr"
VERSION = 1


class Updates(StrEnum):
    """Against whom the players learn within an iteration."""

    ALTERNATING = "alternating"
    SIMULTANEOUS = "simultaneous"


@dataclass(frozen=True, slots=True, eq=False)
class CFRState:
    """A run between two iterations; S sequences of all players end to end, in the order of the form.

    Attributes:
        variant: name of the variant that made it.
        updates: how players took turns.
        iteration: iterations done.
        regrets: float64 (S,), cumulative regrets.
        behaviors: float64 (S,), what the players do next.
        sums: float64 (S,), realization plans of the iterations, weighted.
        gradients: float64 (S,), derivatives of each player's payoff in their plan, weighted likewise; zero
            where updates alternate, for then no joint play exists.
        values: float64 (N,), expected payoffs of the iterations, weighted likewise.
    """

    variant: str
    updates: Updates
    iteration: int
    regrets: FloatArray
    behaviors: FloatArray
    sums: FloatArray
    gradients: FloatArray
    values: FloatArray

    @classmethod
    def fresh(cls, form: SequenceForm, variant: str, updates: Updates) -> "CFRState":
        """The state before the first iteration: no regrets, uniform play."""
        uniform = np.concatenate(uniform_behaviors(form))
        zeros = np.zeros((3, uniform.size))
        return cls(variant, updates, 0, zeros[0], uniform, zeros[1], zeros[2], np.zeros(form.num_players))

    def average(self, form: SequenceForm) -> tuple[Behavior, ...]:
        """Behavior policies of the weighted average plans; uniform before the first iteration."""
        behaviors = np.empty_like(self.sums)
        kernels.behaviors_from_plans(form.flat, self.sums, behaviors)
        return split(form, behaviors)

    def last(self, form: SequenceForm) -> tuple[Behavior, ...]:
        """What the players do next."""
        return split(form, self.behaviors.copy())

    def joint_regret(self, form: SequenceForm) -> float:
        r"""Distance of the weighted joint play from a coarse correlated equilibrium, in payoff units.

        .. math:: \sum_i \max_{r_i} \sum_t w_t [u_i(r_i, x^t_{-i}) - u_i(x^t)] / \sum_t w_t .

        These are external regrets as the run recorded them; infinite where there is no joint play, which is
        before the first iteration and where updates alternate.
        """
        weight = float(self.sums[0])
        if self.updates is not Updates.SIMULTANEOUS or weight == 0.0:
            return float("inf")
        total = 0.0
        for i, gradient in enumerate(split(form, self.gradients)):
            best = kernels.maximise(i, form.flat, gradient.copy())
            total += max(best - float(self.values[i]), 0.0)
        return total / weight


_ARRAYS = ("regrets", "behaviors", "sums", "gradients")


def save_cfr_state(path: str | os.PathLike[str], form: SequenceForm, state: CFRState) -> None:
    """Write a state atomically (JSON, arrays beside it)."""
    header = {
        "schema": SCHEMA,
        "version": VERSION,
        "fingerprint": fingerprint(form),
        "variant": state.variant,
        "updates": state.updates.value,
        "iteration": state.iteration,
    }
    write_bundle(path, header, {name: getattr(state, name) for name in (*_ARRAYS, "values")})


def load_cfr_state(path: str | os.PathLike[str], form: SequenceForm) -> CFRState:
    """Read a state of the same game.

    Raises:
        FileFormatError: the files are broken or hold something else.
        ValueError: the state belongs to another game.
    """
    place = os.fspath(path)
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    if header.get("fingerprint") != fingerprint(form):
        raise ValueError(f"{place} belongs to another game than {form.name}")
    try:
        variant, iteration = header["variant"], header["iteration"]
        if not isinstance(variant, str) or type(iteration) is not int or iteration < 0:
            raise ValueError("variant must be a name and iteration a count")
        state = CFRState(
            variant,
            Updates(header["updates"]),
            iteration,
            regrets=arrays["regrets"],
            behaviors=arrays["behaviors"],
            sums=arrays["sums"],
            gradients=arrays["gradients"],
            values=arrays["values"],
        )
        check_state(form, state)
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{place} is not a whole CFR state: {error}") from error
    return state


def check_state(form: SequenceForm, state: CFRState) -> None:
    """Refuse arrays that do not fit the game, which compiled code would read beyond their end.

    Raises:
        ValueError: shapes, types or numbers do not fit.
    """
    size = sum(form.num_sequences)
    for name in (*_ARRAYS, "values"):
        array = getattr(state, name)
        wanted = (form.num_players,) if name == "values" else (size,)
        if array.dtype != np.float64 or array.shape != wanted or not np.isfinite(array).all():
            raise ValueError(
                f"{name} must be finite float64 numbers of shape {wanted}, got {array.dtype} {array.shape}"
            )
    if state.sums.min(initial=0.0) < 0.0 or kernels.first_invalid(form.flat, state.behaviors, 1e-6) >= 0:
        raise ValueError("behaviors must be distributions and sums non-negative")
