r"""Distances of a policy from the equilibrium of a preference game, in closed form.

Because the game is symmetric, the duality gap of :math:`\pi` is twice the most a first player can gain over
1/2 against it. Under KL the Gibbs variational formula gives

.. math::
    gap_\tau(\pi) = 2\Big(\tau \log \sum_y \pi_{ref}(y) e^{P(y \succ \pi)/\tau}
        + \tau\,KL(\pi \| \pi_{ref}) - \tfrac12\Big), \qquad
    gap_0(\pi) = 2\big(\max_y P(y \succ \pi) - \tfrac12\big).

Since :math:`P(\pi \succ \pi) = 1/2`, the first equals :math:`2 \tau\,KL(\pi \| br(\pi))`, where
:math:`br(\pi) \propto \pi_{ref} \exp(P\pi / \tau)` is the best response. That form is computed here, as a sum
of non-negative terms: no digits cancel, and gaps far below 1e-16 keep their meaning. Other divergences have
such a sum of their own, with a best response found by one scalar equation (``games.preference.divergences``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.preference.arrays import Array, at_least, greatest
from games.preference.divergences import KL, Divergence, kl_terms
from games.preference.game import PreferenceGame

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PreferenceReport:
    """How far a policy is from equilibrium, per context; every array has the shape of the batch.

    Attributes:
        gaps: duality gaps of the game as it is: regularised for tau > 0, original for tau = 0.
        original_gaps: duality gaps without regularisation.
        kl_to_reference: KL(policy || reference), in nats.
        divergence_from_reference: R(policy), by the divergence of the game.
        certificate: the largest of ``gaps``; the measure is ``regularised_gap`` or ``preference_gap``.
    """

    gaps: FloatArray
    original_gaps: FloatArray
    kl_to_reference: FloatArray
    divergence_from_reference: FloatArray
    certificate: Certificate


def win_rates(game: PreferenceGame, policy: ArrayLike) -> FloatArray:
    """Probability that each response is preferred to one drawn from ``policy``, shape (..., n)."""
    return 0.5 + _advantages(game, game.as_policy(policy))


def kl_divergence(p: ArrayLike, q: ArrayLike) -> FloatArray:
    """KL(p || q) over the last axis, in nats; infinite where p puts mass outside the support of q."""
    first, second = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    return np.asarray(kl_terms(first, _log(first), second, _log(second)))


def best_response(game: PreferenceGame, policy: ArrayLike) -> FloatArray:
    """The regularised best response to ``policy``: under KL proportional to reference * exp(win rate / tau).

    Raises:
        ValueError: tau is 0, where any mixture of the best responses is one.
    """
    if game.tau == 0.0:
        raise ValueError("best_response needs tau > 0; for tau = 0 take the responses of greatest win rate")
    advantages = _advantages(game, game.as_policy(policy))
    response: FloatArray = np.exp(game.divergence.log_response(np.log(game.reference), advantages, game.tau))
    return response


def original_gap(game: PreferenceGame, policy: ArrayLike) -> FloatArray:
    """Duality gap of the game without regularisation, shape of the batch, in [0, 1]."""
    return np.asarray(_original(_advantages(game, game.as_policy(policy))))


def regularised_gap(game: PreferenceGame, policy: ArrayLike) -> FloatArray:
    """Duality gap of the game with its regularisation, shape of the batch; needs tau > 0.

    Raises:
        ValueError: tau is 0; ``original_gap`` is the gap then.
    """
    if game.tau == 0.0:
        raise ValueError("regularised_gap needs tau > 0; original_gap is the gap for tau = 0")
    checked = game.as_policy(policy)
    return np.asarray(
        gaps_of_advantages(
            checked,
            _log(checked),
            np.log(game.reference),
            _advantages(game, checked),
            game.tau,
            game.divergence,
        )
    )


def gaps_of_advantages(
    policy: Array,
    log_policy: Array,
    log_reference: Array,
    advantages: Array,
    tau: float,
    divergence: Divergence,
) -> Array:
    """Duality gaps where the win rates are known already; nothing is checked.

    Args:
        policy: distributions, shape (..., n), as numpy or torch has them, and so for the other arrays.
        log_policy: their logarithms, -inf allowed.
        log_reference: logarithms of the reference.
        advantages: win rates against ``policy`` less 1/2.
        tau: weight of the divergence; 0 gives the original gap.
        divergence: what tau weighs.
    """
    if tau == 0.0:
        return _original(advantages)
    return 2.0 * divergence.shortfall(policy, log_policy, log_reference, advantages, tau)


def assess_preference(game: PreferenceGame, policy: ArrayLike) -> PreferenceReport:
    """Every measure of ``policy``, shape (..., n), in ``game``."""
    checked = game.as_policy(policy)
    logs, log_reference = _log(checked), np.log(game.reference)
    advantages = _advantages(game, checked)
    gaps = np.asarray(gaps_of_advantages(checked, logs, log_reference, advantages, game.tau, game.divergence))
    kl = np.asarray(kl_terms(checked, logs, game.reference, log_reference))
    measure = "regularised_gap" if game.tau > 0.0 else "preference_gap"
    return PreferenceReport(
        gaps=gaps,
        original_gaps=np.asarray(_original(advantages)),
        kl_to_reference=kl,
        divergence_from_reference=(
            kl if game.divergence == KL else np.asarray(game.divergence.value(checked, logs, log_reference))
        ),
        certificate=Certificate(measure, float(gaps.max())),
    )


def certify_preference(game: PreferenceGame, policy: ArrayLike) -> Certificate:
    """The largest duality gap of ``policy`` over the contexts of ``game``, as a certificate."""
    return assess_preference(game, policy).certificate


def _advantages(game: PreferenceGame, policy: FloatArray) -> FloatArray:
    product: FloatArray = (game.margins @ policy[..., None])[..., 0]
    return product


def _log(policy: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        logs: FloatArray = np.log(policy)
    return logs


def _original(advantages: Array) -> Array:
    return 2.0 * at_least(greatest(advantages), 0.0)
