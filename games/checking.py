"""Checking a stored result: its certificate, computed again from the problem in the file.

Only ``games`` takes part, so no solver vouches for itself.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from games import normal_form
from games.certificates import Certificate
from games.extensive import evaluation
from games.extensive.fingerprint import fingerprint, first_difference
from games.extensive.sequence_form import SequenceForm
from games.normal_form.game import NormalFormGame
from games.normal_form.quantal import logit_residual
from games.normal_form.risk import RiskAversion, risk_nash_conv
from games.normal_form.risk_profiles import RiskProfile, risk_profile_nash_conv
from games.profiles import Profile
from games.registry import unknown_name
from games.storage.results import StoredResult

# Other machines add in other orders and so differ by shares of the payoff range and the largest payoff.
_SLACK_OF_RANGE = 1e-12
_SLACK_OF_LARGEST = 1e-14
_SLACK_OF_RESPONSES = 1e-11
# A file must not cost whoever checks it minutes and gigabytes by naming a source that is large, or much
# larger than the game in the file: games have one to three histories for each entry and sequence.
_MAX_HISTORIES = 2_000_000
_MAX_HISTORIES_PER_PART = 50


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What checking found.

    Attributes:
        claimed: the certificate in the file.
        recomputed: the same measure, computed now.
        agrees: the claimed bound holds up to rounding, and the problem is the one its source names.
        messages: what a reader should know besides.
    """

    claimed: Certificate
    recomputed: Certificate
    agrees: bool
    messages: tuple[str, ...]


def check_result(stored: StoredResult) -> CheckReport:
    """Recompute the certificate of a stored result.

    A claimed bound that is larger than the recomputed number holds; a smaller one does not. Where the
    problem names its source in OpenSpiel, it is compiled again and compared.

    Raises:
        ValueError: there is no solution or no certificate to check.
        UnknownNameError: the measure is not one that ``games`` can recompute for such a problem and solution.
    """
    claimed = stored.result.certificate
    if claimed is None or stored.result.solution is None:
        missing = "certificate" if claimed is None else "solution"
        raise ValueError(
            f"the result of {stored.result.solver} holds no {missing}, so there is nothing to check: "
            f"{stored.result.status.sentence}"
        )
    recomputed = Certificate(claimed.measure, _recompute(stored, claimed.measure))
    messages = []
    holds = recomputed.bound <= claimed.bound + _slack(stored, claimed.measure)
    if not holds:
        messages.append(
            f"the solution is {recomputed.bound:.6g} from equilibrium by {claimed.measure}, "
            f"more than the {claimed.bound:.6g} claimed"
        )
    same = True
    if isinstance(stored.problem, SequenceForm) and stored.problem.source:
        same, message = _compare_to_source(stored.problem)
        messages.append(message)
    return CheckReport(claimed, recomputed, holds and same, tuple(messages))


def _risk_nash_conv(game: NormalFormGame, profile: Profile, stored: StoredResult) -> float:
    if not isinstance(stored.risk, RiskAversion):
        raise ValueError("the result holds no risk aversion, which its risk_nash_conv is about")
    return risk_nash_conv(game, profile, stored.risk)


def _risk_profile_nash_conv(game: NormalFormGame, profile: Profile, stored: StoredResult) -> float:
    if not isinstance(stored.risk, RiskProfile):
        raise ValueError("the result holds no risk profile, which its risk_profile_nash_conv is about")
    return risk_profile_nash_conv(game, profile, stored.risk)


def _logit_residual(game: NormalFormGame, profile: Profile, stored: StoredResult) -> float:
    lam = stored.result.info.get("lam")
    if isinstance(lam, str | bool) or lam is None:
        raise ValueError("the result holds no precision info['lam'], which its logit_residual is about")
    return logit_residual(game, profile, float(lam))


# By what the problem is, what the solution is, and the measure. Any: each row has its own types.
_RECOMPUTE: dict[tuple[type, type, str], Callable[[Any, Any, StoredResult], float]] = {
    (NormalFormGame, tuple, "nash_conv"): lambda game, profile, _: normal_form.nash_conv(game, profile),
    (NormalFormGame, tuple, "risk_nash_conv"): _risk_nash_conv,
    (NormalFormGame, tuple, "risk_profile_nash_conv"): _risk_profile_nash_conv,
    (NormalFormGame, tuple, "logit_residual"): _logit_residual,
    (NormalFormGame, np.ndarray, "ce_gap"): lambda game, joint, _: normal_form.ce_gap(game, joint),
    (NormalFormGame, np.ndarray, "cce_gap"): lambda game, joint, _: normal_form.cce_gap(game, joint),
    (SequenceForm, tuple, "nash_conv"): lambda form, behaviors, _: evaluation.nash_conv(form, behaviors),
}


def _recompute(stored: StoredResult, measure: str) -> float:
    kinds = (type(stored.problem), type(stored.result.solution))
    if (*kinds, measure) not in _RECOMPUTE:
        known = [name for *key, name in _RECOMPUTE if tuple(key) == kinds]
        what = "a joint distribution" if kinds[1] is np.ndarray else "a profile"
        raise unknown_name(f"measure of {what} of a {kinds[0].__name__}", measure, known)
    return _RECOMPUTE[*kinds, measure](stored.problem, stored.result.solution, stored)


def _slack(stored: StoredResult, measure: str) -> float:
    """How far rounding may move the measure. The payoffs decide, not what the file says about their range."""
    problem = stored.problem
    if isinstance(problem, NormalFormGame):
        largest, spread = float(np.abs(problem.payoffs).max()), problem.payoff_range
    else:
        reached = problem.weight > 0
        # Root mean squares of the leaves in each entry: no larger than the largest payoff.
        squares = problem.payoff_sq[:, reached] / problem.weight[reached]
        largest = math.sqrt(float(squares.max(initial=0.0)))
        spread = min(problem.payoff_range, 2.0 * largest)
    slack = _SLACK_OF_RANGE * spread + _SLACK_OF_LARGEST * largest
    if measure == "logit_residual":  # a probability: a payoff's error moves it by lam times that
        return _SLACK_OF_RANGE + float(stored.result.info["lam"]) * slack
    if measure == "risk_profile_nash_conv":  # whose ceilings are only good to that share of the range
        return slack + _SLACK_OF_RESPONSES * spread
    if measure == "risk_nash_conv" and isinstance(stored.risk, RiskAversion):
        # Variances are in squared units; gamma brings them back.
        slack *= 1.0 + float(stored.risk.gammas(problem.num_players).max()) * spread
    return slack


def _compare_to_source(form: SequenceForm) -> tuple[bool, str]:
    """False if the form is not what its source compiles to, and what to say about it."""
    place = f"its source in OpenSpiel, {form.source!r}"
    parts = form.weight.size + sum(form.num_sequences)
    limit = min(_MAX_HISTORIES, _MAX_HISTORIES_PER_PART * parts)
    try:
        from games.adapters.open_spiel_tree import compile_open_spiel
    except ImportError as error:
        return True, f"the game was not compared with {place}: OpenSpiel cannot be imported ({error})"
    try:
        again = compile_open_spiel(form.source, max_histories=limit)
    except (ValueError, RuntimeError) as error:
        return True, f"the game was not compared with {place}: {error}"
    if fingerprint(form) == fingerprint(again):
        return True, f"the game equals {place}"
    return False, f"the game is not {place}: they differ in {first_difference(form, again)}"
