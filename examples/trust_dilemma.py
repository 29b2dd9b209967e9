"""Trust in a stag hunt on a grid: where population learning ends, with and without aversion to risk.

    python examples/trust_dilemma.py --out results/trust_dilemma

Both hunters start with two policies, to trust (walk to the stag) and not to (walk to a hare), and believe
that the other trusts with the probability drawn for the run. All starts are trusting enough for a neutral
hunter to trust too: above 3/5, where meeting the stag pays 5 p - 1 and the hare 2. No player trembles. The
game is solved exactly, so each run ends in a certified equilibrium of the whole game.
"""

import argparse
from pathlib import Path

import numpy as np

from games.extensive import expected_values, fold
from games.gridworlds.trust_dilemma import Step, expand_hunt, small_trust_dilemma
from games.normal_form.risk import RiskAversion
from solvers.psro import PSRO, RiskAverseMetaSolver, run_psro
from solvers.report import plot_basins, plot_hunt, save_episode_gif

GAMMAS = [0.0, 0.1, 0.3, 1.0]
RUNS = 10
PLANS = {  # what each hunter does, step after step; a step off the grid is not made
    "trust": ((Step.RIGHT, Step.DOWN), (Step.LEFT, Step.UP)),
    "hare": ((Step.RIGHT, Step.RIGHT), (Step.LEFT, Step.LEFT)),
}


def main() -> None:
    """Run PSRO from ten starts at four risk aversions; print how many end in the stag, draw all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/trust_dilemma"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    game = small_trust_dilemma()
    expansion = expand_hunt(game)
    form = fold(expansion.tree)
    print(f"{game.name}: {expansion.tree.num_nodes} histories")

    def planned(state, player, plan):
        step = plan[state.time] if state.time < len(plan) else Step.STAY
        return np.eye(len(Step))[step if game.legal_mask(state, player)[step] else Step.STAY]

    policies = [
        [expansion.behavior(i, lambda s, i=i, plan=plan: planned(s, i, plan[i])) for plan in PLANS.values()]
        for i in range(game.num_players)
    ]
    starts = np.sort(np.random.default_rng(0).uniform(0.65, 0.97, RUNS)).round(2)
    reached = np.empty((len(GAMMAS), RUNS))
    worst = 0.0
    for row, gamma in enumerate(GAMMAS):
        method = PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(gamma)))
        for column, trust in enumerate(starts):
            result = run_psro(form, method, policies=policies, profile=[[trust, 1 - trust]] * 2)
            value = expected_values(form, result.unwrap().behaviors)[0]
            # In equilibrium a hunter gets the stag or a hare: anything else would show between 0 and 1.
            reached[row, column] = (value - game.hare_payoff) / (game.stag_payoff - game.hare_payoff)
            worst = max(worst, result.certificate.bound)
        ends = int(np.isclose(reached[row], 1.0).sum())
        print(f"risk aversion {gamma:g}: {ends} of {RUNS} runs end in the stag")
    print(f"greatest NashConv of all runs: {worst:.0e}")

    title = "trust dilemma: risk aversion shrinks the basin of the stag"
    plot_basins(starts, GAMMAS, reached, action="stag", title=title).savefig(out / "basins.png")
    rng = np.random.default_rng(0)
    states = [game.initial(rng)]
    for steps in zip(PLANS["trust"][0], PLANS["hare"][1], strict=True):
        movers = game.to_move(states[-1])
        states.append(game.step(states[-1], {i: steps[i] for i in movers}, rng))
    plot_hunt(game, states).savefig(out / "betrayed.png")
    save_episode_gif(game, states, out / "betrayed.gif")
    print(f"plots: {out / 'basins.png'}, {out / 'betrayed.png'}, {out / 'betrayed.gif'}")


if __name__ == "__main__":
    main()
