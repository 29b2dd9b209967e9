"""The stages of one pass: generate, judge, take log-probabilities, fit. Each is skipped where it is over."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.files import atomic_write
from solvers.inpo.judges.verdicts import Judge
from solvers.inpo.pairing.collection import collect
from solvers.inpo.pairing.groups import ComparisonCounts, Group, GroupEdges, Label, Pairing
from solvers.inpo.pairing.schemes import AgainstOpponents
from solvers.inpo.steps import UnstableStepWarning
from solvers.inpo.training.diagnostics import (
    PassReport,
    automatic_eta,
    radius_bound,
    stable_eta,
    win_rate_variance,
)
from solvers.inpo.training.fitting import Fit, FitTask
from solvers.inpo.training.generation import Generator
from solvers.inpo.training.groups import GroupRows, Sample, TokenisedPrompt, load_edges, save_edges
from solvers.inpo.training.losses import Loss, make_loss
from solvers.inpo.training.passes import (
    POLICY,
    REFERENCE,
    Method,
    Pass,
    Pull,
    Source,
    look_up,
)
from solvers.inpo.training.policies import Policies, sequences_of
from solvers.inpo.training.rounds import (
    Manifest,
    Stage,
    pass_folder,
    seed_number,
    seed_sequence,
    weights_place,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PassPlayer:
    """Plays passes.

    Attributes:
        folder: that of the run.
        seed: of the run.
        method: what is played.
        eta: inverse step, None for the automatic one.
        tau: weight of the divergence.
        num_responses: responses to each prompt.
        num_opponents: responses of other policies to each prompt, where a pass judges against one.
        label: soft or drawn.
        ask_again: whether each round asks about known pairs anew.
        prompts: all of them.
        policies: the policies.
        generator: draws responses.
        judge: compares them.
        pairing: who meets whom where responses meet each other.
        fit: fits the model.
    """

    folder: Path
    seed: int
    method: Method
    eta: float | None
    tau: float
    num_responses: int
    num_opponents: int
    label: Label
    ask_again: bool
    prompts: Sequence[TokenisedPrompt]
    policies: Policies
    generator: Generator
    judge: Judge
    pairing: Pairing
    fit: Fit

    def play(
        self, place: tuple[int, int], names: Mapping[str, str], rows: NDArray[np.int64]
    ) -> tuple[PassReport, int]:
        """Play pass ``place``, a round and a pass of it, and keep the fitted weights; its report and steps.

        Args:
            place: which pass.
            names: where policies are kept before it.
            rows: numbers of the prompts of the round.
        """
        one = self.method.passes[place[1]]
        if not self._manifest(place).done(Stage.FIT):
            self._work(place, one, names, rows)
            self.policies.processes.wait()
        manifest = self._manifest(place)
        facts = manifest.recorded(Stage.FIT)
        known: dict[str, Any] = {k: math.nan if v is None else v for k, v in facts["report"].items()}
        report = PassReport(**known, seconds=manifest.seconds)
        return report, facts["steps"]

    def _manifest(self, place: tuple[int, int]) -> Manifest:
        facts = {"round": place[0], "pass": place[1], "method": self.method.name, "seed": self.seed}
        return Manifest(pass_folder(self.folder, *place), facts)

    def _work(
        self, place: tuple[int, int], one: Pass, names: Mapping[str, str], rows: NDArray[np.int64]
    ) -> None:
        processes = self.policies.processes
        with processes.first_then_others():
            manifest = self._manifest(place)
            sample = self._sample(manifest, place, names, rows)
            edges, counts = self._edges(manifest, place, one, sample, names)
        eta, radius, share = self._step(place, edges)
        anchors, divergence = self._anchors(manifest, one.anchor(share), names, sample)
        built = GroupRows.build(self.prompts, sample, edges, anchors)
        seed = seed_number(self.seed, Stage.FIT, *place)
        loss = make_loss(self.method.loss, eta)
        task = FitTask(built, loss, _ideal_square(loss, one, edges), manifest.folder, seed)
        self.policies.snapshots.load(look_up(names, one.start))
        self.policies.snapshots.touched()
        if not processes.is_first:
            self.fit(task)
            self.policies.snapshots.save(weights_place(*place))
            return
        with manifest.stage(Stage.FIT, "weights.safetensors") as facts:
            result = self.fit(task)
            self.policies.snapshots.save(weights_place(*place))
            flat = [response for group in sample.responses for response in group]
            report = {
                "round": place[0],
                "number": place[1],
                "eta": eta,
                "share": share,
                "radius": radius,
                "pairs": built.num_edges,
                "calls": counts["asked"],
                "failed": counts["failed"],
                "ties": counts["ties"],
                "identical": counts["identical"],
                "length": float(np.mean([len(response.ids) for response in flat])),
                "ended": float(np.mean([response.ended for response in flat])),
                "kl_to_reference": divergence if one.source is Source.FRESH else None,
                "loss": _finite(result.loss),
                "fidelity": _finite(result.fidelity),
            }
            facts |= {"report": report, "steps": result.steps, "seed": seed, "tau": self.tau}

    def _sample(
        self, manifest: Manifest, place: tuple[int, int], names: Mapping[str, str], rows: NDArray[np.int64]
    ) -> Sample:
        """The policy's responses: those of the last pass that drew any, if this one does not."""
        number = place[1]
        while self.method.passes[number].source is Source.KEPT:
            number -= 1
        path = pass_folder(self.folder, place[0], number) / "responses.json"
        if number == place[1] and not manifest.done(Stage.GENERATE):
            with manifest.stage(Stage.GENERATE, path.name) as facts:
                seed = seed_number(self.seed, Stage.GENERATE, *place)
                sample = self._draw(names, POLICY, place, rows, self.num_responses, 2, seed)
                sample.save(path)
                facts |= {"seed": seed, "responses": sample.num_responses}
            return sample
        if number == place[1]:
            manifest.facts(Stage.GENERATE)
        return Sample.load(path)

    def _draw(
        self,
        names: Mapping[str, str],
        name: str,
        place: tuple[int, int],
        rows: NDArray[np.int64],
        count: int,
        least: int,
        seed: int,
    ) -> Sample:
        """Responses of a named policy, at least so many to one prompt or more."""
        label = f"round {place[0]} {name}"
        sample = self.policies.draw(
            look_up(names, name), label, self.generator, self.prompts, rows, count, seed
        )
        if max(map(len, sample.responses)) < least:
            # An error here leaves the stage undone, so that a resumed run tries again.
            raise RuntimeError(
                f"round {place[0]}, pass {place[1]}: generator gave no prompt {least} responses of the {name}"
            )
        return sample

    def _edges(
        self,
        manifest: Manifest,
        place: tuple[int, int],
        one: Pass,
        sample: Sample,
        names: Mapping[str, str],
    ) -> tuple[list[GroupEdges], dict[str, int]]:
        """Edges, and the counts of comparisons; a pass that judges nothing has those of the pass before."""
        path = manifest.folder / "edges.json"
        if one.source is Source.KEPT and not one.opponent:
            earlier = self.method.passes[: place[1]]
            number = max(n for n, p in enumerate(earlier) if p.source is Source.FRESH or p.opponent)
            edges, _ = load_edges(pass_folder(self.folder, place[0], number) / path.name)
            return edges, {"asked": 0, "failed": 0, "ties": 0, "identical": 0}
        if not manifest.done(Stage.JUDGE):
            opponents = self._opponents(manifest, place, one, sample, names) if one.opponent else None
            groups = _groups(self.prompts, sample, opponents)
            with manifest.stage(Stage.JUDGE, path.name) as facts:
                rng = np.random.default_rng(seed_sequence(self.seed, Stage.JUDGE, *place))
                edges = collect(
                    groups,
                    self.pairing if opponents is None else AgainstOpponents(),
                    self.judge,
                    rng=rng,
                    label=self.label,
                    replicate=place[0] if self.ask_again else 0,
                )
                _check_answers(place, edges)
                save_edges(path, edges)
                facts["judge"] = self.judge.name
        else:
            manifest.facts(Stage.JUDGE)
        edges, counts = load_edges(path)
        return edges, asdict(counts)

    def _opponents(
        self,
        manifest: Manifest,
        place: tuple[int, int],
        one: Pass,
        sample: Sample,
        names: Mapping[str, str],
    ) -> Sample:
        path = manifest.folder / "opponents.json"
        if not manifest.done(Stage.OPPONENTS):
            with manifest.stage(Stage.OPPONENTS, path.name) as facts:
                seed = seed_number(self.seed, Stage.OPPONENTS, *place)
                drawn = self._draw(names, one.opponent, place, sample.rows, self.num_opponents, 1, seed)
                drawn.save(path)
                facts |= {"seed": seed, "responses": drawn.num_responses}
        manifest.facts(Stage.OPPONENTS)
        return Sample.load(path)

    def _step(self, place: tuple[int, int], edges: Sequence[GroupEdges]) -> tuple[float, float, float]:
        """eta, the bound on the radius, and the share of the reference.

        All passes of a round take the same eta: the pairs of its first pass, which met each other, set it.
        """
        if self.method.passes[0].opponent:
            edges = ()
        elif place[1] > 0:
            edges, _ = load_edges(pass_folder(self.folder, place[0], 0) / "edges.json")
        radius = radius_bound(edges)
        if self.eta is not None:
            eta = self.eta
            bound = stable_eta(radius, self.tau) if self.tau > 0.0 else 0.0
            if self.method.pull is Pull.RATIO and eta < bound:
                warnings.warn(
                    f"eta {eta:g} is below {bound:.3g}, the bound on stable steps by the comparisons of "
                    f"round {place[0]} (spectral radius at most {radius:.3g}): rounds that are fitted "
                    "well may cycle",
                    UnstableStepWarning,
                    stacklevel=2,
                )
        else:
            eta = self.tau if self.method.pull is Pull.FULL else automatic_eta(radius, self.tau)
        return eta, radius, self.method.share(eta, self.tau)

    def _anchors(
        self, manifest: Manifest, weights: Mapping[str, float], names: Mapping[str, str], sample: Sample
    ) -> tuple[FloatArray, float | None]:
        """A of every response, and the estimate of KL(policy || reference), if both are in the anchor."""
        path = manifest.folder / "anchors.npy"
        first = self.policies.processes.is_first
        if manifest.done(Stage.LOG_PROBABILITIES):
            facts = manifest.facts(Stage.LOG_PROBABILITIES)
            return np.load(path, allow_pickle=False), facts.get("kl_to_reference")
        with manifest.stage(Stage.LOG_PROBABILITIES, path.name, write=first) as facts:
            sequences = sequences_of(self.prompts, sample)
            by_place: dict[str, FloatArray] = {}
            anchors = np.zeros(len(sequences))
            for name, weight in weights.items():
                place = look_up(names, name)
                if place not in by_place:
                    by_place[place] = self.policies.shared_log_probabilities(place, sequences)
                anchors += weight * by_place[place]
            if not np.isfinite(anchors).all():
                raise RuntimeError("log-probabilities of responses are not finite; did the last fit diverge?")
            facts["weights"] = dict(weights)
            if {POLICY, REFERENCE} <= set(weights):
                policy, reference = by_place[look_up(names, POLICY)], by_place[look_up(names, REFERENCE)]
                facts["kl_to_reference"] = float((policy - reference).mean())
            if first:
                save_array(path, anchors)
        return anchors, facts.get("kl_to_reference")


