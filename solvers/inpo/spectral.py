r"""The spectral radius that decides whether self-play turns inward or outward.

Linearised at a policy :math:`\pi`, a step of size s along the win rates has the eigenvalues
:math:`1 - s\tau \pm i s \omega_k`, where :math:`\pm i\omega_k` are those of the antisymmetric matrix
:math:`D^{1/2} (P - 1/2) D^{1/2}`, :math:`D = diag(\pi)`. The largest is at most 1/2.
"""

import numpy as np
from numpy.typing import NDArray

from games.preference.arrays import Array, array_module, at_least
from solvers.inpo.iterate import Iterate, advantages

FloatArray = NDArray[np.float64]

_FIRST_SQUARINGS = 5
_LATER_SQUARINGS = 2
_CACHED_BYTES = 1 << 20  # of margins: the same ones are read in every squaring, and should stay at hand


def spectral_radius(margins: FloatArray, policy: FloatArray) -> FloatArray:
    """The spectral radius by singular values; shapes (..., n, n) and (..., n) give (...)."""
    root = np.sqrt(policy)
    largest: FloatArray = np.linalg.norm(root[..., :, None] * margins * root[..., None, :], 2, axis=(-2, -1))
    return largest


def refresh_radius(state: Iterate) -> None:
    """Estimate ``state.radius`` anew by power iteration from where the last estimate ended.

    Estimates approach from below. They are renewed at rounds 0, 1, 4, and every sixteenth.
    """
    if state.round % 16 and state.round not in (1, 4):
        return
    squarings = _LATER_SQUARINGS if state.round else _FIRST_SQUARINGS
    xp = state.xp
    contexts, n = state.policy.shape
    size = max(_CACHED_BYTES // (8 * n * n), 1) if xp is np else contexts
    if contexts <= size:
        state.radius, state.direction = _power(state.margins, state.policy, state.direction, squarings)
        return
    parts = [
        _power(state.margins[at], state.policy[at], state.direction[at], squarings)
        for at in (slice(first, first + size) for first in range(0, contexts, size))
    ]
    state.radius = np.concatenate([radius for radius, _ in parts])
    state.direction = np.concatenate([direction for _, direction in parts])


def _power(margins: Array, policy: Array, direction: Array, squarings: int) -> tuple[Array, Array]:
    """The estimate after some steps of the power iteration, and the direction to go on from."""
    xp = array_module(margins)
    root = xp.sqrt(policy)
    vector = direction
    radius = 0.0 * vector[:, 0]
    for _ in range(squarings):
        vector = vector / at_least(xp.sqrt((vector * vector).sum(axis=-1, keepdims=True)), 1e-300)
        half = root * advantages(margins, root * vector)
        radius = xp.sqrt((half * half).sum(axis=-1))
        vector = root * advantages(margins, root * half)  # the square is symmetric: it does converge
    # Tied responses leave nothing to iterate on; the next refresh must not start from zero.
    return radius, xp.where(radius[:, None] > 0.0, vector, direction)
