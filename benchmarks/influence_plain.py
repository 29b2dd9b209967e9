"""Plain influence maximisation: 50 seeds on six graphs, weighted cascade; and the methods of the CIM paper.

Run ``python benchmarks/influence_plain.py FOLDER`` with the folder that holds the edge lists
(``wiki-Vote.txt.gz`` and so on; ``--graphs`` picks some). Times are medians over ``--repeats`` runs with
different seeds (at how many sets the rule stops is a matter of chance), within the process, without reading
the graph and compiling, as those of the C++ programs are: OPIM-C [1]_ and SUBSIM [2]_, built with g++ -O3 and
run on a machine with two AMD EPYC cores, whose seconds are stated here and not measured again unless SUBSIM
is given. Sets per second count both streams and all the rest of the work. Spreads are means over the repeats,
each estimated on 200,000 reverse sets that no solver saw; their standard errors are about 1 %. All stop by
the same rule with delta = 1/n.

``--subsim BINARY --subsim-graphs FOLDER`` runs SUBSIM here, in turn with the solvers. "vs SUBSIM" is then its
median seconds over ours, measured and not stated, and the last columns are its seconds, its sets and its
spread, on the same independent sets. FOLDER keeps the graphs in its own format; those not there yet are
written. It takes its random seed from the clock, in whole seconds, so every run of it waits for the next one.
Both programs stop by the same rule at the same numbers of sets; SUBSIM stores the second stream too, and
probabilities as 32-bit floats.

``--uniform P`` puts the same chance on every arc instead: huge sets, where HIST pays.

``--methods K`` instead runs the nine methods with capacity K, 5 % of the nodes as adopters; the slow ones
only where ``--slow`` is given.

.. [1] Tang, Tang, Xiao, Yuan (2018), SIGMOD; github.com/tangj90/OPIM.
.. [2] Guo, Wang, Wei, Chen (2020), SIGMOD; github.com/qtguo/subsim.
"""

import argparse
import math
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from games.influence.collection import ReverseSets
from games.influence.diffusion import Diffusion, uniform_cascade, weighted_cascade
from games.influence.graph import DirectedGraph, read_edge_list
from games.influence.problem import CapacityProblem, capacity_problem
from games.influence.seeding import SeedProblem, seed_problem
from games.results import SolveResult
from solvers.influence.imm import solve_imm
from solvers.influence.plain import solve_hist, solve_opim_c
from solvers.influence.seeds import Seeds
from solvers.registry import INFLUENCE

GRAPHS = {
    "wiki-Vote": True,
    "ego-Facebook": False,
    "NetHEPT": False,
    "NetPHY": False,
    "soc-Epinions1-undirected": False,
    "BlogCatalog": False,
}
"""Names, and whether the arcs go one way."""

REFERENCE = {
    ("wiki-Vote", 0.1): (0.0125, 0.0103),
    ("ego-Facebook", 0.1): (0.0197, 0.0075),
    ("NetHEPT", 0.1): (0.0446, 0.0319),
    ("NetPHY", 0.1): (0.0969, 0.0870),
    ("soc-Epinions1-undirected", 0.1): (0.0605, 0.0259),
    ("BlogCatalog", 0.1): (0.0928, 0.0104),
    ("wiki-Vote", 0.02): (0.0161, 0.0102),
    ("ego-Facebook", 0.02): (0.0367, 0.0118),
    ("NetHEPT", 0.02): (0.0600, 0.104),
    ("NetPHY", 0.02): (0.137, 0.113),
    ("soc-Epinions1-undirected", 0.02): (0.147, 0.0877),
    ("BlogCatalog", 0.02): (0.188, 0.0137),
}
"""Seconds of OPIM-C and SUBSIM in C++."""

PLAIN: dict[str, Callable[..., SolveResult[Seeds]]] = {
    "opim_c": solve_opim_c,
    "hist": solve_hist,
    "imm": solve_imm,
}
SLOW = ("rr_greedy", "mg_greedy", "imm_local", "opim_c_local")
SEEDS = 50
INDEPENDENT = 200_000