def _ideal_square(loss: Loss, one: Pass, edges: Sequence[GroupEdges]) -> float:
    if one.opponent:  # margins are differences of win rates already
        weights = np.concatenate([edge.weight for edge in edges])
        margins = np.concatenate([edge.margin for edge in edges])
        return loss.ideal_square(float((weights * margins**2).sum() / weights.sum()) / 2.0)
    return loss.ideal_square(win_rate_variance(edges))


def _check_answers(place: tuple[int, int], edges: Sequence[GroupEdges]) -> None:
    total = sum((one.counts for one in edges), ComparisonCounts())
    # Identical responses make edges without a question, but teach nothing.
    if not any(len(one.first) for one in edges) or 0 < total.asked == total.failed:
        raise RuntimeError(
            f"round {place[0]}, pass {place[1]}: no pair is left to learn from; of {total.asked} "
            f"comparisons {total.failed} failed"
        )


def _groups(prompts: Sequence[TokenisedPrompt], sample: Sample, opponents: Sample | None) -> list[Group]:
    groups = []
    for number, (row, responses) in enumerate(zip(sample.rows, sample.responses, strict=True)):
        texts = tuple(response.text for response in responses)
        others: tuple[str, ...] = ()
        if opponents is not None:
            others = tuple(response.text for response in opponents.responses[number])
            if not others:  # all of them failed: nobody meets anybody
                texts, others = (), ("",)
        groups.append(Group(prompts[row].prompt, texts, others))
    return groups


def save_array(path: Path, array: FloatArray) -> None:
    """Write an array, whole or not at all."""
    with atomic_write(path) as file:
        np.save(file, array, allow_pickle=False)


def _finite(value: float) -> float | None:
    """The value as JSON takes it."""
    return value if np.isfinite(value) else None
