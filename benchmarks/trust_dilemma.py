"""Which equilibrium of the stag hunt on a grid populations come to, with and without aversion to risk.

    python benchmarks/trust_dilemma.py --out results/trust_dilemma_benchmark

Start: each hunter knows two policies, to trust (walk to the stag) and to take a hare, both blurred with a
random policy drawn for the seed, and believes that the other trusts with a probability drawn for the seed
from 0.65..0.97. That is on the stag's side for a neutral hunter, who trusts from 3/5 on. Methods whose
meta-solver does not read the start (self-play, uniform) begin with the same mixture as a single policy, so
what is played at the start is the same for all.

Trembles: none for the neutral methods. RAE-PSRO believes that the other's mixture trembles by 0.1 over the
other's population; its oracle, meta-solver and measure price variance by ``gamma`` times the total variance,
over chance, opponents and own moves. In self-play both hunters answer the other's latest policy at the same
time, so they may keep missing each other; PSRO-uniform adds every answer, which makes it fictitious play.
Both the stag and the hares are strict equilibria, and at a pure profile there is no variance without
trembles: selection comes from the start, the price and the tremble together. PSRO-Nash takes the equilibrium
that its solver comes to from the last mixtures, so the start selects.

A seed ends in the stag, or with a hare each, where its final play does so with probability 0.9 at least.
Everything is computed exactly on the whole tree, so only the share of the seeds has an interval (Wilson,
95%). ``defects`` is the mean payoff of a hunter whose partner takes a hare come what may, ``worst`` against
the worst partner of the whole game.
"""

import argparse
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from games.extensive import (
    Behavior,
    Expansion,
    SequenceForm,
    behaviors_of_plans,
    best_response,
    expected_values,
    fold,
    payoff_variances,
    realization_plans,
)
from games.extensive.leaves import LeafTable
from games.files import atomic_write
from games.gridworlds.trust_dilemma import HuntState, Step, TrustDilemma, expand_hunt, small_trust_dilemma
from games.normal_form.risk import RiskAversion, RiskVariance
from games.results import Status
from marl.rollouts import wilson_rate
from solvers.psro import (
    PSRO,
    AddAllAnswers,
    LastPoliciesMetaSolver,
    RiskAverseBestResponse,
    RiskAverseMetaSolver,
    RiskNashConv,
    UniformMetaSolver,
    run_psro,
)
from solvers.psro.starts import random_behaviors

ITERATIONS = 30
BLUR = 0.05  # weight of the random policy in the starting ones
TREMBLE = 0.1
GAMMAS = (0.1, 0.3, 1.0)
SURE = 0.9
HUNTS = {
    "3x3, three steps": small_trust_dilemma(),
    "3x3, four steps": replace(small_trust_dilemma(), horizon=4),
    "2x4, three steps": TrustDilemma(
        rows=2, columns=4, hunters=((0, 0), (0, 3)), stag=(0, 2), hares=((1, 0), (1, 3)), horizon=3
    ),
}
# What each hunter does, step after step, to trust and to take a hare; then stays.
_TRUST = {
    "3x3, three steps": ((Step.RIGHT, Step.DOWN), (Step.LEFT, Step.UP)),
    "3x3, four steps": ((Step.RIGHT, Step.DOWN), (Step.LEFT, Step.UP)),
    "2x4, three steps": ((Step.RIGHT, Step.RIGHT), (Step.STAY, Step.LEFT)),
}
_HARE = {
    "3x3, three steps": ((Step.RIGHT, Step.RIGHT), (Step.LEFT, Step.LEFT)),
    "3x3, four steps": ((Step.RIGHT, Step.RIGHT), (Step.LEFT, Step.LEFT)),
    "2x4, three steps": ((Step.DOWN,), (Step.DOWN,)),
}


def averse(gamma: float) -> PSRO:
    """Risk-averse oracle, meta-solver and measure."""
    risk = RiskAversion(gamma, tremble=TREMBLE, variance=RiskVariance.TOTAL)
    return PSRO(RiskAverseBestResponse(risk), RiskAverseMetaSolver(risk), measure=RiskNashConv(risk))


METHODS = {
    "PSRO-Nash": PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(0.0))),
    "PSRO-uniform": PSRO(meta_solver=UniformMetaSolver(), expander=AddAllAnswers()),
    "self-play": PSRO(meta_solver=LastPoliciesMetaSolver(1), expander=AddAllAnswers()),
    **{f"RAE-PSRO, gamma {gamma:g}": averse(gamma) for gamma in GAMMAS},
}
READS_START = [label for label in METHODS if label == "PSRO-Nash" or label.startswith("RAE")]


@dataclass(frozen=True, slots=True)
class End:
    """Where a seed ended; payoffs are means over both hunters."""

    stag: float
    hares: float
    mean: float
    variance: float
    defects: float
    worst: float
    measure: str
    bound: float
    nash_conv: float
    certified: bool


