"""A language model whose judge prefers in a circle: DPO round by round against INPO.

    python examples/inpo_language_model.py --out results/inpo_language_model

A tiny transformer answers a prompt by one of three letters. The judge prefers b to a and c to b nine times
in ten, and a to c eight times in ten, so no answer is best: what is to be learnt is the equilibrium.
The responses are so few that its distance from there is enumerated exactly after every round.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from transformers import PrinterCallback, TrainerCallback

from games.preference import PreferenceGame, comal_testbed
from solvers.inpo.training import INPOConfig, INPOTrainer, Testbed, make_testbed

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

TAU = 0.1


class Distances(TrainerCallback):
    """KL(equilibrium || policy) at the start and after every fit, and the last policy."""

    def __init__(self, bed: Testbed) -> None:
        self.bed = bed
        self.kl = [bed.measure(bed.model).kl_to_nash]

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """A fit is over."""
        self.kl.append(self.bed.measure(model).kl_to_nash)


def play(game: PreferenceGame, method: str, eta: float | None, rounds: int) -> tuple[list[float], np.ndarray]:
    """Distances by rounds, and the last policy."""
    bed = make_testbed(
        rng=np.random.default_rng(0), tau=TAU, prompts=1, letters=3, length=1, game=game, hidden=16, layers=1
    )
    distances = Distances(bed)
    with tempfile.TemporaryDirectory() as folder:
        trainer = INPOTrainer(
            bed.model,
            judge=bed.judge,
            args=INPOConfig(
                output_dir=folder,
                method=method,
                rounds=rounds,
                tau=TAU,
                eta=eta,
                num_responses=8,
                pairing="all_pairs",
                max_new_tokens=bed.max_new_tokens,
                generation_batch_size=64,
                per_device_train_batch_size=16,
                num_train_epochs=4,
                learning_rate=1e-2,
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
                use_cpu=True,
            ),
            train_dataset=bed.dataset(64),
            processing_class=bed.tokenizer,
            callbacks=[distances],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return distances.kl, bed.policy(trainer.model)[0]


def draw(path: Path, curves: dict[str, list[float]]) -> None:
    """Distances against rounds."""
    figure, axes = plt.subplots(figsize=(7.0, 4.2), layout="constrained")
    for name, distances in curves.items():
        axes.semilogy(range(len(distances)), distances, marker="o", markersize=3, label=name)
    axes.set(xlabel="rounds", ylabel="KL(equilibrium ‖ policy), nats", title="Three answers in a cycle")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Train by both, print, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/inpo_language_model"))
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    np.set_printoptions(precision=3, suppress=True)

    cycle = comal_testbed()
    game = PreferenceGame(0.5 + cycle.margins[None])
    runs = {
        "DPO, round by round": play(game, "iterative_dpo", 1.0, arguments.rounds),
        "INPO, automatic η": play(game, "inpo", None, arguments.rounds),
    }
    bed = make_testbed(
        rng=np.random.default_rng(0), tau=TAU, prompts=1, letters=3, length=1, game=game, hidden=16, layers=1
    )
    print(f"{'':22} {'KL at first':>12} {'at last':>8} {'least':>8}   last policy")
    for name, (distances, policy) in runs.items():
        print(f"{name:22} {distances[0]:12.3f} {distances[-1]:8.3f} {min(distances):8.3f}   {policy}")
    print(f"{'equilibrium':52}   {bed.nash[0]}")
    draw(arguments.out / "distances.png", {name: distances for name, (distances, _) in runs.items()})
    print("files:", ", ".join(sorted(path.name for path in arguments.out.iterdir())))


if __name__ == "__main__":
    main()
