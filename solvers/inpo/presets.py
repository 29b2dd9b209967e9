"""The published methods as settings of one update.

Those with the weight of the game (inpo, rspo, egpo, nash_md, online_ipo, mnpo, onpo) solve the game as it
stands; the others need tau = 0. Losses on sampled pairs, by which language models follow these updates, are
not here.
"""

from dataclasses import replace

from solvers.inpo.bradley_terry import BradleyTerryOpponent
from solvers.inpo.method import OnPolicyGradient, Output, PreferenceMethod
from solvers.inpo.parts import (
    HalfStep,
    HistoryAnchor,
    HistoryOpponent,
    LaggedAnchor,
    MixtureOpponent,
    ResetEvery,
    ResetWhenSolved,
)
from solvers.inpo.steps import AutomaticStep, InpoStep, StepSchedule

_PROXIMAL_WEIGHT = 0.1


def inpo(step: StepSchedule | None = None) -> PreferenceMethod:
    """Iterative Nash policy optimisation: mirror descent on the regularised game [1]_.

    ``step`` None takes the fastest stable one, ``InpoStep``.

    .. [1] Zhang et al., "Iterative Nash policy optimization", ICLR 2025, arXiv 2407.00617.
    """
    return PreferenceMethod("inpo", step=InpoStep() if step is None else step)


def egpo(step: StepSchedule | None = None) -> PreferenceMethod:
    """Extragradient: win rates are measured against the policy one step ahead [1]_. Two evaluations a round.

    .. [1] Zhou et al., "Extragradient preference optimization", COLM 2025, arXiv 2503.08942.
    """
    return PreferenceMethod("egpo", opponent=HalfStep(), step=AutomaticStep() if step is None else step)


def onpo(step: StepSchedule | None = None) -> PreferenceMethod:
    """Optimistic updates, also known as optimistic multiplicative weights [1]_. One evaluation a round.

    ``step`` None takes 0.35 of the inverse spectral radius.

    .. [1] Zhang et al., "Improving LLM general preference alignment via optimistic online mirror descent",
       arXiv 2502.16852.
    """
    chosen = AutomaticStep(reach=0.35, pull=0.25) if step is None else step
    return PreferenceMethod("onpo", anchor=LaggedAnchor(), step=chosen)


def nash_md(step: StepSchedule) -> PreferenceMethod:
    """Mirror descent against the geometric mixture of policy and reference [1]_.

    Under a constant step it stops beside the equilibrium.

    .. [1] Munos et al., "Nash learning from human feedback", arXiv 2312.00886.
    """
    return PreferenceMethod("nash_md", opponent=MixtureOpponent(), step=step)


def online_ipo(step: StepSchedule, *, rate: float) -> PreferenceMethod:
    """Online IPO: a gradient step of size ``rate`` towards the update, on pairs of the policy's own [1]_.

    With ``ConstantStep(tau)`` the update asked for is the regularised best response, as in that paper.

    .. [1] Calandriello et al., "Human alignment of large language models through online preference
       optimisation", arXiv 2403.08635.
    """
    return PreferenceMethod("online_ipo", step=step, fit=OnPolicyGradient(rate))


def sppo(step: StepSchedule) -> PreferenceMethod:
    """Self-play without reference, that is multiplicative weights: only averages of iterates converge [1]_.

    Iterated IPO, whose reference is the policy of the last round, makes the same exact update.

    .. [1] Wu et al., "Self-play preference optimization for language model alignment", arXiv 2405.00675.
    """
    return PreferenceMethod("sppo", step=step, weight=0.0)


def rspo(step: StepSchedule | None = None) -> PreferenceMethod:
    """Self-play with any divergence from the reference, which the game names [1]_; under KL it is ``inpo``.

    The divergence enters by its slopes at the current policy. ``step`` None takes ``InpoStep``.

    .. [1] Tang et al., "RSPO: regularized self-play alignment of large language models", arXiv 2503.00030.
    """
    return replace(inpo(step), name="rspo")


def iterative_dpo(step: StepSchedule) -> PreferenceMethod:
    """Direct preference optimisation round after round, each about the policy of the last: a baseline.

    ``ConstantStep(beta)`` sets its beta; the first round is DPO offline, on pairs of the reference [1]_. The
    baseline with win rates in place of rewards, iterated IPO, is ``sppo``.

    .. [1] Xiong et al., "Iterative preference learning from human feedback", arXiv 2312.11456.
    """
    return PreferenceMethod("iterative_dpo", opponent=BradleyTerryOpponent(), step=step, weight=0.0)


def mpo(
    step: StepSchedule | None = None, *, weight: float = _PROXIMAL_WEIGHT, reset_every: int = 100
) -> PreferenceMethod:
    """Magnetic preference optimisation: INPO whose reference, the magnet, follows every few rounds [1]_.

    .. [1] Wang et al., "Magnetic preference optimization", arXiv 2410.16714.
    """
    return replace(inpo(step), name="mpo", weight=weight, reference=ResetEvery(reset_every))


def comal(
    step: StepSchedule | None = None,
    *,
    weight: float = _PROXIMAL_WEIGHT,
    reset: ResetEvery | ResetWhenSolved | None = None,
) -> PreferenceMethod:
    """The proximal point method: INPO solves a regularised game, whose solution is the next reference [1]_.

    ``reset`` None begins the next game when the last one is solved well for how far it has led.

    .. [1] Liu et al., "COMAL: a convergent meta-algorithm for aligning LLMs with general preferences",
       arXiv 2410.23223.
    """
    schedule = ResetWhenSolved() if reset is None else reset
    return replace(inpo(step), name="comal", weight=weight, reference=schedule)


def mnpo(step: StepSchedule, *, weights: tuple[float, ...] = (0.5, 0.3, 0.2)) -> PreferenceMethod:
    """Several opponents: a weighted history is anchor and opponent; the answer is the average [1]_.

    .. [1] "Multiplayer Nash preference optimization", arXiv 2509.23102.
    """
    return PreferenceMethod(
        "mnpo",
        anchor=HistoryAnchor(weights),
        opponent=HistoryOpponent(weights),
        step=step,
        output=Output.AVERAGE,
    )
