"""A judge that knows the whole preference game, for tests against exact equilibria."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from games.preference import PreferenceGame
from solvers.inpo.judges.verdicts import (
    Comparison,
    OnVerdict,
    Prompt,
    Verdict,
    digest,
    prompt_fields,
)


@dataclass(frozen=True, slots=True, eq=False)
class MatrixJudge:
    """Preferences read from a game with one context for each prompt.

    A response that is not in the game is a failure, because a model may write anything.

    Attributes:
        game: one context, or a batch of shape (prompts,), of n responses.
        prompts: the prompt of each context.
        responses: texts of the n responses of each context, shape (prompts, n).
        name: made of everything above; computed.

    Raises:
        ValueError: the numbers do not agree, or a text comes twice.

    Example:
        >>> from games.preference import rock_paper_scissors
        >>> judge = MatrixJudge(rock_paper_scissors(), ["play"], [["rock", "paper", "scissors"]])
        >>> judge.compare([Comparison("play", "paper", "rock")])[0].probability
        1.0
    """

    game: PreferenceGame
    prompts: Sequence[Prompt]
    responses: Sequence[Sequence[str]]
    name: str = field(init=False)
    _places: dict[Prompt, tuple[int, dict[str, int]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        contexts = self.game.batch_shape or (1,)
        if contexts != (len(self.prompts),) or len(self.prompts) != len(self.responses):
            raise ValueError(
                f"prompts and responses must have one entry for each context, shape {contexts}, "
                f"got {len(self.prompts)} and {len(self.responses)}"
            )
        places = {
            prompt: (number, {text: place for place, text in enumerate(texts)})
            for number, (prompt, texts) in enumerate(zip(self.prompts, self.responses, strict=True))
        }
        if len(places) != len(self.prompts):
            raise ValueError("prompts must be different from each other, got one twice")
        for prompt, texts in zip(self.prompts, self.responses, strict=True):
            different = len(places[prompt][1])
            if not different == len(texts) == self.game.num_responses:
                raise ValueError(
                    f"responses must be {self.game.num_responses} different texts for each prompt, "
                    f"got {len(texts)}, of which {different} different, for {prompt!r}"
                )
        fields = [
            self.game.margins.tolist(),
            [prompt_fields(prompt) for prompt in self.prompts],
            [list(texts) for texts in self.responses],
        ]
        object.__setattr__(self, "_places", places)
        object.__setattr__(self, "name", f"matrix {digest(fields)[:16]}")

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """Entries of the matrix.

        Raises:
            ValueError: a prompt is not in the game.
        """
        verdicts = []
        for position, comparison in enumerate(comparisons):
            verdict = self._look_up(comparison)
            verdicts.append(verdict)
            if on_verdict is not None:
                on_verdict(position, verdict)
        return verdicts

    def _look_up(self, comparison: Comparison) -> Verdict:
        if comparison.prompt not in self._places:
            raise ValueError(f"prompts of comparisons must be in the game, got {comparison.prompt!r}")
        context, places = self._places[comparison.prompt]
        texts = (comparison.first, comparison.second)
        unknown = [text for text in texts if text not in places]
        if unknown:
            return Verdict(None, failure=f"the response {unknown[0]!r} is not in the game")
        n = self.game.num_responses
        margins = self.game.margins.reshape(-1, n, n)[context]
        return Verdict(0.5 + float(margins[places[texts[0]], places[texts[1]]]))
