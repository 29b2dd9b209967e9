"""Settings of a run: those of transformers, and those of the game.

They also come from the command line or a file, by ``transformers.HfArgumentParser``; so choices are strings
here, which become objects at once.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from transformers import TrainingArguments

from solvers.inpo.pairing.groups import Label, Pairing
from solvers.inpo.pairing.schemes import AllPairs, Independent, Ring, Tournament
from solvers.inpo.training.passes import METHODS, LossKind, Method, Pull


class PairingName(StrEnum):
    """Pairings by name."""

    RING = "ring"
    ALL_PAIRS = "all_pairs"
    INDEPENDENT = "independent"
    TOURNAMENT = "tournament"


class LabelName(StrEnum):
    """Labels by name."""

    SOFT = "soft"
    DRAWN = "drawn"


C = TypeVar("C", bound=StrEnum)

_PAIRINGS: dict[PairingName, Pairing] = {
    PairingName.RING: Ring(),
    PairingName.ALL_PAIRS: AllPairs(),
    PairingName.INDEPENDENT: Independent(),
    PairingName.TOURNAMENT: Tournament(),
}


@dataclass
class INPOConfig(TrainingArguments):  # type: ignore[misc]
    """Settings of ``INPOTrainer``.

    Those of ``TrainingArguments`` are about one fit: ``num_train_epochs`` or ``max_steps`` say how long each
    pass of each round is fitted, and the learning rate runs through its schedule every time.
    ``per_device_train_batch_size`` counts prompts, each of which brings ``num_responses`` sequences.

    Raises:
        ValueError: a setting is out of range, or settings contradict each other.
    """

    method: str = field(default="inpo", metadata={"help": f"What a round does: {', '.join(METHODS)}."})
    rounds: int = field(default=3, metadata={"help": "Rounds of self-play."})
    prompts_per_round: int | None = field(
        default=None,
        metadata={"help": "Prompts of each round, in turn from the data; all of them by default."},
    )
    tau: float = field(
        default=0.1,
        metadata={"help": "Weight of the divergence from the reference, in units of win probability."},
    )
    eta: float | None = field(
        default=None,
        metadata={
            "help": "Inverse step, at least tau. By default 2 eta*, at which INPO converges fastest, "
            "from the comparisons of each round."
        },
    )
    num_responses: int = field(default=8, metadata={"help": "Responses drawn for each prompt."})
    num_opponents: int = field(
        default=8, metadata={"help": "Responses of the other policy, in passes that judge against one."}
    )
    max_new_tokens: int = field(default=256, metadata={"help": "Responses are cut after so many tokens."})
    max_prompt_length: int = field(
        default=1024,
        metadata={"help": "Prompts of more tokens are left out, since none can be cut without harm."},
    )
    temperature: float = field(
        default=1.0, metadata={"help": "Of the draws. Other than 1, they are not those of the game's policy."}
    )
    top_p: float = field(default=1.0, metadata={"help": "Draw from the smallest set of this probability."})
    generation_batch_size: int = field(
        default=16, metadata={"help": "Prompts encoded at a time for generation."}
    )
    log_probability_batch_size: int = field(
        default=32,
        metadata={"help": "Sequences at a time where log-probabilities are taken without gradient."},
    )
    pairing: PairingName = field(
        default=PairingName.RING,
        metadata={"help": "Who meets whom. The tournament is the paper's and biased; the others are not."},
    )
    labels: LabelName = field(
        default=LabelName.SOFT,
        metadata={"help": "Use the judge's probabilities as they are, or draw a label by each."},
    )
    loss: LossKind | None = field(
        default=None, metadata={"help": "What a fit minimises; by default what the method says."}
    )
    ask_again: bool = field(
        default=False,
        metadata={"help": "Ask about a known pair anew in each round, for judges that answer by chance."},
    )
    reference_every: int | None = field(
        default=None, metadata={"help": "The policy becomes the reference after so many rounds; 0 for never."}
    )
    disable_dropout: bool = field(
        default=True, metadata={"help": "Switch dropout off, which would be noise in log-probability ratios."}
    )
    eval_opponents: int = field(
        default=1, metadata={"help": "Evaluation also meets the policies of so many earlier rounds."}
    )
    keep_checkpoints: bool = field(
        default=False,
        metadata={"help": "Keep the weights of every pass; by default only those still needed."},
    )
    learning_rate: float = field(default=5e-7, metadata={"help": "Initial learning rate of every fit."})
    num_train_epochs: float = field(default=1.0, metadata={"help": "Epochs of every fit over its responses."})
    remove_unused_columns: bool = field(
        default=False, metadata={"help": "Must stay false: the columns are groups, not inputs of the model."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.pairing = _choice("pairing", self.pairing, PairingName)
        self.labels = _choice("labels", self.labels, LabelName)
        self.loss = None if self.loss is None else _choice("loss", self.loss, LossKind)
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        for name, least in (
            ("rounds", 1),
            ("num_responses", 2),
            ("num_opponents", 1),
            ("max_prompt_length", 1),
            ("log_probability_batch_size", 1),
            ("eval_opponents", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if self.prompts_per_round is not None and self.prompts_per_round < 1:
            raise ValueError(f"prompts_per_round must be at least 1 or None, got {self.prompts_per_round}")
        if not 0.0 <= self.tau < float("inf"):
            raise ValueError(f"tau must be finite and at least 0, got {self.tau!r}")
        if self.remove_unused_columns or self.load_best_model_at_end or self.auto_find_batch_size:
            raise ValueError(
                "remove_unused_columns, load_best_model_at_end and auto_find_batch_size must be false: "
                "a run is many fits on groups"
            )
        if self.push_to_hub:
            raise ValueError(
                "push_to_hub must be false: output_dir holds prompts, responses and answers of the judge; "
                "publish by trainer.model.push_to_hub(...)"
            )
        if str(getattr(self.eval_strategy, "value", self.eval_strategy)) != "no":
            raise ValueError("eval_strategy must be 'no': an eval_dataset is used after every round")
        check_step(self.build_method(), self.eta, self.tau)

    def build_method(self) -> Method:
        """The method with what the settings change about it."""
        method = METHODS[self.method]()
        if self.loss is not None:
            method = replace(method, loss=self.loss)
        if self.reference_every is not None:
            method = replace(method, reference_every=self.reference_every)
        return method

    def build_pairing(self) -> Pairing:
        """The pairing that the settings name."""
        return _PAIRINGS[PairingName(self.pairing)]

    def build_label(self) -> Label:
        """What becomes of the judge's probabilities."""
        return {LabelName.SOFT: Label.SOFT, LabelName.DRAWN: Label.DRAWN}[LabelName(self.labels)]


def _choice(name: str, value: str, kind: type[C]) -> C:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{name} must be one of {', '.join(kind)}, got {value!r}") from None


def check_step(method: Method, eta: float | None, tau: float) -> None:
    """Refuse inverse steps that do not fit the weight of the divergence.

    Raises:
        ValueError: ``eta`` is not positive, below ``tau``, missing where nothing sets it, or given where tau
            does.
    """
    if eta is None:
        if tau == 0.0 or method.pull is Pull.NONE:
            raise ValueError(
                f"eta must be given for {method.name} with tau {tau:g}: "
                "without a divergence nothing sets the step"
            )
        return
    if method.pull is Pull.FULL:
        raise ValueError(f"eta must be None for {method.name}, whose inverse step is tau, got {eta!r}")
    if not 0.0 < eta < float("inf"):
        raise ValueError(f"eta must be positive and finite, got {eta!r}")
    if eta < tau and method.pull is Pull.RATIO:
        raise ValueError(
            f"eta must be at least tau, {tau:g}, got {eta:g}: "
            "the anchor would put a negative weight on the policy"
        )
