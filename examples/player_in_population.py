"""Players in a population: who reads and writes beside who computes, weighed, exploited, and weighed again.

    python examples/player_in_population.py --out results/player_in_population

In Kuhn poker three players are asked what they do at every information set: a scripted novice, a function
from text to text as any chat model is one, and, where transformers is installed, a tiny model with random
weights. As tables they are strategies like others: they meet, a Nash equilibrium weighs them, exact best
responses exploit them, and PSRO starts from them and goes on until nobody can be exploited.
"""

import argparse
import hashlib
import importlib.util
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from games.adapters.open_spiel import open_spiel_game
from games.normal_form.risk import RiskAversion
from games.text import Question
from marl.players import (
    LanguagePlayer,
    Player,
    Sampling,
    ScriptedPlayer,
    Source,
    TextPlayer,
    Weighing,
    tabulate,
)
from marl.policies import UniformPolicy
from marl.populations import compile_game, population_of_plans
from solvers.psro import EmpiricalRiskMetaSolver, run_psro
from solvers.rationality.populations import (
    Participant,
    best_responses,
    meetings,
    participant_of,
    play_pool,
    player_exploitability,
    rate_pool,
    starting_behaviors,
    weigh_pool,
)
from solvers.report import cross_play_table, plot_cross_play, plot_weights, weights_table

mpl.use("Agg")


def novice(question: Question) -> NDArray[np.float64]:
    """Adds chips the more often the better the card, whatever the other did."""
    card = int(question.situation.information_state[:1])
    adds = (0.1, 0.5, 0.9)[card]
    return np.array([1 - adds, adds])


def cautious(prompt: str) -> str:
    """Reads its card in the prompt; adds chips with the best one, and bluffs now and then with the worst."""
    (card,) = re.findall(r"Your card: (\d)", prompt)
    gives, adds = re.findall(r'"(\w+)"', prompt.rsplit("Options: ", 1)[1].split("\n")[0])
    form = re.findall(r'\{"id": .*\}', prompt)[-1]
    bluffs = card == "1" and hashlib.sha256(form.encode()).digest()[0] < 80
    return form.replace("<option>", adds if card == "3" or bluffs else gives)


def transformer() -> Player:
    """Random weights, made here: it knows nothing, and says exactly how likely it says what."""
    import torch
    from transformers import ByT5Tokenizer, GPT2Config, GPT2LMHeadModel

    from marl.language import TransformersModel
    from marl.language.folders import PLAIN_TEMPLATE

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = ByT5Tokenizer()
    tokenizer.chat_template = PLAIN_TEMPLATE
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=4096, n_embd=32, n_layer=1, n_head=2, eos_token_id=1,
        bos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    return LanguagePlayer(TransformersModel(GPT2LMHeadModel(config).eval(), tokenizer, name="random weights"))


def main() -> None:
    """Ask, meet, weigh, exploit, weigh again, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/player_in_population"))
    parser.add_argument("--answers", type=int, default=40, help="of who can only be sampled, per situation")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)

    players = {"novice": ScriptedPlayer("novice", novice), "cautious": TextPlayer("cautious", cautious)}
    if importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"):
        players["transformer"] = transformer()
    compiled = compile_game(open_spiel_game("kuhn_poker"))
    participants = [Participant("uniform", (UniformPolicy(), UniformPolicy()))]
    print(
        f"{'player':12} {'sampled':>7} {'NashConv':>8}   {'interval':14}   answers with an option, at least"
    )
    for name, player in players.items():
        table = tabulate(player, compiled, elicitation=Weighing(Sampling(arguments.answers)))
        found = player_exploitability(table, rng=rng)
        low, high = found.interval.low, found.interval.high
        sampled = table.answers.sources.get(Source.SAMPLED, 0)
        mass = table.answers.least_mass
        print(f"{name:12} {sampled:7} {found.value:8.3f}   {low:.3f} to {high:.3f}   {mass:.2g}")
        participants.append(participant_of(table, name))
    exploiters = [best_responses(compiled, one).participant(f"exploits {one.name}") for one in participants]

    pool = play_pool(compiled, participants, rng=rng)
    Console(width=140).print(cross_play_table(meetings(pool)))
    ratings = rate_pool(pool)
    print(
        "skill by Nash averaging:",
        dict(zip(ratings.names, ratings.nash.skills.round(3).tolist(), strict=True)),
    )
    weights = {"at first": weigh_pool(pool).unwrap()}
    exploited = play_pool(compiled, [*participants, *exploiters], rng=rng)
    weights["with exploiters"] = weigh_pool(exploited).unwrap()

    result = run_psro(compiled.form, policies=starting_behaviors(compiled, participants))
    solution = result.unwrap()
    learnt = population_of_plans(compiled.form, solution.plans, solution.profile, game=compiled.game)
    everybody = play_pool(compiled, [*exploited.participants, Participant("PSRO", learnt.players())], rng=rng)
    for title, solver in (
        ("with PSRO", None),
        ("with PSRO, averse", EmpiricalRiskMetaSolver(RiskAversion(0.5))),
    ):
        weighed = weigh_pool(everybody, solver)
        weights[title] = weighed.unwrap()
        print(f"{title}: {weighed.certificate.measure} {weighed.certificate.bound:.1e}")
    Console(width=140).print(weights_table(everybody.names, weights))
    print(f"PSRO from these players: NashConv {result.certificate.bound:.1e} after {result.steps} iterations")

    plot_cross_play(meetings(everybody)).savefig(arguments.out / "payoffs.png")
    plot_weights(everybody.names, weights, title="Kuhn poker").savefig(arguments.out / "weights.png")
    print("files:", ", ".join(sorted(path.name for path in arguments.out.iterdir())))


if __name__ == "__main__":
    main()