class Hunt:
    """A game with its tree, and the two policies that hunters start from."""

    def __init__(self, name: str) -> None:
        self.game = HUNTS[name]
        expansion = expand_hunt(self.game)
        self.form = fold(expansion.tree)
        self.leaves = LeafTable.of(expansion.tree, self.form)
        self.trust, self.hare = (
            [_follow(self.game, expansion, i, plans[name][i]) for i in (0, 1)] for plans in (_TRUST, _HARE)
        )

    def run(self, method: PSRO, seed: int, *, reads_start: bool) -> End:
        """Train from the start of a seed and judge the end."""
        rng = np.random.default_rng(seed)
        belief = rng.uniform(0.65, 0.97)
        noise = random_behaviors(self.form, rng=rng)
        starts = [
            [(1 - BLUR) * known[i] + BLUR * noise[i] for known in (self.trust, self.hare)] for i in (0, 1)
        ]
        if reads_start:
            profile = [[belief, 1 - belief]] * 2
            result = run_psro(
                self.form, method, iterations=ITERATIONS, rng=rng, policies=starts, profile=profile
            )
        else:
            trusting, hunting = (realization_plans(self.form, [starts[i][k] for i in (0, 1)]) for k in (0, 1))
            mixed = [belief * a + (1 - belief) * b for a, b in zip(trusting, hunting, strict=True)]
            policies = [[b] for b in behaviors_of_plans(self.form, mixed)]
            result = run_psro(self.form, method, iterations=ITERATIONS, rng=rng, policies=policies)
        behaviors = result.unwrap().behaviors
        game, form = self.game, self.form
        reached = self.leaves.probabilities(realization_plans(form, behaviors))
        met = {
            payoff: float(reached[(self.leaves.payoffs == payoff).all(axis=1)].sum())
            for payoff in (game.stag_payoff, game.hare_payoff)
        }
        defects = [
            expected_values(form, [behaviors[0], self.hare[1]])[0],
            expected_values(form, [self.hare[0], behaviors[1]])[1],
        ]
        return End(
            met[game.stag_payoff],
            met[game.hare_payoff],
            float(expected_values(form, behaviors).mean()),
            float(payoff_variances(form, behaviors).mean()),
            float(np.mean(defects)),
            float(np.mean([_worst(form, behaviors, i) for i in (0, 1)])),
            result.certificate.measure,
            result.certificate.bound,
            result.info["nash_conv"],
            result.status is Status.CERTIFIED,
        )


def _follow(
    game: TrustDilemma, expansion: Expansion[HuntState], player: int, plan: tuple[Step, ...]
) -> Behavior:
    def act(state: HuntState) -> np.ndarray:
        step = plan[state.time] if state.time < len(plan) else Step.STAY
        return np.eye(len(Step))[step if game.legal_mask(state, player)[step] else Step.STAY]

    return expansion.behavior(player, act)


def _worst(form: SequenceForm, behaviors: tuple[Behavior, ...], player: int) -> float:
    """What a hunter gets against the partner who harms them most."""
    harm = np.empty_like(form.payoff)
    harm[:] = -form.payoff[player]
    return -best_response(replace(form, payoff=harm), behaviors, 1 - player).value


def main() -> None:
    """Run all seeds, print, save, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("results/trust_dilemma_benchmark"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for name in HUNTS:
        hunt = Hunt(name)
        print(f"\n{name}: {hunt.game.name}, {hunt.leaves.chance.size} leaves, {args.seeds} seeds")
        print(
            f"{'method':<22}{'stag':>6}{'hares':>7}{'else':>6}  {'stag, Wilson 95%':<17}{'mean':>6}"
            f"{'variance':>10}{'defects':>9}{'worst':>7}{'certified':>11}{'worst NashConv':>16}"
        )
        found[name] = {}
        for label, method in METHODS.items():
            ends = [hunt.run(method, seed, reads_start=label in READS_START) for seed in range(args.seeds)]
            found[name][label] = [asdict(end) for end in ends]
            print(_line(label, ends))
    with atomic_write(args.out / "trust_dilemma.json") as file:
        file.write(json.dumps(found, indent=1).encode())
    _draw(found).savefig(args.out / "selection.png")
    print(f"\n{args.out / 'trust_dilemma.json'}, {args.out / 'selection.png'}")


def _line(label: str, ends: list[End]) -> str:
    stag, hares = (sum(getattr(end, kind) >= SURE for end in ends) for kind in ("stag", "hares"))
    rate = wilson_rate(stag, len(ends))
    means = [
        float(np.mean([getattr(end, kind) for end in ends]))
        for kind in ("mean", "variance", "defects", "worst")
    ]
    return (
        f"{label:<22}{stag:>6}{hares:>7}{len(ends) - stag - hares:>6}  [{rate.low:.3f}, {rate.high:.3f}]   "
        f"{means[0]:>6.2f}{means[1]:>10.2f}{means[2]:>9.2f}{means[3]:>7.2f}"
        f"{sum(end.certified for end in ends):>11}{max(end.nash_conv for end in ends):>16.1e}"
    )


def _draw(found: dict[str, Any]) -> Any:
    """Where the seeds end, a panel per game."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.0 * len(found) + 1.0, 3.6), layout="constrained", dpi=150)
    axes = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for axis, (name, methods) in zip(axes, found.items(), strict=True):
        for row, ends in enumerate(methods.values()):
            stag, hares = (sum(end[kind] >= SURE for end in ends) for kind in ("stag", "hares"))
            shares = {"stag": stag, "hares": hares, "neither": len(ends) - stag - hares}
            left = 0.0
            for (kind, count), colour in zip(shares.items(), ("C0", "C1", "0.75"), strict=True):
                axis.barh(
                    row, count / len(ends), left=left, color=colour, alpha=0.7, label=kind if row == 0 else ""
                )
                left += count / len(ends)
            rate = wilson_rate(stag, len(ends))
            arms = [[rate.value - rate.low], [rate.high - rate.value]]
            axis.errorbar(rate.value, row, xerr=arms, color="0.2", fmt="o", ms=4, capsize=3)
        axis.set_yticks(range(len(methods)), [*methods])
        axis.set(title=name, xlim=(-0.03, 1.03), xlabel="share of seeds")
        axis.grid(alpha=0.3, lw=0.4, axis="x")
    axes[0].invert_yaxis()
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, title="end"
    )
    figure.suptitle(
        "trust dilemma: where seeds end that start on the stag's side (dots: share of the stag, Wilson 95%)",
        fontsize=11,
    )
    return figure


if __name__ == "__main__":
    main()
