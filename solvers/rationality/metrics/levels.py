r"""Level-k and cognitive hierarchy: what players of bounded depth would do, and who is one.

Level 0 plays a given profile, uniform unless told. **Level k** responds best to level k - 1 [1]_ [2]_. In the
**cognitive hierarchy** [3]_ with parameter tau a step-k player responds best to others drawn from steps
0, ..., k - 1 with Poisson frequencies :math:`f(h) = e^{-\tau} \tau^h / h!`, scaled to one. Several best
responses are mixed uniformly. Others are taken to be drawn independently.

**Mixture.** A subject of type t takes action a of decision d with probability

.. math::  (1 - \epsilon) \, q_{td}(a) + \epsilon / n_d ,

q being the type's prediction, and types are found in shares pi. `fit_mixture` maximises the likelihood of all
subjects over pi and epsilon by expectation-maximisation [4]_, from several starts of epsilon; with epsilon
held it is concave in pi. Posteriors say of each subject how likely it is of each type.

.. [1] D. O. Stahl and P. W. Wilson, "On players' models of other players", Games Econ. Behavior 10, 1995.
.. [2] R. Nagel, "Unraveling in guessing games: an experimental study", AER 85, 1995.
.. [3] C. F. Camerer, T.-H. Ho and J.-K. Chong, "A cognitive hierarchy model of games", QJE 119, 2004.
.. [4] A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data", JRSS B,
   1977.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.normal_form import NormalFormGame, deviation_payoffs
from games.profiles import Profile, as_profile, uniform_profile
from solvers.rationality.metrics.actions import TOLERANCE, optimal_set
from solvers.rationality.metrics.likelihood import likelihood_interval
from solvers.rationality.statistics.intervals import Interval

FloatArray = NDArray[np.float64]

_STARTS = (0.02, 0.2, 0.6)  # of epsilon
_ROUNDS = 2000
_SETTLED = 1e-10  # improvement of the log-likelihood per subject
_LEAST = 1e-12  # keeps a share or an error rate off the bounds, from which EM could not leave


def level_k(
    game: NormalFormGame, levels: int, *, level_zero: Sequence[ArrayLike] | None = None
) -> tuple[Profile, ...]:
    """What each level plays.

    Args:
        game: any normal-form game.
        levels: the highest level wanted, >= 0.
        level_zero: profile of level 0; None for uniform play.

    Returns:
        levels + 1 profiles; entry k holds level k's play in every seat.

    Raises:
        ValueError: a negative level, or a profile that does not fit.

    Example:
        >>> ring = NormalFormGame.bimatrix([[40, 5], [0, 15]], [[0, 10], [7, 8]])
        >>> [profile[0].tolist() for profile in level_k(ring, 2)]
        [[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]
    """
    profiles = [_level_zero(game, levels, level_zero)]
    for _ in range(levels):
        profiles.append(_best_responses(game, profiles[-1]))
    return tuple(profiles)


def cognitive_hierarchy(
    game: NormalFormGame, tau: float, steps: int, *, level_zero: Sequence[ArrayLike] | None = None
) -> tuple[Profile, ...]:
    """What each step of the Poisson cognitive hierarchy plays.

    Args:
        game: any normal-form game.
        tau: mean number of steps, > 0 and finite.
        steps: the highest step wanted, >= 0.
        level_zero: profile of step 0; None for uniform play.

    Returns:
        steps + 1 profiles.

    Raises:
        ValueError: an argument out of its range.
    """
    if not 0.0 < tau < math.inf:
        raise ValueError(f"tau must be positive and finite, got {tau!r}")
    profiles = [_level_zero(game, steps, level_zero)]
    for k in range(1, steps + 1):
        profiles.append(_best_responses(game, mix_profiles(profiles, poisson_shares(tau, k - 1))))
    return tuple(profiles)


def poisson_shares(tau: float, steps: int) -> FloatArray:
    """Poisson frequencies of 0, ..., ``steps``, scaled to sum to one, shape (steps + 1,)."""
    logs = np.arange(steps + 1) * math.log(tau) - np.array([math.lgamma(k + 1) for k in range(steps + 1)])
    shares = np.exp(logs - logs.max())
    total: FloatArray = shares / shares.sum()
    return total


def mix_profiles(profiles: Sequence[Profile], shares: ArrayLike) -> Profile:
    """The play of a population: ``shares`` of it follow each of the profiles."""
    weights = np.asarray(shares, dtype=np.float64)
    return tuple(np.tensordot(weights, np.stack(plays), axes=1) for plays in zip(*profiles, strict=True))


def _level_zero(game: NormalFormGame, levels: int, profile: Sequence[ArrayLike] | None) -> Profile:
    if levels < 0:
        raise ValueError(f"the highest level must be at least 0, got {levels!r}")
    return uniform_profile(game.num_actions) if profile is None else as_profile(profile, game.num_actions)


def _best_responses(game: NormalFormGame, profile: Profile) -> Profile:
    responses = []
    for values in deviation_payoffs(game, profile):
        best = optimal_set(values, scale=game.payoff_range, tolerance=TOLERANCE)
        response = np.zeros(values.size)
        response[list(best)] = 1.0 / len(best)
        responses.append(response)
    return tuple(responses)


@dataclass(frozen=True, slots=True, eq=False)
class TypeMixture:
    """A fitted mixture of T types over S subjects.

    Attributes:
        shares: pi, shape (T,).
        intervals: likelihood interval of each share.
        error: epsilon, in [0, 1]; 1 where no type explains anything.
        posteriors: how likely each subject is of each type, shape (S, T).
        log_likelihood: at the fit.
        chance: log-likelihood of uniform choice.
    """

    shares: FloatArray
    intervals: tuple[Interval, ...]
    error: float
    posteriors: FloatArray
    log_likelihood: float
    chance: float


def fit_mixture(
    predictions: Sequence[ArrayLike], choices: ArrayLike, *, confidence: float = 0.95
) -> TypeMixture:
    """Find the shares of types, and the type of each subject.

    Args:
        predictions: per decision d the distributions that the types predict, shape (T, n_d).
        choices: int (S, D): what subject s chose at decision d, -1 where it made no choice. Subjects are
            whatever keeps its type: people, or plays of one language model.
        confidence: of the intervals, in (0, 1).

    Raises:
        ValueError: sizes do not fit, predictions are no distributions, or nobody chose anything.
    """
    chosen, sizes = _likelihoods(predictions, choices)
    made = ~np.isnan(chosen[:, 0])
    chance = -float((made * np.log(sizes)).sum())
    types = chosen.shape[1]
    fits = [_expectation_maximisation(chosen, sizes, np.full(types, 1.0 / types), e) for e in _STARTS]
    level, shares, error = max(fits, key=lambda fit: fit[0])

    def profile_of(place: int) -> Interval:
        def profile(share: float) -> float:
            start = np.where(np.arange(types) == place, share, (1.0 - share) / max(types - 1, 1))
            return _expectation_maximisation(chosen, sizes, start, max(error, _LEAST), held=place)[0]

        return likelihood_interval(
            profile, float(shares[place]), level, step=0.05, confidence=confidence, lowest=0.0, highest=1.0
        )

    intervals = tuple(profile_of(k) for k in range(types)) if types > 1 else (Interval(1.0, 1.0),)
    logs = _subject_logs(chosen, sizes, error) + np.log(np.maximum(shares, _LEAST))
    posteriors = np.exp(logs - logs.max(axis=1, keepdims=True))
    posteriors /= posteriors.sum(axis=1, keepdims=True)
    return TypeMixture(shares, intervals, error, posteriors, level, chance)


def _likelihoods(predictions: Sequence[ArrayLike], choices: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Predicted probability of each choice, (S, T, D), NaN where none was made, and n_d, shape (D,)."""
    tables = [np.asarray(p, dtype=np.float64) for p in predictions]
    picks = np.asarray(choices)
    if not tables or any(t.ndim != 2 or len(t) != len(tables[0]) for t in tables):
        raise ValueError("predictions must hold an array (types, options) per decision, types the same")
    if any(not np.allclose(t.sum(axis=1), 1.0, atol=1e-6) or t.min() < 0.0 for t in tables):
        raise ValueError("predictions must hold distributions, one per type")
    if picks.ndim != 2 or picks.shape[1] != len(tables) or picks.dtype.kind not in "iu":
        raise ValueError(
            f"choices must be whole numbers of shape (subjects, {len(tables)}), got {picks.shape}"
        )
    sizes = np.array([t.shape[1] for t in tables])
    if not ((picks >= -1) & (picks < sizes)).all() or not (picks >= 0).any():
        raise ValueError("choices must be options of their decisions, or -1, and not all be -1")
    chosen = np.stack([t[:, np.maximum(c, 0)].T for t, c in zip(tables, picks.T, strict=True)], axis=2)
    chosen[np.broadcast_to((picks < 0)[:, None, :], chosen.shape)] = np.nan
    return chosen, sizes.astype(np.float64)


def _subject_logs(chosen: FloatArray, sizes: FloatArray, error: float) -> FloatArray:
    """Log-likelihood of each subject as each type, (S, T), for an error > 0."""
    total: FloatArray = np.nansum(np.log((1.0 - error) * chosen + error / sizes), axis=2)
    return total


def _expectation_maximisation(
    chosen: FloatArray, sizes: FloatArray, shares: FloatArray, error: float, held: int | None = None
) -> tuple[float, FloatArray, float]:
    """Log-likelihood, shares and error at a peak; the share of type ``held`` stays."""
    level = -math.inf
    made = int(np.count_nonzero(~np.isnan(chosen[:, 0])))
    fixed = shares[held] if held is not None else 0.0
    for _ in range(_ROUNDS):
        with np.errstate(divide="ignore"):
            logs = _subject_logs(chosen, sizes, error) + np.log(shares)
        top = logs.max(axis=1, keepdims=True)
        if not np.isfinite(top).all():
            return -math.inf, shares, error
        weights = np.exp(logs - top)
        totals = weights.sum(axis=1, keepdims=True)
        reached = float((np.log(totals) + top).sum())
        if reached - level <= _SETTLED * len(chosen):
            return reached, shares, error
        level = reached
        weights /= totals
        # A choice was an error in proportion to what errors contribute to its probability.
        slips = (error / sizes) / ((1.0 - error) * chosen + error / sizes)
        error = float(np.nansum(weights[:, :, None] * slips)) / made
        error = min(max(error, _LEAST), 1.0)
        shares = weights.mean(axis=0)
        if held is not None:
            rest = shares.sum() - shares[held]
            # Where nobody is left for the others, they share alike what is not held.
            spread = shares / rest if rest > 0.0 else np.full(shares.size, 1.0 / max(shares.size - 1, 1))
            shares = np.where(np.arange(shares.size) == held, fixed, spread * (1.0 - fixed))
    return level, shares, error
