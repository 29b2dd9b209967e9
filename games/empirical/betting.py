r"""Upper confidence sequences by betting, and the regrets that episodes shared by all policies prove.

**One mean.** Let D_1, D_2, ... be independent with mean mu in a range [-W, W]. Somebody who bets a share
lambda_t of the capital that D_t falls below m has, after t rounds,

.. math::  K_t(m) = \prod_{s \le t} \bigl( 1 + \lambda_s (m - D_s) \bigr), \qquad 0 \le \lambda_s < 1 / W,

where lambda_s may depend on the past. At m = mu this is a non-negative martingale, so it ever reaches 1 / d
with probability at most d (Ville); and it increases in m. Hence the least m >= 0 at which it has ever reached
1 / d is an upper bound on mu (where mu is not negative) with confidence 1 - d, for all t at once [1]_. The
bets are those of the predictable plug-in for a horizon n,
:math:`\lambda_t = \sqrt{2 \ln(1/d) / (n \hat\sigma_{t-1}^2)}`, so the bound exceeds the mean by about
:math:`\sigma \sqrt{2 \ln(1/d) / n}` without the terms in W that inequalities from moments carry.

**Regrets.** In one shared episode every policy of a player meets the same opponents' draw and the same
chance, as far as their ways go together. With x the player's mixture and R(a) the return of policy a,

.. math::  D_a = R(a) - \sum_c x_c R(c)

has the gain of deviating to a as its mean, and little variance where policies are alike. It lies within
(1 - x_a) (high - low). Only the union over the policies is paid for. As the bounds hold at all times at once,
policies that cannot decide the maximum any more are not played further (those in the mixture are, since every
D needs them), and the rest of the budget goes to the others.

.. [1] Waudby-Smith, Ramdas (2024), Estimating means of bounded random variables by betting, JRSS B 86.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.profiles import as_distribution

_SHARE = 0.9  # of the greatest bet that cannot ruin
_BISECTIONS = 60


class MeanCeiling:
    """An upper confidence bound on max(mean, 0) of values in [-width, width], valid whenever one looks.

    Attributes:
        width: half of the range, in the unit of the values.
        failure: probability that the bound ever fails, in (0, 1).
        mean: of the values so far; 0 before the first.
        count: how many.
    """

    def __init__(self, width: float, failure: float) -> None:
        if not (math.isfinite(width) and width >= 0):
            raise ValueError(f"width must be finite and at least 0, got {width!r}")
        if not 0 < failure < 1:
            raise ValueError(f"failure must lie in (0, 1), got {failure!r}")
        self.width, self.failure = width, failure
        self.mean, self.count = 0.0, 0
        self._squares = width**2  # one imagined value at the end of the range, so that bets begin small
        self._values = np.empty(0)
        self._bets = np.empty(0)

    def observe(self, values: ArrayLike, horizon: int) -> None:
        """Add values in the order in which they came.

        Args:
            values: shape (n,).
            horizon: how many there will be in all, as far as is known now; decides the size of the bets only.

        Raises:
            ValueError: a value outside the range.
        """
        new = np.asarray(values, dtype=np.float64)
        if not (np.abs(new) <= self.width * (1.0 + 1e-9)).all():  # `not <=` also catches NaN
            raise ValueError(
                f"values must lie within {self.width:g} of zero, got {new[np.abs(new).argmax()]:g}"
            )
        if not new.size or self.width == 0.0:
            self.count += new.size
            return
        counts = self.count + np.arange(1, new.size + 1)
        means = (self.count * self.mean + np.cumsum(new)) / counts
        squares = self._squares + np.cumsum((new - means) ** 2)
        # The variance that a bet rests on is that of the values before it.
        before = np.concatenate([[self._squares], squares[:-1]]) / counts
        log = -math.log(self.failure)
        bets = np.minimum(np.sqrt(2.0 * log / (horizon * before)), _SHARE / self.width)
        self.mean, self.count, self._squares = float(means[-1]), int(counts[-1]), float(squares[-1])
        self._values, self._bets = np.append(self._values, new), np.append(self._bets, bets)

    @property
    def bound(self) -> float:
        """The least m >= 0 at which the capital has ever reached 1 / failure; at most the width."""
        if self.width == 0.0:
            return 0.0
        goal = -math.log(self.failure)
        low, high = 0.0, self.width
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            capital = np.cumsum(np.log1p(self._bets * (middle - self._values)))
            if capital.size and capital.max() >= goal:
                high = middle
            else:
                low = middle
        return high


class SharedRegret:
    """Bounds one player's regret within a population from shared episodes.

    Attributes:
        ceilings: of the gain of deviating to each policy.
        support: policies that the mixture plays.
    """

    def __init__(self, mixture: ArrayLike, payoff_bounds: tuple[float, float], failure: float) -> None:
        """Start without episodes.

        Args:
            mixture: of the player, shape (n,).
            payoff_bounds: least and greatest return, finite.
            failure: probability that the bound ever fails.
        """
        self._mixture = as_distribution(mixture, name="mixture")
        self._bounds = payoff_bounds
        width = payoff_bounds[1] - payoff_bounds[0]
        each = failure / max(int(np.count_nonzero(self._mixture < 1.0)), 1)
        self.ceilings = [MeanCeiling((1.0 - x) * width, each) for x in self._mixture.tolist()]
        self.support = np.flatnonzero(self._mixture > 0.0).tolist()

    @property
    def bound(self) -> float:
        """Upper confidence bound on the regret."""
        return max(ceiling.bound for ceiling in self.ceilings)

    def contenders(self) -> list[int]:
        """Policies that the next episodes should play: the support, and who may still decide the maximum."""
        best = max(0.0, *(ceiling.mean for ceiling in self.ceilings))
        return [
            k
            for k, ceiling in enumerate(self.ceilings)
            if k in self.support or ceiling.count == 0 or ceiling.bound > best
        ]

    def observe(self, policies: Sequence[int], returns: NDArray[np.float64], horizon: int) -> None:
        """Add shared episodes.

        Args:
            policies: who played; all of the support among them.
            returns: of the player, shape (episodes, len(policies)).
            horizon: see `MeanCeiling.observe`.

        Raises:
            ValueError: a policy of the support is missing, or a return lies outside the payoff bounds.
        """
        if not set(self.support) <= set(policies):
            raise ValueError(f"policies must hold the support {self.support}, got {list(policies)}")
        low, high = self._bounds
        slack = 1e-9 * max(abs(low), abs(high))
        if not ((returns >= low - slack) & (returns <= high + slack)).all():
            raise ValueError(f"returns must lie within the payoff bounds {self._bounds}")
        clipped = np.clip(returns, low, high)
        weights = self._mixture[list(policies)]
        for column, k in enumerate(policies):
            # Others' weights only, so that what a policy shares with the mixture cancels to the last digit.
            others = np.delete(weights, column) @ np.delete(clipped, column, axis=1).T
            gains = (1.0 - self._mixture[k]) * clipped[:, column] - others
            reach = self.ceilings[k].width
            self.ceilings[k].observe(np.clip(gains, -reach, reach), horizon)
