"""PSRO with exact best responses and the Nash meta-solver: counterplay against OpenSpiel's psro_v2.

The same algorithm on the same game for the same number of iterations, in one run, alternating. The peer
samples its payoffs (``--sims`` per cell) and its time excludes measuring NashConv; ours includes it. Both
are evaluated by NashConv in the full game at the end. Further rows run ours to the accuracy bars.

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
from solvers.psro import run_psro

PEER = Path(__file__).parent / "peers" / "psro_v2.py"


def ours(game: str, iterations: int) -> tuple[float, float, int]:
    """Seconds (compiling the game included), NashConv and iterations done."""
    start = time.perf_counter()
    result = run_psro(compile_open_spiel(game), iterations=iterations)
    return time.perf_counter() - start, result.certificate.bound, result.steps


def peer(python: str, game: str, iterations: int, sims: int) -> dict:
    """What the peer's script prints."""
    command = [python, str(PEER), game, "--iterations", str(iterations), "--sims", str(sims)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the comparison and the accuracy bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has the peer")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    ours("kuhn_poker", 5)  # compiles the kernels; the cache keeps them for later runs
    print(f"{'game':<13}{'sims':>6}{'peer s/it':>12}{'ours s/it':>12}{'ratio':>9}  NashConv peer / ours")
    for game, sims in [("kuhn_poker", 1000), ("leduc_poker", 1000), ("leduc_poker", 10)]:
        rows = []
        for _ in range(args.repeats):
            theirs = peer(args.peer_python, game, args.iterations, sims)
            seconds, nash_conv, steps = ours(game, args.iterations)
            rows.append(
                (sum(theirs["seconds"]) / args.iterations, seconds / steps, theirs["nash_conv"], nash_conv)
            )
        ratio = statistics.median(a / b for a, b, _, _ in rows)
        a, b, gap_a, gap_b = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{game:<13}{sims:>6}{a:>12.5f}{b:>12.6f}{ratio:>9.0f}  {gap_a:.4f} / {gap_b:.2e}")
    print("\nours alone, NashConv measured every iteration")
    for game, iterations in [
        ("kuhn_poker", 10),
        ("leduc_poker", 50),
        ("leduc_poker", 200),
        ("leduc_poker", 400),
    ]:
        seconds, nash_conv, steps = ours(game, iterations)
        print(f"{game:<13} {steps:>4} iterations {seconds:8.2f} s   NashConv {nash_conv:.3e}")


if __name__ == "__main__":
    main()
