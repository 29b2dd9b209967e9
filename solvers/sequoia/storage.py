"""Trained policies to and from the files of `games.storage.bandit_policies`.

A policy that was loaded plays the same actions as the one that was saved: the same Q-function is built around
the same numbers, and its maxima are taken by the same oracle to the same tolerance.
"""

import math
import os

import numpy as np
from numpy.typing import NDArray

from games.bandits.problem import EVALUATION_START, CoupledBandit
from games.bandits.q_functions import (
    AdditiveValues,
    QFunction,
    QKind,
    QShape,
    StateReading,
    least_prices,
)
from games.bandits.return_bound import lagrangian_bound, starting_at_random
from games.bandits.simulator import Rollout, draw_noise, rollout
from games.results import SolveResult
from games.storage.bandit_policies import (
    LOOK_RECORDS,
    ROUND_RECORDS,
    Decisions,
    PlainPolicy,
    ReturnClaim,
    StoredBanditPolicy,
    load_plain_policy,
    save_plain_policy,
)
from solvers.sequoia.learning.families import (
    AdditiveFamily,
    ConcaveFamily,
    DenseFamily,
    QFamily,
    ResidualFamily,
    SharedFamily,
    SharedResidualFamily,
)
from solvers.sequoia.learning.features import OneHot, RawIntegers, StateFeatures
from solvers.sequoia.learning.model import ModelNetwork
from solvers.sequoia.learning.origin import QOrigin
from solvers.sequoia.learning.policy import OraclePolicy, feasible_of, rows_of
from solvers.sequoia.learning.records import LearningCurve
from solvers.sequoia.learning.terms import TermLayout
from solvers.sequoia.learning.train import SequoiaPolicy
from solvers.sequoia.learning.value_base import ValueBase
from solvers.sequoia.oracle import ArgmaxOracle
from solvers.sequoia.result import Tolerance

_RECORDED = 4  # episodes whose decisions are kept
_SAME = 1e-6  # share by which two ways to compute a Q may differ


def save_policy(
    path: str | os.PathLike[str],
    bandit: CoupledBandit,
    result: SolveResult[SequoiaPolicy],
    *,
    episodes: int = 200,
    rng: np.random.Generator,
) -> None:
    """Save what `train_sequoia` returned, so that it plays and can be checked anywhere; see `load_policy`.

    Fresh episodes are played for the claimed return: the validation chose the policy, so its figure flatters.

    Args:
        path: ``NAME.json``; the arrays go beside it.
        bandit: what the policy was trained on.
        result: of the training.
        episodes: played for the claim.
        rng: their luck.

    Raises:
        TypeError: the bandit, the family or its features are not of this package, so no file can hold them.
        ValueError: there is no policy, a number is not finite, ``episodes`` is below 2, ``path`` is refused,
            or the policy was trained on another bandit, so that its Q would not come back.
        OSError: the files cannot be written.
    """
    if episodes < 2:
        raise ValueError(f"episodes must be at least 2 for an error, got {episodes}")
    policy = result.unwrap()
    plain = _plain(bandit, policy)
    played = rollout(bandit, policy, draw_noise(bandit, episodes, rng=rng))
    values = played.values
    bound = None
    if plain.prices is not None:
        start = starting_at_random(bandit, EVALUATION_START)
        groups = [factor.arms for factor in plain.q.base.factors]
        bound = lagrangian_bound(bandit, groups, plain.prices, start).total
    error = float(values.std(ddof=1)) / math.sqrt(episodes)
    claim = ReturnClaim(float(values.mean()), error, episodes, bound)
    decisions = _decisions(plain.q, played)
    _check_same(policy, decisions)
    save_plain_policy(path, bandit, result.with_solution(plain), claim, decisions)


def load_policy(path: str | os.PathLike[str], *, workers: int = 1) -> tuple[CoupledBandit, SequoiaPolicy]:
    """The bandit and the policy of a file; nothing in it is executed.

    Args:
        path: the header.
        workers: threads for the maxima.

    Raises:
        FileFormatError: the files are broken, or are not of this kind.
        OSError: a file cannot be read.
    """
    stored = load_plain_policy(path)
    return stored.bandit, playing(stored, workers=workers)


def playing(stored: StoredBanditPolicy, *, workers: int = 1) -> SequoiaPolicy:
    """The policy of a file that was loaded, ready to play.

    Raises:
        ValueError: the arrays do not make a Q-function.
    """
    bandit, plain = stored.bandit, stored.result.unwrap()
    base = plain.q.base
    layout = TermLayout(base.factors, bandit.horizon)
    origin = QOrigin(
        _family(plain.q.shape),
        ValueBase(layout, base.coefficients, base.values, base.constants, base.discount),
        plain.q.unit,
    )
    model = origin.build(bandit)
    model.restore(plain.q.weights)
    oracle = ArgmaxOracle(model.snapshot(), feasible_of(bandit))
    tolerance = Tolerance(plain.relative, plain.absolute)
    curve = LearningCurve.restore(
        {f"round_{name}": held for name, held in plain.rounds.items()}
        | {f"look_{name}": held for name, held in plain.looks.items()}
    )
    player = OraclePolicy(oracle, workers=workers, tolerance=tolerance)
    return SequoiaPolicy(player, curve, origin, workers=workers)


