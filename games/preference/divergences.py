r"""Divergences that hold a policy near its reference, and best responses under them.

A divergence is :math:`R(\pi) = \sum_y \rho_y f(\pi_y / \rho_y)` with :math:`\rho` the reference and f convex,
f(1) = 0. With win rates v less 1/2 and weight :math:`\tau`, weak duality says for every number
:math:`\lambda`

.. math::
    \max_{\pi'} \langle v, \pi' \rangle - \tau R(\pi') + \tau R(\pi) - \langle v, \pi \rangle
    \le \sum_y \big[ \tau \rho_y f(\pi_y / \rho_y)
        + \max_{p \ge 0} \{ (v_y - \lambda) p - \tau \rho_y f(p / \rho_y) \} - (v_y - \lambda) \pi_y \big],

with equality where the maximisers :math:`q_y` of the inner problems add up to one: they are the best response
then. Every term of the sum is non-negative, so no digits cancel; and since the right side bounds the left for
every :math:`\lambda`, it certifies the left however well the equation for :math:`\lambda` was solved.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from games.preference.arrays import Array, array_module, at_least, greatest

_MOST_EXPONENT = 600.0  # exponentials stay finite
_MOST_PASSES = 100


class Divergence(Protocol):
    """How far a policy is from the reference; all arrays are of shape (..., n), numpy or torch."""

    @property
    def name(self) -> str:
        """How files call it."""

    def value(self, policy: Array, log_policy: Array, log_reference: Array) -> Array:
        """R of ``policy``, shape (...)."""

    def slopes(self, log_policy: Array, log_reference: Array) -> Array:
        """The derivatives of R by each probability, up to a constant."""

    def curvatures(self, log_policy: Array, log_reference: Array) -> Array:
        """By how much each slope rises with the logarithm of its probability."""

    def log_response(self, log_reference: Array, advantages: Array, tau: float) -> Array:
        """Logarithms of the policy that maximises <``advantages``, policy> - ``tau`` R."""

    def shortfall(
        self, policy: Array, log_policy: Array, log_reference: Array, advantages: Array, tau: float
    ) -> Array:
        """By how much ``policy`` misses that maximum, shape (...): the sum of non-negative terms above."""


@dataclass(frozen=True, slots=True)
class KullbackLeibler:
    """KL(policy || reference), in nats: f(u) = u log u. Responses all but given up cost nothing."""

    name: str = "kl"

    def value(self, policy: Array, log_policy: Array, log_reference: Array) -> Array:
        """KL(policy || reference)."""
        return kl_terms(policy, log_policy, array_module(policy).exp(log_reference), log_reference)

    def slopes(self, log_policy: Array, log_reference: Array) -> Array:
        """log(policy / reference)."""
        return log_policy - log_reference

    def curvatures(self, log_policy: Array, log_reference: Array) -> Array:
        """One."""
        return array_module(log_policy).ones_like(log_policy)

    def log_response(self, log_reference: Array, advantages: Array, tau: float) -> Array:
        """The reference tilted by exp(advantages / tau)."""
        xp = array_module(advantages)
        scores = log_reference + advantages / tau
        scores -= greatest(scores, keepdims=True)
        return scores - xp.log(xp.exp(scores).sum(axis=-1, keepdims=True))

    def shortfall(
        self, policy: Array, log_policy: Array, log_reference: Array, advantages: Array, tau: float
    ) -> Array:
        """The KL of the policy from the best response, times tau."""
        response = self.log_response(log_reference, advantages, tau)
        return tau * kl_terms(policy, log_policy, array_module(policy).exp(response), response)


@dataclass(frozen=True, slots=True)
class ReverseKullbackLeibler:
    """KL(reference || policy), in nats: f(u) = -log u. No response can be given up.

    Where policies of language models are fitted, this direction is often called the forward one.
    """

    name: str = "reverse_kl"

    def value(self, policy: Array, log_policy: Array, log_reference: Array) -> Array:
        """KL(reference || policy), infinite where the policy has given a response up."""
        reference = array_module(policy).exp(log_reference)
        return kl_terms(reference, log_reference, policy, log_policy)

    def slopes(self, log_policy: Array, log_reference: Array) -> Array:
        """-reference / policy."""
        return -self.curvatures(log_policy, log_reference)

    def curvatures(self, log_policy: Array, log_reference: Array) -> Array:
        """Reference / policy."""
        xp = array_module(log_policy)
        return xp.exp(xp.clip(log_reference - log_policy, -_MOST_EXPONENT, _MOST_EXPONENT))

    def log_response(self, log_reference: Array, advantages: Array, tau: float) -> Array:
        """Of tau reference / (multiplier - advantages), with the multiplier that makes it sum to one."""
        xp = array_module(advantages)
        behind = greatest(advantages, keepdims=True) - advantages
        weights = tau * xp.exp(log_reference)
        # The multiplier less the greatest advantage. Its equation sum(weights / (ahead + behind)) = 1 is
        # solved for the inverse of the sum, which is concave: Newton steps from the left stay on the left.
        ahead = greatest(weights - behind, keepdims=True)
        for _ in range(_MOST_PASSES):
            parts = weights / (ahead + behind)
            total = parts.sum(axis=-1, keepdims=True)
            squares = (parts / (ahead + behind)).sum(axis=-1, keepdims=True)
            rise = (total * total - total) / squares
            if not bool((rise > 1e-15 * ahead).any()):
                break
            ahead = ahead + at_least(rise, 0.0)
        return xp.log(weights) - xp.log(ahead + behind)

    def shortfall(
        self, policy: Array, log_policy: Array, log_reference: Array, advantages: Array, tau: float
    ) -> Array:
        """The sum of tau reference (u - 1 - log u), u = policy / best response."""
        xp = array_module(policy)
        ratio = log_policy - self.log_response(log_reference, advantages, tau)
        with np.errstate(over="ignore"):
            terms = xp.exp(log_reference) * (xp.expm1(ratio) - ratio)
        return tau * at_least(terms, 0.0).sum(axis=-1)


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """The sum of (policy - reference)^2 / reference: f(u) = (u - 1)^2. Responses can be given up entirely."""

    name: str = "chi_squared"

    def value(self, policy: Array, log_policy: Array, log_reference: Array) -> Array:
        """The sum of squares above."""
        xp = array_module(policy)
        reference = xp.exp(log_reference)
        return ((policy - reference) ** 2 / reference).sum(axis=-1)

    def slopes(self, log_policy: Array, log_reference: Array) -> Array:
        """2 policy / reference."""
        return 2.0 * array_module(log_policy).exp(log_policy - log_reference)

    def curvatures(self, log_policy: Array, log_reference: Array) -> Array:
        """2 policy / reference."""
        return self.slopes(log_policy, log_reference)

    def log_response(self, log_reference: Array, advantages: Array, tau: float) -> Array:
        """Logarithms of reference max(0, 1 + (advantages - multiplier) / (2 tau)), -inf where that is 0."""
        xp = array_module(advantages)
        room, _ = self._room(log_reference, advantages, tau)
        with np.errstate(divide="ignore"):
            return log_reference + xp.log(room)

    def shortfall(
        self, policy: Array, log_policy: Array, log_reference: Array, advantages: Array, tau: float
    ) -> Array:
        """The sum of tau (policy - best response)^2 / reference, and what given-up responses cost."""
        xp = array_module(policy)
        reference = xp.exp(log_reference)
        room, lack = self._room(log_reference, advantages, tau)
        terms = (policy / reference - room) ** 2 * reference + 2.0 * lack * policy
        return tau * terms.sum(axis=-1)

    def _room(self, log_reference: Array, advantages: Array, tau: float) -> tuple[Array, Array]:
        """Best response / reference, and by how much it would be negative were it not cut at zero."""
        xp = array_module(advantages)
        reference = xp.exp(log_reference)
        # 1 + (advantages - greatest) / (2 tau); to lower it by the level makes it a best response.
        height = 1.0 + (advantages - greatest(advantages, keepdims=True)) / (2.0 * tau)
        level = xp.amin(height, axis=-1, keepdims=True) - 1.0
        for _ in range(_MOST_PASSES):
            # Responses once below the level stay there: the level rises to its place in finitely many passes.
            mass = xp.where(height > level, reference, 0.0)
            total = mass.sum(axis=-1, keepdims=True)
            risen = ((mass * height).sum(axis=-1, keepdims=True) - 1.0) / total
            if not bool((risen > level).any()):
                break
            level = xp.maximum(level, risen)
        left = height - level
        return at_least(left, 0.0), at_least(-left, 0.0)


KL = KullbackLeibler()
REVERSE_KL = ReverseKullbackLeibler()
CHI_SQUARED = ChiSquared()


def kl_terms(p: Array, log_p: Array, q: Array, log_q: Array) -> Array:
    """KL(p || q) as the sum of p log(p/q) - p + q: each term is non-negative, the last two add up to zero."""
    xp = array_module(p)
    if bool((p > 0.0).all()):
        ratio = log_q - log_p
        if bool((ratio <= 1.0).all()):  # the rule near equilibria, and the fast way
            return ((xp.expm1(ratio) - ratio) * p).sum(axis=-1)
    mass = p > 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        ratio = xp.where(mass, log_q - log_p, 0.0)
        terms = xp.where(mass, p * (xp.expm1(ratio) - ratio), q)
        # exp(ratio) overflows where q dwarfs p; p exp(ratio) is q there.
        terms = xp.where(mass & (ratio > 1.0), q - p - p * ratio, terms)
    return at_least(terms, 0.0).sum(axis=-1)
