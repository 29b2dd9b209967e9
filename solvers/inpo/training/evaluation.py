"""Evaluation of a policy on prompts that it does not learn from: one fresh response to each."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from solvers.inpo.judges.verdicts import Comparison, Judge
from solvers.inpo.training.datasets import prompts_digest
from solvers.inpo.training.generation import Generator
from solvers.inpo.training.groups import Sample, TokenisedPrompt
from solvers.inpo.training.policies import Policies, sequences_of
from solvers.inpo.training.rounds import Purpose, seed_number


@dataclass(frozen=True, slots=True, eq=False)
class Evaluator:
    """Compares policies by their responses; those of a place are drawn once and kept.

    Attributes:
        folder: that of the run.
        seed: of the run.
        policies: the policies.
        generator: draws responses.
        judge: compares them.
    """

    folder: Path
    seed: int
    policies: Policies
    generator: Generator
    judge: Judge

    def evaluate(
        self, prompts: Sequence[TokenisedPrompt], policy: str, reference: str, rivals: Mapping[str, str]
    ) -> dict[str, float]:
        """Measures of the policy at a place.

        Args:
            prompts: what to answer.
            policy: its place.
            reference: place of the reference.
            rivals: places of other policies to meet, by the name they have in the result. Those whose weights
                are gone take part with the responses they gave before.

        Returns:
            ``kl_to_reference`` (an estimate of KL(policy || reference), in nats for a whole response, with
            its standard error ``kl_standard_error``), ``length`` in tokens, ``ended`` (the share of
            responses that came to their end), ``win_rate_reference`` and ``win_rate_<rival>``, ``failed``
            comparisons. Rates without any answer are left out, and so is what is not finite.

        Raises:
            RuntimeError: a policy has no response at all.
        """
        own = self._sample(prompts, policy)
        sequences = sequences_of(prompts, own)
        ratios = self.policies.log_probabilities(policy, sequences)
        ratios = ratios - self.policies.log_probabilities(reference, sequences)
        flat = [response for group in own.responses for response in group]
        metrics = {
            "kl_to_reference": float(ratios.mean()),
            "length": float(np.mean([len(response.ids) for response in flat])),
            "ended": float(np.mean([response.ended for response in flat])),
        }
        if len(ratios) > 1:
            metrics["kl_standard_error"] = float(ratios.std(ddof=1) / math.sqrt(len(ratios)))
        failed = 0
        for name, place in {"reference": reference, **rivals}.items():
            other = self._sample(prompts, place)
            rate, missing = self._meet(prompts, own, other)
            failed += missing
            if math.isfinite(rate):
                metrics[f"win_rate_{name}"] = rate
        metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
        return {**metrics, "failed": float(failed)}

    def known(self, prompts: Sequence[TokenisedPrompt], place: str) -> bool:
        """Whether the responses of the policy at a place are kept, or its weights."""
        return self._path(prompts, place).exists() or (self.folder / place).exists()

    def _path(self, prompts: Sequence[TokenisedPrompt], place: str) -> Path:
        word = hashlib.sha256(f"{place} {self.seed} {prompts_digest(prompts)}".encode()).hexdigest()
        return self.folder / "evaluation" / f"{word[:24]}.json"

    def _sample(self, prompts: Sequence[TokenisedPrompt], place: str) -> Sample:
        path = self._path(prompts, place)
        if path.exists():
            return Sample.load(path)
        # Its own stream for each place: with a common one, policies that are alike would answer alike.
        word = int(hashlib.sha256(place.encode()).hexdigest()[:8], 16)
        seed = seed_number(self.seed, Purpose.EVALUATION, word)
        rows = np.arange(len(prompts), dtype=np.int64)
        sample = self.policies.draw(place, f"evaluation {place}", self.generator, prompts, rows, 1, seed)
        if not sample.num_responses:  # not kept, so that it is tried again
            raise RuntimeError(f"generator gave no response to any of {len(prompts)} evaluation prompts")
        path.parent.mkdir(parents=True, exist_ok=True)
        sample.save(path)
        return sample

    def _meet(self, prompts: Sequence[TokenisedPrompt], own: Sample, other: Sample) -> tuple[float, int]:
        """Mean probability that the first is preferred, NaN without an answer, and failed comparisons."""
        comparisons = []
        ties = 0
        for row, mine, theirs in zip(own.rows, own.responses, other.responses, strict=True):
            if mine and theirs:
                if mine[0].text == theirs[0].text:
                    ties += 1
                else:
                    comparisons.append(Comparison(prompts[row].prompt, mine[0].text, theirs[0].text))
        verdicts = self.judge.compare(comparisons) if comparisons else []
        answered = [verdict.probability for verdict in verdicts if verdict.probability is not None]
        count = len(answered) + ties
        rate = (sum(answered) + 0.5 * ties) / count if count else math.nan
        return rate, len(verdicts) - len(answered)
