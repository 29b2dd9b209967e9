"""An action set written by the user as a Pyomo block, compiled once to sparse rows.

Pyomo is the language here, not part of the step loop: the block is translated by Pyomo's own compiler to
standard form, and later changes to it do not reach the set. For a set that changes with the state, build a
block for each state in a `games.bandits.state_sets.StateSets`.

Objectives are not read. Fixed variables count as constants.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet, Membership
from games.bandits.arrays import Variables, compiled


def from_pyomo(
    block: Any,  # noqa: ANN401  (Pyomo has no types)
    action_vars: Any,  # noqa: ANN401
    *,
    membership: Membership | None = None,
    downward: bool = False,
) -> ActionSet:
    """Compile the active constraints of a block.

    Args:
        block: a concrete Pyomo model or block; linear constraints only.
        action_vars: the action bits in order: an indexed variable, or variables in a list. They must be
            binary.
        membership: as in `games.bandits.arrays.from_arrays`: without one, it is a feasibility problem over
            the compiled rows with the bits fixed.
        downward: dropping set bits always leaves an allowed action; the caller knows.

    Raises:
        ValueError: a constraint is not linear or an active component is of another kind (the message names
            it), an action variable is not binary or named twice, a variable is fixed without a value, the
            block is indexed, deactivated or not constructed, or the set is empty.
    """
    from pyomo.common.errors import InfeasibleConstraintException, PyomoException
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    bits = _bits(action_vars)
    name = f"pyomo({block.name})"
    if block.is_indexed():
        raise ValueError(f"{name} is indexed; give one of its blocks, or a block that holds it")
    if not block.is_constructed():
        raise ValueError(f"{name} is not constructed; make a concrete model or an instance of it")
    if not block.active:
        raise ValueError(f"{name} is deactivated, so none of its constraints would count")
    try:
        form = LinearStandardFormCompiler().write(block, mixed_form=True, set_sense=None)
    except InfeasibleConstraintException as error:
        raise ValueError(f"{name} is empty: {error}") from error
    except (PyomoException, ValueError) as error:
        raise ValueError(f"{name} cannot be compiled to linear rows: {error}") from error
    place = {id(variable): index for index, variable in enumerate(bits)}
    others = [variable for variable in form.columns if id(variable) not in place]
    place |= {id(variable): len(bits) + index for index, variable in enumerate(others)}
    table = form.A.tocoo()
    columns = np.array([place[id(variable)] for variable in form.columns], dtype=np.int64)
    rows = sparse.csr_array(
        sparse.coo_array(
            (table.data, (table.row, columns[table.col])), shape=(table.shape[0], len(bits) + len(others))
        )
    )
    # Of a row in mixed form: 0 is an equation, 1 has an upper side, -1 a lower one.
    kinds = np.array([entry.bound_type for entry in form.rows], dtype=np.int64)
    sides = np.asarray(form.rhs, dtype=np.float64)
    low = np.where(kinds <= 0, sides, -np.inf)
    high = np.where(kinds >= 0, sides, np.inf)
    for row in np.flatnonzero((np.diff(rows.indptr) == 0) & ((low > 0) | (high < 0))):
        # Only fixed variables are in it.
        raise ValueError(f"{name} is empty: constraint {form.rows[row].constraint.name} cannot hold")
    return compiled(len(bits), (rows, low, high), _variables([*bits, *others]), (membership, downward, name))


def _bits(action_vars: Any) -> list[Any]:  # noqa: ANN401
    if hasattr(action_vars, "is_indexed"):
        action_vars = [*action_vars.values()] if action_vars.is_indexed() else [action_vars]
    if not isinstance(action_vars, Iterable):
        raise ValueError(f"action_vars must be Pyomo variables, got {action_vars!r}")
    bits = [*action_vars]
    if not bits or len({id(variable) for variable in bits}) < len(bits):
        raise ValueError("action_vars must name at least one variable, and none twice")
    for variable in bits:
        if not getattr(variable, "is_variable_type", bool)():
            raise ValueError(f"action_vars must be Pyomo variables, got {variable!s}")
        # An integer within 0..1 is binary by another name.
        if not (variable.is_binary() or (variable.is_integer() and variable.bounds == (0, 1))):
            raise ValueError(f"action variable {variable.name} must be binary, got {variable.domain.name}")
    return bits


def _variables(columns: list[Any]) -> Variables:
    lower: NDArray[np.float64] = np.empty(len(columns))
    upper: NDArray[np.float64] = np.empty(len(columns))
    integral: NDArray[np.bool_] = np.empty(len(columns), dtype=np.bool_)
    for index, variable in enumerate(columns):
        if not (variable.is_continuous() or variable.is_integer()):
            raise ValueError(f"variable {variable.name} must be continuous, integer or binary")
        if variable.fixed and variable.value is None:
            raise ValueError(f"variable {variable.name} is fixed, but has no value")
        low, high = (variable.value, variable.value) if variable.fixed else variable.bounds
        lower[index] = -np.inf if low is None else low
        upper[index] = np.inf if high is None else high
        integral[index] = variable.is_integer()
    return Variables(lower, upper, integral)
