"""JPSRO with max-Gini meta-solvers: counterplay against OpenSpiel's jpsro, by time and by the gap reached.

The peer measures the gap of a second, max-welfare equilibrium as well in each iteration, which its time
includes; ours includes compiling the game. Both gaps are sums over the players of what deviations gain in the
whole game. Ours stops by itself where nobody gains, so seconds are compared per iteration.

    make bench      # builds an environment with the peers, then runs this and the others
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from games.adapters.open_spiel_tree import compile_open_spiel
from solvers.psro import CCE, CE, JPSRO, JointConcept, max_gini, max_welfare, min_epsilon, run_jpsro

PEER = Path(__file__).parent / "peers" / "jpsro.py"
SHERIFF = "sheriff(item_penalty=1.0,item_value=5.0,sheriff_penalty=1.0,max_bribe=2,max_items=2,num_rounds=1)"


def ours(game: str, concept: JointConcept, iterations: int) -> tuple[float, float, int]:
    """Seconds (compiling the game included), gap and iterations done; one answer joins, as at the peer."""
    start = time.perf_counter()
    method = JPSRO(max_gini(concept), concept, answers=1)
    result = run_jpsro(compile_open_spiel(game), method, iterations=iterations)
    return time.perf_counter() - start, result.certificate.bound, result.steps


def peer(python: str, game: str, concept: JointConcept, iterations: int) -> dict | str:
    """What the peer's script prints, or the last line of its complaint: its solver may give up."""
    command = [python, str(PEER), game, "--iterations", str(iterations), "--concept", concept.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.splitlines()[-1]
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the comparison, and where our other meta-solvers come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has the peer")
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    for concept in (CE, CCE):
        ours("kuhn_poker", concept, 3)  # compiles the kernels; the cache keeps them for later runs
    heading = f"{'game':<24}{'concept':<9}{'peer s/it':>10}{'ours s/it':>11}{'ratio':>7}"
    print(f"{heading}  gap peer (max-welfare) / ours")
    for game in ("kuhn_poker", "kuhn_poker(players=3)"):
        for concept in (CCE, CE):
            rows = []
            for _ in range(args.repeats):
                theirs = peer(args.peer_python, game, concept, args.iterations)
                seconds, gap, steps = ours(game, concept, args.iterations)
                if isinstance(theirs, str):
                    print(f"{game:<24}{concept.name:<9}peer failed: {theirs[:60]}")
                    print(f"{'':<33}{'':>10}{seconds / steps:>11.5f}{'':>7}  ours {gap:.1e}")
                    break
                rows.append(
                    (
                        theirs["seconds"] / theirs["steps"],
                        seconds / steps,
                        theirs["train"],
                        gap,
                        theirs["eval"],
                    )
                )
            else:
                ratio = statistics.median(row[0] / row[1] for row in rows)
                a, b, gap_a, gap_b, welfare = (
                    statistics.median(column) for column in zip(*rows, strict=True)
                )
                print(
                    f"{game:<24}{concept.name:<9}{a:>10.4f}{b:>11.5f}{ratio:>7.0f}  "
                    f"{gap_a:.1e} ({welfare:.1e}) / {gap_b:.1e}"
                )
    print("\nours alone, to a gap of zero, all answers joining")
    for game in ("kuhn_poker(players=3)", SHERIFF):
        for concept in (CCE, CE):
            for choose in (max_gini, max_welfare, min_epsilon):
                result = run_jpsro(
                    compile_open_spiel(game), JPSRO(choose(concept), concept), iterations=40, time_limit=60
                )
                print(
                    f"{game[:22]:<24}{result.solver:<32}{result.steps:>3} iterations {result.seconds:7.2f} s "
                    f"gap {result.certificate.bound:.1e}   welfare {result.info['welfare']:.4f}"
                )


if __name__ == "__main__":
    main()