@dataclass(frozen=True, slots=True)
class Row:
    """One solver on one graph.

    Attributes:
        graph: name.
        eps: slack of the stopping rule.
        solver: name.
        seconds: median over the repeats.
        sets: drawn in each stream, median.
        ratio: certified, least over the repeats.
        spread: mean on independent sets.
        opim: seconds of OPIM-C in C++.
        subsim: seconds of SUBSIM in C++, median over the repeats where it was run.
        peer_sets: as ``sets``, of SUBSIM; not a number where it was not run.
        peer_spread: as ``spread``, of SUBSIM.
    """

    graph: str
    eps: float
    solver: str
    seconds: float
    sets: float
    ratio: float
    spread: float
    opim: float
    subsim: float
    peer_sets: float
    peer_spread: float


@dataclass(frozen=True, slots=True)
class PeerRun:
    """One run of SUBSIM.

    Attributes:
        seconds: by its own clock, without reading the graph.
        sets: in each stream.
        seeds: numbers of the nodes.
    """

    seconds: float
    sets: int
    seeds: list[int]


@dataclass(frozen=True, slots=True)
class Subsim:
    """SUBSIM's program.

    Attributes:
        binary: the program.
        folder: where graphs in its format are kept.
    """

    binary: Path
    folder: Path

    def prepare(self, name: str, graph: DirectedGraph) -> None:
        """Write a graph in its format, with weighted cascade, unless it is there."""
        if (self.folder / f"{name}.vec.rvs.graph").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        arcs = np.stack([graph.source, graph.target], axis=1)
        heading = f"{graph.num_nodes} {graph.num_arcs}"
        np.savetxt(self.folder / name, arcs, fmt="%d", header=heading, comments="")
        self._call("-func=format", f"-gname={name}", "-pdist=wc")

    def run(self, name: str, eps: float) -> PeerRun:
        """One run, with the random seed of a second in which no other began."""
        time.sleep(1.001 - time.time() % 1.0)
        with tempfile.TemporaryDirectory() as out:
            said = self._call(f"-gname={name}", f"-seedsize={SEEDS}", f"-eps={eps}", f"-outpath={out}")
            (seeds,) = (Path(out) / "seed").iterdir()
            numbers = [int(line) for line in seeds.read_text().split()]
        # It says -1 where it ran to its last round and kept no answer.
        found = {key: float(value) for key, value in re.findall(r"\|(.+?): (\S+)", said)}
        if found["Time (sec)"] < 0:
            raise RuntimeError(f"SUBSIM ended without an answer on {name} with eps {eps}")
        return PeerRun(found["Time (sec)"], int(found["#RR sets"]) // 2, numbers)

    def _call(self, *arguments: str) -> str:
        command = [str(self.binary.resolve()), f"-dir={self.folder.resolve()}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def plain_rows(
    folder: Path,
    graphs: Sequence[str],
    solvers: Sequence[str],
    repeats: int,
    chance: float | None = None,
    peer: Subsim | None = None,
) -> Iterator[Row]:
    """Rows of the first table, as they come; one chance on all arcs where it is given."""
    for name in graphs:
        problem = seed_problem(load(folder, name, chance), SEEDS)
        if peer is not None:
            peer.prepare(name, problem.diffusion.graph)
        for eps in (0.1, 0.02):
            runs: dict[str, list[SolveResult[Seeds]]] = {solver: [] for solver in solvers}
            theirs: list[PeerRun] = []
            for seed in range(-1, repeats):
                for solver in solvers:
                    runs[solver].append(run_plain(solver, problem, eps, seed))
                if peer is not None:
                    theirs.append(peer.run(name, eps))
            opim, subsim = REFERENCE[name, eps] if chance is None else (math.nan, math.nan)
            judged = (math.nan, math.nan)
            if theirs:
                subsim = statistics.median(r.seconds for r in theirs[1:])
                judged = (
                    statistics.median(r.sets for r in theirs[1:]),
                    statistics.fmean(independent_spread(problem, r.seeds) for r in theirs[1:]),
                )
            for solver in solvers:
                kept = runs[solver][1:]
                yield Row(
                    name,
                    eps,
                    solver,
                    statistics.median(r.seconds for r in kept),
                    statistics.median(float(r.info["sets"]) for r in kept),
                    min(float(r.info["ratio"]) for r in kept),
                    statistics.fmean(
                        independent_spread(problem, node_numbers(problem, r.unwrap())) for r in kept
                    ),
                    opim,
                    subsim,
                    *judged,
                )


def load(folder: Path, name: str, chance: float | None = None) -> Diffusion:
    """A graph of the folder, with weighted cascade or one chance on all arcs."""
    graph = read_edge_list(folder / f"{name}.txt.gz", directed=GRAPHS[name])
    return weighted_cascade(graph) if chance is None else uniform_cascade(graph, chance)


def run_plain(solver: str, problem: SeedProblem, eps: float, seed: int) -> SolveResult[Seeds]:
    """One run; seed -1 only warms up."""
    return PLAIN[solver](problem, eps=eps, rng=np.random.default_rng(abs(seed)))


def node_numbers(problem: SeedProblem, seeds: Seeds) -> list[int]:
    """Numbers in the graph of the seeds."""
    return [problem.diffusion.graph.number(label) for label in seeds.nodes]


def independent_spread(problem: SeedProblem, seeds: list[int]) -> float:
    """Spread of nodes given by their numbers, on sets that no solver saw."""
    mask = np.zeros(problem.model.num_nodes, dtype=np.bool_)
    mask[seeds] = True
    hits = ReverseSets(problem.model, problem.candidates).hits(2**61, 0, INDEPENDENT, mask)
    return problem.model.total * hits / INDEPENDENT


def adopter_problem(diffusion: Diffusion, capacity: int) -> CapacityProblem:
    """5 % of the nodes, drawn at random, as adopters."""
    graph = diffusion.graph
    drawn = np.random.default_rng(5).choice(graph.num_nodes, graph.num_nodes // 20, replace=False)
    return capacity_problem(diffusion, [graph.label(int(v)) for v in drawn], capacity)


def peer_at(binary: Path | None, folder: Path | None, chance: float | None) -> Subsim | None:
    """The peer, or None and a line that says why."""
    if binary is None:
        print("SUBSIM not run: no --subsim given; its seconds are those stated")
    elif not binary.is_file():
        print(f"SUBSIM not run: there is no {binary}; its seconds are those stated")
    elif folder is None:
        print("SUBSIM not run: no --subsim-graphs given; its seconds are those stated")
    elif chance is not None:
        print("SUBSIM not run: it is compared with weighted cascade only")
    else:
        return Subsim(binary, folder)
    return None


def times(reference: float, row: Row) -> str:
    """How many times as fast as the reference, where there is one."""
    return "-" if math.isnan(reference) else f"{reference / row.seconds:.1f}x"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--graphs", nargs="+", default=list(GRAPHS), choices=list(GRAPHS))
    parser.add_argument("--solvers", nargs="+", default=["opim_c", "hist"], choices=list(PLAIN))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--uniform", type=float, metavar="P")
    parser.add_argument("--subsim", type=Path, metavar="BINARY")
    parser.add_argument("--subsim-graphs", type=Path, metavar="FOLDER")
    parser.add_argument("--methods", type=int, metavar="K")
    parser.add_argument("--slow", action="store_true")
    arguments = parser.parse_args()
    if arguments.methods is None:
        peer = peer_at(arguments.subsim, arguments.subsim_graphs, arguments.uniform)
        heads = ["seconds", "sets", "M sets/s", "ratio", "spread", "vs OPIM-C", "vs SUBSIM"]
        heads += ["its secs", "its sets", "its spread"] if peer is not None else []
        print(f"{'graph':26}{'eps':>5} {'solver':8}" + "".join(f"{head:>11}" for head in heads))
        rows = plain_rows(
            arguments.folder, arguments.graphs, arguments.solvers, arguments.repeats, arguments.uniform, peer
        )
        for row in rows:
            line = (
                f"{row.graph:26}{row.eps:5} {row.solver:8}{row.seconds:11.4f}{row.sets:11.0f}"
                f"{2e-6 * row.sets / row.seconds:11.2f}{row.ratio:11.3f}{row.spread:11.0f}"
                f"{times(row.opim, row):>11}{times(row.subsim, row):>11}"
            )
            if peer is not None:
                line += f"{row.subsim:11.4f}{row.peer_sets:11.0f}{row.peer_spread:11.0f}"
            print(line, flush=True)
        return
    print(f"{'graph':26} {'method':14}{'seconds':>10}{'certified':>11}{'spread':>9}")
    for name in arguments.graphs:
        problem = adopter_problem(load(arguments.folder, name), arguments.methods)
        for entry in INFLUENCE:
            if "capacity" in entry.tags and (arguments.slow or entry.name not in SLOW):
                result = [entry.load()(problem, rng=np.random.default_rng(k)) for k in (0, 1)][1]
                print(
                    f"{name:26} {entry.name:14}{result.seconds:10.4f}{result.info['ratio']:11.3f}"
                    f"{result.info['spread']:9.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