def _plain(bandit: CoupledBandit, policy: SequoiaPolicy) -> PlainPolicy:
    network, origin = policy.oracle.network, policy.origin
    if not isinstance(network, ModelNetwork):
        raise TypeError(f"the policy must play a ModelNetwork to be saved, got {type(network).__name__}")
    shape = _shape(origin.family)
    base = AdditiveValues(
        origin.base.layout.factors,
        origin.base.coefficients,
        origin.base.values,
        origin.base.constants,
        origin.base.discount,
    )
    tolerance = policy.tolerance or Tolerance()
    records = policy.curve.arrays()
    return PlainPolicy(
        policy.name,
        QFunction(bandit, shape, network.arrays(), origin.unit, base),
        tolerance.relative,
        tolerance.absolute,
        least_prices(base),
        {name: records[f"round_{name}"] for name in ROUND_RECORDS},
        {name: records[f"look_{name}"] for name in LOOK_RECORDS},
    )


def _decisions(q: QFunction, played: Rollout) -> Decisions:
    """Those of the first episodes, step by step."""
    states = played.states[:_RECORDED, :-1].swapaxes(0, 1).copy()
    actions = played.actions[:_RECORDED].swapaxes(0, 1).copy()
    values: NDArray[np.float64] = np.empty(states.shape[:2])
    for step, place in np.ndindex(*values.shape):
        values[step, place] = q.at(states[step, place], step).values(actions[step, place][None])[0]
    return Decisions(states, actions, values)


def _check_same(policy: SequoiaPolicy, decisions: Decisions) -> None:
    """Refuse a bandit around which the arrays make another Q: some networks read its rewards."""
    network, scale = policy.oracle.network, np.abs(decisions.values).max()
    assert isinstance(network, ModelNetwork)  # others are refused before
    for step, (states, actions, values) in enumerate(
        zip(decisions.states, decisions.actions, decisions.values, strict=True)
    ):
        played = network.values(rows_of(states, step), actions)
        if np.abs(values - played).max() > _SAME * scale:
            raise ValueError(
                "bandit must be the one the policy was trained on: with it the weights give another Q, "
                f"{values.tolist()} rather than {played.tolist()} at step {step}"
            )


def _shape(family: QFamily) -> QShape:
    one_hot = StateReading.ONE_HOT
    match family:
        case DenseFamily():
            return QShape(QKind.DENSE, family.hidden, _reading(family.features))
        case SharedFamily():
            return QShape(QKind.SHARED, (family.width, family.hidden), one_hot)
        case ConcaveFamily():
            return QShape(QKind.CONCAVE, (family.hidden,), _reading(family.features))
        case AdditiveFamily():
            return QShape(
                QKind.ADDITIVE, (), _reading(family.features), bends=family.bends, trained_table=True
            )
        case ResidualFamily():
            reading = _reading(family.features)
            return QShape(QKind.RESIDUAL, family.hidden, reading, trained_table=family.trained_base)
        case SharedResidualFamily():
            widths = (family.width, family.hidden)
            return QShape(QKind.SHARED_RESIDUAL, widths, one_hot, trained_table=family.trained_base)
        case _:
            raise TypeError(f"family must be of solvers.sequoia to be saved, got {type(family).__name__}")


def _family(shape: QShape) -> QFamily:
    features: StateFeatures = OneHot() if shape.reading is StateReading.ONE_HOT else RawIntegers()
    widths = shape.widths
    match shape.kind:
        case QKind.DENSE:
            return DenseFamily(widths, features)
        case QKind.SHARED:
            return SharedFamily(widths[0], widths[1])
        case QKind.CONCAVE:
            return ConcaveFamily(widths[0], features)
        case QKind.ADDITIVE:
            return AdditiveFamily(shape.bends, features)
        case QKind.RESIDUAL:
            return ResidualFamily(widths, features, shape.trained_table)
        case QKind.SHARED_RESIDUAL:
            return SharedResidualFamily(widths[0], widths[1], shape.trained_table)


def _reading(features: StateFeatures) -> StateReading:
    if isinstance(features, OneHot):
        return StateReading.ONE_HOT
    if isinstance(features, RawIntegers):
        return StateReading.INTEGERS
    raise TypeError(f"features must be OneHot or RawIntegers to be saved, got {type(features).__name__}")
