r"""The spectral radius that decides whether self-play turns inward or outward.

Linearised at a policy :math:`\pi`, a step of size s along the win rates has the eigenvalues
:math:`1 - s\tau \pm i s \omega_k`, where :math:`\pm i\omega_k` are those of the antisymmetric matrix
:math:`D^{1/2} (P - 1/2) D^{1/2}`, :math:`D = diag(\pi)`. The largest is at most 1/2.
"""

import numpy as np
from numpy.typing import NDArray

from solvers.inpo.iterate import Iterate, advantages

FloatArray = NDArray[np.float64]

_FIRST_SQUARINGS = 5
_LATER_SQUARINGS = 2


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
    root = np.sqrt(state.policy)
    vector = state.direction
    for _ in range(_LATER_SQUARINGS if state.round else _FIRST_SQUARINGS):
        vector = vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-300)
        half = root * advantages(state.margins, root * vector)
        state.radius = np.linalg.norm(half, axis=-1)
        vector = root * advantages(state.margins, root * half)  # the square is symmetric: it does converge
    # Tied responses leave nothing to iterate on; the next refresh must not start from zero.
    state.direction = np.where(state.radius[:, None] > 0.0, vector, state.direction)
