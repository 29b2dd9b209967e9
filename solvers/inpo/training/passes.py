r"""Self-play methods for language models: a round is a list of passes, each of which ends in one fit.

With :math:`a` the share of the reference (:math:`\tau/\eta` in INPO), a pass fits

.. math::
    h(y, y') = [\log\pi - A](y) - [\log\pi - A](y') \to \frac{P(y \succ \mu) - P(y' \succ \mu)}{\eta},
    \qquad A = (1 - a) \sum_k w_k \log\pi_k + a \log\pi_{ref},

over pairs of responses drawn from the current policy; the mean of the comparisons stands for the win rates
against :math:`\mu`, which is the policy itself or a named one. The fitted policy is
:math:`\pi \propto \exp(A + P(\cdot \succ \mu)/\eta)`, the update of ``solvers.inpo.parts.tilt``.

Policies have names: ``policy`` is the answer so far, ``reference`` the centre of the divergence, ``lagged``
and ``half`` belong to methods with two fits a round, ``history-1`` is the policy one round ago, and so on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

POLICY = "policy"
REFERENCE = "reference"
LAGGED = "lagged"
HALF = "half"
_HISTORY = "history-"


class LossKind(StrEnum):
    """What a fit minimises."""

    SQUARED = "squared"
    SIGMOID = "sigmoid"
    POINTWISE = "pointwise"


class Pull(Enum):
    """Share a of the reference in the anchor."""

    RATIO = "tau / eta"
    NONE = "0"
    FULL = "1"


class Source(Enum):
    """Whose responses a pass learns from."""

    FRESH = "drawn anew from the policy"
    KEPT = "those of the pass before"


@dataclass(frozen=True, slots=True)
class Pass:
    """One fit and the data for it.

    Attributes:
        proximal: names and weights w_k of the policies that the fit is tied to; the weights sum to one.
        start: the policy from whose weights the fit starts.
        result: the name under which the fitted policy is kept.
        source: where the responses come from.
        opponent: the policy whose fresh responses they are judged against; empty where they meet each other.
    """

    proximal: tuple[tuple[str, float], ...] = ((POLICY, 1.0),)
    start: str = POLICY
    result: str = POLICY
    source: Source = Source.FRESH
    opponent: str = ""

    def __post_init__(self) -> None:
        weights = [weight for _, weight in self.proximal]
        if not weights or min(weights) < 0.0 or abs(sum(weights) - 1.0) > 1e-9:
            raise ValueError(f"proximal weights must be non-negative and sum to one, got {self.proximal}")
        if self.result == REFERENCE:
            raise ValueError("result must not be 'reference'; set reference_every to move the reference")

    def anchor(self, share: float) -> dict[str, float]:
        """Weight of every policy in A when the reference has ``share``; weights of 0 are left out."""
        weights: dict[str, float] = {}
        for name, weight in (*((n, (1.0 - share) * w) for n, w in self.proximal), (REFERENCE, share)):
            if weight:
                weights[name] = weights.get(name, 0.0) + weight
        return weights


@dataclass(frozen=True, slots=True)
class Method:
    """A way to play rounds.

    Attributes:
        name: how reports call it.
        passes: what a round does, in order; the last one results in ``policy``.
        pull: share of the reference in the anchor.
        loss: what the fits minimise, unless the settings say otherwise.
        reference_every: the policy becomes the reference after so many rounds; 0 for never.
    """

    name: str
    passes: tuple[Pass, ...] = (Pass(),)
    pull: Pull = Pull.RATIO
    loss: LossKind = LossKind.SQUARED
    reference_every: int = 0

    def __post_init__(self) -> None:
        if not self.passes or self.passes[-1].result != POLICY:
            raise ValueError("passes must end with one that results in 'policy'")
        if self.passes[0].source is Source.KEPT:
            raise ValueError("the first pass has no pass before it whose responses it could use")
        if self.reference_every < 0:
            raise ValueError(f"reference_every must be at least 0, got {self.reference_every}")
        if self.loss is LossKind.SIGMOID and any(one.opponent for one in self.passes):
            # A difference of win rates lies in [-1, 1], and as a label would make the loss unbounded.
            raise ValueError(
                f"loss must not be sigmoid for {self.name}, which learns from differences of win rates"
            )

    @property
    def memory(self) -> int:
        """How many earlier policies the passes look at."""
        names = {name for one in self.passes for name in (one.start, one.opponent, *dict(one.proximal))}
        return max((int(n.removeprefix(_HISTORY)) for n in names if n.startswith(_HISTORY)), default=0)

    def share(self, eta: float, tau: float) -> float:
        """The share a of the reference."""
        return {Pull.RATIO: tau / eta, Pull.NONE: 0.0, Pull.FULL: 1.0}[self.pull]


def after_pass(names: Mapping[str, str], one: Pass, result: str) -> dict[str, str]:
    """Where every named policy is kept after ``one`` was fitted and kept at ``result``."""
    return {**names, one.result: result}


def after_round(
    method: Method, before: Mapping[str, str], names: Mapping[str, str], rounds: int
) -> dict[str, str]:
    """Where every named policy is kept when a round is over.

    Args:
        method: what is played.
        before: the names when the round began.
        names: the names after its last pass.
        rounds: how many rounds are over now.
    """
    result = {name: place for name, place in names.items() if name != HALF}
    for age in range(method.memory, 0, -1):
        older = before.get(POLICY if age == 1 else f"{_HISTORY}{age - 1}")
        if older is not None:
            result[f"{_HISTORY}{age}"] = older
    if method.reference_every and rounds % method.reference_every == 0:
        result[REFERENCE] = result[POLICY]
    return result


def look_up(names: Mapping[str, str], name: str) -> str:
    """Where a policy is kept; while history is short, its oldest entry stands for those missing.

    Raises:
        ValueError: nothing has this name.
    """
    if name in names:
        return names[name]
    if name.startswith(_HISTORY):
        for age in range(int(name.removeprefix(_HISTORY)) - 1, 0, -1):
            if f"{_HISTORY}{age}" in names:
                return names[f"{_HISTORY}{age}"]
        return names[POLICY]
    raise ValueError(f"no policy is called {name!r}; there are {', '.join(sorted(names))}")


def inpo() -> Method:
    """Iterative Nash policy optimisation: mirror descent on the regularised game [1]_.

    .. [1] Zhang et al., "Iterative Nash policy optimization", ICLR 2025, arXiv 2407.00617.
    """
    return Method("inpo")


def online_ipo() -> Method:
    """Online IPO: on-policy pairs, anchored at the reference alone [1]_.

    Its eta is tau. A full fit is the best response to the policy, a few steps are the published method.

    .. [1] Calandriello et al., arXiv 2403.08635.
    """
    return Method("online_ipo", pull=Pull.FULL)


def sppo() -> Method:
    """Self-play without reference, fitted response by response to its mean win rate [1]_.

    .. [1] Wu et al., "Self-play preference optimization for language model alignment", arXiv 2405.00675.
    """
    return Method("sppo", pull=Pull.NONE, loss=LossKind.POINTWISE)


def onpo() -> Method:
    """Optimistic updates: a lagged policy takes the step, the policy is the same step ahead of it [1]_.

    Both fits of a round use the same responses and comparisons.

    .. [1] Zhang et al., "Improving LLM general preference alignment via optimistic online mirror descent",
       arXiv 2502.16852.
    """
    proximal = ((LAGGED, 1.0),)
    return Method(
        "onpo",
        passes=(
            Pass(proximal=proximal, start=LAGGED, result=LAGGED),
            Pass(proximal=proximal, start=POLICY, source=Source.KEPT),
        ),
    )


def egpo() -> Method:
    """Extragradient: the responses are judged again, against those of the policy one step ahead [1]_.

    .. [1] Zhou et al., "Extragradient preference optimization", COLM 2025, arXiv 2503.08942.
    """
    return Method("egpo", passes=(Pass(result=HALF), Pass(source=Source.KEPT, opponent=HALF)))


def mpo(reference_every: int = 3) -> Method:
    """Magnetic preference optimisation: INPO whose reference, the magnet, follows every few rounds [1]_.

    .. [1] Wang et al., "Magnetic preference optimization", arXiv 2410.16714.
    """
    return Method("mpo", reference_every=reference_every)


def comal(reference_every: int = 12) -> Method:
    """The proximal point method: INPO for many rounds, whose outcome is the next reference [1]_.

    .. [1] Liu et al., "COMAL: a convergent meta-algorithm for aligning LLMs with general preferences",
       arXiv 2410.23223.
    """
    return Method("comal", reference_every=reference_every)


def mnpo(weights: tuple[float, ...] = (0.5, 0.3, 0.2)) -> Method:
    """A weighted history is the anchor [1]_.

    As in the public code of that paper, responses are judged against each other, not against the history.

    Args:
        weights: of the policy, the one before it, and so on; they sum to one.

    .. [1] "Multiplayer Nash preference optimization", arXiv 2509.23102.
    """
    names = (POLICY, *(f"{_HISTORY}{age}" for age in range(1, len(weights))))
    return Method("mnpo", passes=(Pass(proximal=tuple(zip(names, weights, strict=True))),))


def iterative_dpo() -> Method:
    """DPO on fresh pairs, anchored at the last policy: a baseline that may leave cyclic games' equilibria."""
    return Method("iterative_dpo", pull=Pull.NONE, loss=LossKind.SIGMOID)


METHODS = {
    "inpo": inpo,
    "online_ipo": online_ipo,
    "sppo": sppo,
    "onpo": onpo,
    "egpo": egpo,
    "mpo": mpo,
    "comal": comal,
    "mnpo": mnpo,
    "iterative_dpo": iterative_dpo,
}
"""Presets by the names that configurations use."""
