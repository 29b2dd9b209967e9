"""A game of one's own: build a tree, solve it by PSRO, keep it as a Gambit file, and check the certificate.

python examples/own_tree.py --out results/own_tree
"""

import argparse
from pathlib import Path

from games.checking import check_result
from games.extensive import fold, labelled_policies
from games.extensive.builder import TreeBuilder
from games.extensive.efg import write_efg
from games.storage import load_result, save_result
from solvers.psro import run_psro


def one_card_poker():
    """Both put in 1; player 0 sees a high or low card and may bet 1 more, player 1 may call unseen."""
    builder = TreeBuilder("one-card poker", players=["Ann", "Bob"])
    deal = builder.chance(None, {"high": 0.5, "low": 0.5})
    for card, win in (("high", 1.0), ("low", -1.0)):
        ann = builder.decision(deal[card], 0, card, ["bet", "check"])
        builder.terminal(ann["check"], [win, -win])
        bob = builder.decision(ann["bet"], 1, "facing a bet", ["call", "fold"])
        builder.terminal(bob["call"], [2 * win, -2 * win])
        builder.terminal(bob["fold"], [1.0, -1.0])
    return builder.build()


def main() -> None:
    """Solve, print, save, check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/own_tree"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    tree = one_card_poker()
    write_efg(tree, out / "one_card_poker.efg")
    form = fold(tree)
    result = run_psro(form)
    behaviors = result.unwrap().behaviors
    for player, policy in zip(tree.players, labelled_policies(form, behaviors), strict=True):
        for infoset, mix in policy.items():
            print(f"{player} at {infoset!r}: {', '.join(f'{a} {p:.3f}' for a, p in mix.items())}")
    print(f"value {result.info['value_0']:.4f} (known: 1/3), NashConv {result.certificate.bound:.1e}")
    save_result(out / "solution.json", form, result.with_solution(behaviors))
    print(f"certificate confirmed from the file: {check_result(load_result(out / 'solution.json')).agrees}")


if __name__ == "__main__":
    main()
