r"""Newton polish for piecewise linear measures: from a point with rounded kinks to the equilibrium itself.

There a player's weights are q = w + lambda - r sum(lambda) with multipliers lambda_k = theta_k c_k of the
shortfalls (``games.normal_form.risk_measures.Polyhedron``). Every theta_k is 0, 1, or free, and a free one
means a tie, b kappa + r.z + t = z_k. Given which are free and which actions are in use, ties, equal partial
derivatives and sums to one are as many equations as unknowns (x, or log x where there is a regulariser;
theta; kappa; v), and smooth. Their Jacobian is taken by differences: the systems are small, and its error
only slows the last digits.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from games.normal_form.risk_measures import Polyhedron
from games.normal_form.risk_profiles import opponents_joint
from solvers.equilibrium.risk_layer_problem import LayerProblem

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SHARES = (1e-2, 1e-3, 1e-4, 1e-1)  # below which a probability counts as zero, and a theta as at its wall
_STEPS = 12
_DIFFERENCE = 1e-7
_LARGEST = 400  # unknowns


def settled_on_faces(problem: LayerProblem, flat: FloatArray, width: float) -> Iterator[FloatArray]:
    """Yield profiles that solve the equations of a guessed face near ``flat``, reached at ``width``."""
    seen: set[bytes] = set()
    for share in _SHARES:
        face = _Face(problem, flat, width, share)
        key = face.key()
        if key in seen or face.guess.size > _LARGEST:
            continue
        seen.add(key)
        unknowns = face.guess
        for _ in range(_STEPS):
            errors = face.errors(unknowns)
            slope = np.empty((errors.size, unknowns.size))
            for column in range(unknowns.size):
                there = unknowns.copy()
                there[column] += _DIFFERENCE
                slope[:, column] = (face.errors(there) - errors) / _DIFFERENCE
            move = np.linalg.lstsq(slope, -errors, rcond=1e-12)[0]
            unknowns = unknowns + move
            if not np.isfinite(unknowns).all() or np.abs(move).max() > 1e3:
                break
            if np.abs(move).max() <= 1e-14:
                break
        else:
            errors = face.errors(unknowns)
        x = face.profile(unknowns)
        if np.isfinite(x).all() and x.min() > -share and all(b.max() > 0.0 for b in problem.blocks(x)):
            yield x


class _Face:
    """Which actions are in use and which shortfalls tie, and the equations that follow."""

    def __init__(self, problem: LayerProblem, flat: FloatArray, width: float, share: float) -> None:
        self.problem = problem
        self.thetas: list[FloatArray] = []
        self.free: list[Mask] = []
        self.used = np.zeros(flat.size, dtype=np.bool_)
        levels, values = [], []
        believed = self._believed(flat)
        rounded = problem.smoothed(width)
        gradient = rounded.gradient(flat, problem.belief())
        own = zip(
            problem.regularisers,
            problem.blocks(flat),
            np.split(self.used, problem.offsets[1:-1]),
            strict=True,
        )
        for regulariser, x, used in own:
            used[:] = True if regulariser is not None else x > share * x.max()
        for i, (a, x, g) in enumerate(
            zip(problem.matrices, problem.blocks(flat), problem.blocks(gradient), strict=True)
        ):
            y = opponents_joint(believed, i)
            z = a.T @ x
            form = problem.measures[i].polyhedron(y)
            theta = (
                np.zeros(0) if form is None else _thetas(form, rounded.measures[i].weights(z, y), z, width)
            )
            tie = (theta > share) & (theta < 1.0 - share)
            if form is not None and form.free and not tie.any():
                tie[np.argmax(np.where(theta > 0.5, z, -np.inf))] = True
            self.thetas.append(np.where(tie, theta, np.round(theta)))
            self.free.append(tie)
            levels.append(float(z[tie].mean()) if tie.any() else 0.0)
            slope = 0.0
            regulariser = problem.regularisers[i]
            if regulariser is not None:
                slope = float(x @ regulariser.slope(np.log(np.maximum(x, 1e-300))))
            values.append(float(x @ g) + slope)
        loose = [theta[tie] for theta, tie in zip(self.thetas, self.free, strict=True)]
        self.logged = np.repeat([own is not None for own in problem.regularisers], problem.sizes)
        start = np.where(self.logged, np.log(np.maximum(flat, 1e-300)), flat)
        self.guess = np.concatenate([start[self.used], *loose, levels, values])

    def key(self) -> bytes:
        """What tells two faces apart."""
        return b"".join([self.used.tobytes(), *(t.tobytes() for t in self.free)])

    def profile(self, unknowns: FloatArray) -> FloatArray:
        """The flat profile among the unknowns."""
        flat = np.zeros(self.used.size)
        flat[self.used] = unknowns[: int(self.used.sum())]
        flat[self.logged] = np.exp(np.minimum(flat[self.logged], 1.0))
        return flat

    def errors(self, unknowns: FloatArray) -> FloatArray:
        """What the equations lack."""
        problem = self.problem
        n = len(problem.sizes)
        flat = self.profile(unknowns)
        believed = self._believed(flat)
        at = int(self.used.sum())
        errors: list[FloatArray] = []
        players = zip(
            problem.matrices,
            problem.measures,
            problem.blocks(flat),
            np.split(self.used, problem.offsets[1:-1]),
            strict=True,
        )
        for i, (a, measure, x, used) in enumerate(players):
            y, z = opponents_joint(believed, i), a.T @ x
            level, value = unknowns[-2 * n + i], unknowns[-n + i]
            form, tie = measure.polyhedron(y), self.free[i]
            if form is None:
                q = measure.weights(z, y)
                errors.append(np.array([level]))
            else:
                theta = self.thetas[i].copy()
                count = int(tie.sum())
                theta[tie] = unknowns[at : at + count]
                at += count
                shares = theta * form.caps
                q = form.base + shares - form.reference * shares.sum()
                errors.append((level if form.free else float(form.reference @ z) + form.target) - z[tie])
                errors.append(np.array([shares.sum() - 1.0 if form.free else level]))
            pull = (a @ q)[used]
            regulariser = problem.regularisers[i]
            if regulariser is not None:
                pull = pull + regulariser.slope(np.log(np.maximum(x[used], 1e-300)))
            errors.append(np.append(pull - value, x.sum() - 1.0))
        return np.concatenate(errors)

    def _believed(self, flat: FloatArray) -> tuple[FloatArray, ...]:
        belief = self.problem.belief()
        return tuple(self.problem.blocks(np.maximum(belief.weight * flat + belief.shift, 0.0)))


def _thetas(form: Polyhedron, q: FloatArray, z: FloatArray, width: float) -> FloatArray:
    """How full every multiplier is, in [0, 1], as the rounded measure sees it."""
    if form.free:
        return np.clip(q / np.maximum(form.caps, 1e-300), 0.0, 1.0)
    d = float(form.reference @ z) + form.target - z
    return np.asarray(0.5 * (1.0 + d / np.hypot(d, 2.0 * width)))
