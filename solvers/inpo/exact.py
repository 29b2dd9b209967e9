r"""Equilibria of preference games to rounding: what every other method is measured against.

For :math:`\tau = 0` the game is a zero-sum matrix game, solved context by context. For :math:`\tau > 0`
Newton's method solves :math:`G(z) = z - (P - 1/2)\,q(z) / \tau = 0` modulo constants for scores z, whose best
response :math:`q(z)` at weight 1 is the policy; under KL :math:`z = \log(\pi / \pi_{ref})`. With R the
divergence and :math:`w_y = 1 / R''_y`, which is :math:`q_y` under KL, the derivative of q is positive
semi-definite,

.. math::
    q'(z) = diag(w) - w w^\top / \textstyle\sum_y w_y,

and times an antisymmetric matrix it has imaginary eigenvalues only. So those of the Newton systems
:math:`(I - (P - 1/2)\,q'(z) / \tau)\,\delta = -G` are :math:`1 + i\mu`, and one solution always exists.
A step is halved until the residual falls; where it does not, extragradient rounds follow instead. Small
weights are approached through larger ones, whose equilibria lie closer to the reference.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.preference import (
    Divergence,
    PreferenceGame,
    assess_preference,
    gaps_of_advantages,
    original_gap,
    to_matrix_game,
)
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.equilibrium import solve_zero_sum
from solvers.inpo.iterate import Iterate, advantages, normalise
from solvers.inpo.presets import egpo

FloatArray = NDArray[np.float64]

# Gaps are quadratic in the error of the policy: this one leaves errors of rounding.
_NEWTON_GAP = 1e-26
_ROUGH_GAP = 1e-6  # on the way there
_LADDER = 4.0  # ratio of one weight to the next
_MAX_NEWTON = 200  # for each weight
_HALVINGS = 10
_RESCUE_ROUNDS = 25
_RESCUE_DEPTH = 30.0  # log-ratio to the reference below which a response would not come back in time


def exact_nash(
    game: PreferenceGame,
    *,
    tol: float = 1e-14,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[FloatArray]:
    """The equilibrium of every context: by linear programming for tau = 0, else by Newton's method.

    Args:
        game: one game or a batch.
        tol: largest gap still reported CERTIFIED; the answer is as exact as arithmetic allows in any case.
        time_limit: seconds, or None for no limit; looked at between contexts or Newton steps.
        progress: called after each context, or each weight on the way to tau, with the figure ``gap``.

    Returns:
        Policies of shape (..., n); ``steps`` counts contexts or Newton steps, ``info`` has ``contexts``
        and ``rescue_rounds``, the extragradient rounds that were needed. For tau = 0 a game may have several
        equilibria; one is returned. LIMIT when time ran out, contexts not reached staying at the reference;
        FAILED when the gap stays above ``tol``.

    Raises:
        ValueError: ``tol`` or ``time_limit`` is negative or NaN.

    Example:
        >>> from games.preference import comal_testbed
        >>> (11 * exact_nash(comal_testbed()).unwrap()).round(9).tolist()
        [4.0, 3.0, 4.0]
    """
    start = time.perf_counter()
    if not tol >= 0.0:  # `not >=` also refuses NaN
        raise ValueError(f"tol must be at least 0, got {tol!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    deadline = math.inf if time_limit is None else start + time_limit
    contexts = math.prod(game.batch_shape)
    if game.tau == 0.0:
        policies, steps = _by_linear_programs(game, contexts, deadline, progress)
        rescue_rounds = 0
    else:
        policies, steps, rescue_rounds = _by_newton(game, deadline, progress)
    policies = policies.reshape(game.reference.shape)
    certificate = assess_preference(game, policies).certificate
    status = Status.CERTIFIED
    if not certificate.bound <= tol:
        status = Status.LIMIT if time.perf_counter() >= deadline else Status.FAILED
    return SolveResult(
        solution=policies,
        status=status,
        certificate=certificate,
        solver="exact_nash",
        steps=steps,
        seconds=time.perf_counter() - start,
        info={"contexts": contexts, "rescue_rounds": rescue_rounds},
    )


def _by_linear_programs(
    game: PreferenceGame, contexts: int, deadline: float, progress: ProgressCallback
) -> tuple[FloatArray, int]:
    policies = game.reference.reshape(contexts, -1).copy()
    for number in range(contexts):
        left = deadline - time.perf_counter()
        if left <= 0.0:
            return policies, number
        context = game.context(number)
        limit = None if math.isinf(left) else left
        # By symmetry either player's strategy is an equilibrium policy; rounding may favour one.
        pair = solve_zero_sum(to_matrix_game(context), tol=0.0, time_limit=limit).unwrap()
        policies[number] = min(pair, key=lambda policy: float(original_gap(context, policy)))
        progress(number + 1, contexts, gap=float(original_gap(context, policies[number])))
    return policies, contexts


def _by_newton(
    game: PreferenceGame, deadline: float, progress: ProgressCallback
) -> tuple[FloatArray, int, int]:
    """Policies, Newton steps and extragradient rounds."""
    n = game.num_responses
    contexts = _Contexts(
        game.margins.reshape(-1, n, n), np.log(game.reference.reshape(-1, n)), game.divergence
    )
    scores = np.zeros_like(contexts.reference)
    steps = rescue_rounds = 0
    # At weight 1/2 and above, best responses hardly depend on the policy: margins are at most 1/2.
    rungs = max(math.ceil(math.log(0.5 / game.tau, _LADDER)), 0)
    for rung in range(rungs, -1, -1):
        tau = game.tau * _LADDER**rung
        enough = _ROUGH_GAP if rung else _NEWTON_GAP
        more, rescued = _newton(contexts, scores, tau, enough, deadline)
        steps, rescue_rounds = steps + more, rescue_rounds + rescued
        progress(steps, None, gap=float(_residuals(contexts, scores, game.tau)[1].max()))
    return np.exp(contexts.log_policy(scores)), steps, rescue_rounds


@dataclass(frozen=True, slots=True)
class _Contexts:
    """Margins, shape (B, n, n), and log-references, shape (B, n), of some contexts."""

    margins: FloatArray
    reference: FloatArray
    divergence: Divergence

    def part(self, chosen: NDArray[np.int64]) -> "_Contexts":
        return _Contexts(self.margins[chosen], self.reference[chosen], self.divergence)

    def log_policy(self, scores: FloatArray) -> FloatArray:
        """Logarithms of the policies that scores stand for."""
        response: FloatArray = self.divergence.log_response(self.reference, scores, 1.0)
        return response


def _newton(
    contexts: _Contexts, scores: FloatArray, tau: float, enough: float, deadline: float
) -> tuple[int, int]:
    """Bring gaps below ``enough``, changing ``scores`` in place; Newton steps and extragradient rounds."""
    residuals, gaps = _residuals(contexts, scores, tau)
    rescue_rounds = 0
    step = 0
    working = np.flatnonzero(gaps > enough)
    while working.size and step < _MAX_NEWTON and time.perf_counter() < deadline:
        step += 1
        part = contexts.part(working)
        scores[working], accepted = _newton_step(part, scores[working], residuals[working], tau)
        stuck = working[~accepted]
        # Rounding also ends the descent of the residual; such contexts are done.
        done = stuck[gaps[stuck] <= 1e-18]
        rescued = stuck[gaps[stuck] > 1e-18]
        if rescued.size:
            scores[rescued] = _extragradient(contexts.part(rescued), scores[rescued], tau)
            rescue_rounds += _RESCUE_ROUNDS
        residuals[working], gaps[working] = _residuals(part, scores[working], tau)
        working = np.setdiff1d(working[gaps[working] > enough], done)
    return step, rescue_rounds


def _residuals(contexts: _Contexts, scores: FloatArray, tau: float) -> tuple[FloatArray, FloatArray]:
    """G with its mean taken out, shape (B, n), and the gaps of the policies, shape (B,)."""
    logs = contexts.log_policy(scores)
    policy = np.exp(logs)
    rates = advantages(contexts.margins, policy)
    residual = scores - rates / tau
    residual -= residual.mean(axis=-1, keepdims=True)
    return residual, gaps_of_advantages(policy, logs, contexts.reference, rates, tau, contexts.divergence)


def _newton_step(
    contexts: _Contexts, scores: FloatArray, residuals: FloatArray, tau: float
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Scores after one damped step, and where the residual has fallen; others stay where they are."""
    logs = contexts.log_policy(scores)
    policy = np.exp(logs)
    curvatures = contexts.divergence.curvatures(logs, contexts.reference)
    weights = np.divide(policy, curvatures, out=np.zeros_like(policy), where=policy > 0.0)
    shares = weights / weights.sum(axis=-1, keepdims=True)
    moved = advantages(contexts.margins, weights)
    derivative = contexts.margins * weights[:, None, :] - moved[:, :, None] * shares[:, None, :]
    matrix = np.eye(scores.shape[-1]) - derivative / tau
    direction = np.linalg.solve(matrix, -residuals[..., None])[..., 0]
    before = np.linalg.norm(residuals, axis=-1)
    result = scores.copy()
    pending = np.ones(len(scores), dtype=bool)
    share = 1.0
    for _ in range(_HALVINGS):
        where = np.flatnonzero(pending)
        tried = scores[where] + share * direction[where]
        after, _ = _residuals(contexts.part(where), tried, tau)
        fell = np.linalg.norm(after, axis=-1) <= (1.0 - 0.1 * share) * before[where]
        result[where[fell]] = tried[fell]
        pending[where[fell]] = False
        if not pending.any():
            break
        share /= 2.0
    return result, ~pending


def _extragradient(contexts: _Contexts, scores: FloatArray, tau: float) -> FloatArray:
    """Scores after some extragradient rounds with automatic steps."""
    method = egpo()
    state = Iterate.begin(
        contexts.margins, np.exp(contexts.reference), tau, contexts.divergence, method.memory
    )
    state.move_to(normalise(np.maximum(contexts.log_policy(scores), contexts.reference - _RESCUE_DEPTH)))
    state.round = 0  # a move of ours, not of the method
    for _ in range(_RESCUE_ROUNDS):
        method.advance(state)
    found: FloatArray = state.rates / tau
    return found
