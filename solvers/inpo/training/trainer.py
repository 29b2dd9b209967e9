"""``INPOTrainer``: rounds of self-play around ``transformers.Trainer``, whose loop does the fits as it is."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainerCallback,
)
from transformers.trainer_utils import TrainOutput

from solvers.inpo.judges.recorded import RecordedJudge
from solvers.inpo.judges.verdicts import Judge
from solvers.inpo.pairing.groups import Pairing
from solvers.inpo.training.config import INPOConfig
from solvers.inpo.training.datasets import tokenise_prompts
from solvers.inpo.training.diagnostics import RoundReport
from solvers.inpo.training.evaluation import Evaluator
from solvers.inpo.training.fitting import GroupTrainer, remove_checkpoints
from solvers.inpo.training.garbage import only_new_garbage
from solvers.inpo.training.generation import Generator, TransformersGenerator
from solvers.inpo.training.groups import GroupCollator, TokenisedPrompt
from solvers.inpo.training.models import (
    adapter_off_is_start,
    disable_dropout,
    freeze_reference,
    load_policy,
    load_tokenizer,
    longest_prompt,
)
from solvers.inpo.training.passes import LAGGED, POLICY, REFERENCE, after_pass, after_round
from solvers.inpo.training.policies import Policies
from solvers.inpo.training.processes import Processes
from solvers.inpo.training.rounds import (
    Purpose,
    has_run,
    open_run,
    pass_folder,
    read_round,
    seed_sequence,
    weights_place,
    write_round,
)
from solvers.inpo.training.settings import run_settings
from solvers.inpo.training.sharding import check_sharding, snapshots_of
from solvers.inpo.training.snapshots import BASE, GIVEN
from solvers.inpo.training.stages import PassPlayer

if TYPE_CHECKING:
    from peft import PeftConfig

_INITIAL = "initial.safetensors"


class INPOTrainer(GroupTrainer):
    """Fine-tunes a causal language model by self-play on the preferences of a judge.

    ``train`` plays rounds: responses are drawn and judged, and the model is fitted to them, as
    ``args.method`` says. Everything is kept under ``args.output_dir`` as it is made, so
    ``train(resume_from_checkpoint=True)`` goes on where a run was killed and, in one process, ends with the
    same weights.

    Args:
        model: a causal language model, or what ``from_pretrained`` takes. It may be split over processes
            (``sharding``).
        ref_model: the reference; None takes the model as it is now, with its adapter, which costs no memory.
        judge: who prefers what. Its answers are kept in ``output_dir/judge.sqlite``.
        args: settings.
        train_dataset: rows with a ``prompt``, a text or chat messages.
        eval_dataset: the same, for evaluation after each round; None for no evaluation.
        processing_class: the tokenizer; None loads that of the model.
        peft_config: trains an adapter of this kind and nothing else.
        callbacks: as in ``transformers.Trainer``.
        optimizers: as there; each fit begins with the state they have now.
        generator: draws responses; None draws from the model in process.
        pairing: who meets whom; None takes ``args.pairing``.

    Raises:
        ValueError: arguments are missing, of a wrong form, or do not fit together.
    """

    _tag_names = ("counterplay", "inpo")

    def __init__(
        self,
        model: PreTrainedModel | str,
        ref_model: PreTrainedModel | None = None,
        judge: Judge | None = None,
        args: INPOConfig | None = None,
        train_dataset: Iterable[Mapping[str, Any]] | None = None,
        eval_dataset: Iterable[Mapping[str, Any]] | None = None,
        processing_class: PreTrainedTokenizerBase | None = None,
        peft_config: "PeftConfig | None" = None,
        callbacks: list[TrainerCallback] | None = None,
        optimizers: tuple[Optimizer | None, LambdaLR | None] = (None, None),
        *,
        generator: Generator | None = None,
        pairing: Pairing | None = None,
    ) -> None:
        for name, value in (("judge", judge), ("args", args), ("train_dataset", train_dataset)):
            if value is None:
                raise ValueError(f"{name} must be given, got None")
        assert judge is not None  # for type checkers
        assert args is not None
        assert train_dataset is not None
        if not isinstance(args, INPOConfig):
            raise TypeError(f"args must be an INPOConfig, got {type(args).__name__}")
        if args.n_gpu > 1:
            raise ValueError(
                f"each process must have one device, got {args.n_gpu}: launch one process for each device "
                "by torchrun or accelerate, or set CUDA_VISIBLE_DEVICES"
            )
        if pairing is not None and pairing.against_opponents:
            raise ValueError(
                "pairing must let responses meet each other; methods choose opponents themselves"
            )
        check_sharding(model, ref_model, adapted=peft_config is not None or hasattr(model, "peft_config"))
        model = load_policy(model, peft_config, seed=args.seed)
        if processing_class is None:
            processing_class = load_tokenizer(model)
        if args.disable_dropout:
            disable_dropout(model)
        if hasattr(model, "add_model_tags"):
            model.add_model_tags(list(self._tag_names))
        pad = processing_class.pad_token_id
        super().__init__(
            model, args, GroupCollator(0 if pad is None else pad), processing_class, callbacks, optimizers
        )
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            raise ValueError(
                "FSDP by accelerate and DeepSpeed split a model when a fit begins, but a round uses it "
                "before: load it split, by from_pretrained(..., distributed_config=DistributedConfig("
                "fsdp_size=n)) of transformers for n processes, or train an adapter (peft_config)"
            )
        self._processes = Processes(args.world_size, args.process_index)
        if ref_model is not None:
            freeze_reference(ref_model, model, args.device)
        self._folder = Path(args.output_dir)
        self.method = args.build_method()
        self._prompts = self._tokenise(train_dataset, "train_dataset")
        self._eval_prompts = None if eval_dataset is None else self._tokenise(eval_dataset, "eval_dataset")
        self._judge = judge
        self._pairing = args.build_pairing() if pairing is None else pairing
        self._generator: Generator = generator or TransformersGenerator(
            args.max_new_tokens, args.temperature, args.top_p, args.generation_batch_size
        )
        self.snapshots = snapshots_of(
            self._folder, self.model, ref_model, first=self._processes.is_first, device=args.device
        )
        reference = GIVEN if ref_model is not None else _INITIAL
        if ref_model is None and peft_config is not None:
            with self.accelerator.autocast():
                if adapter_off_is_start(self.model, self._prompts[0].ids):
                    reference = BASE
        self._first_names = {POLICY: _INITIAL, LAGGED: _INITIAL, REFERENCE: reference}
        self._names = dict(self._first_names)
        self.rounds: list[RoundReport] = []
        self._progress: dict[str, float] = {}

    def _tokenise(self, rows: Iterable[Mapping[str, Any]], name: str) -> tuple[TokenisedPrompt, ...]:
        longest = longest_prompt(self.model, self.args.max_prompt_length, self.args.max_new_tokens)
        return tokenise_prompts(rows, self.processing_class, max_length=longest, name=name)

    # Rounds.

    def train(
        self,
        resume_from_checkpoint: str | bool | None = None,
        trial: object = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> TrainOutput:
        """Play ``args.rounds`` rounds; the model ends with the weights of the last policy.

        Args:
            resume_from_checkpoint: True, or the run's ``output_dir``, goes on with the run that is there, or
                begins one if there is none. More rounds than before lengthen it; other settings must agree.
            trial: must be None.
            ignore_keys_for_eval: must be None.

        Returns:
            Optimiser steps of all fits, the mean of their losses, and the figures of the last round.

        Raises:
            ValueError: there is a run and it is not to be resumed, or it has other settings.
            FileFormatError: files of the run are damaged.
            RuntimeError: no comparison had an answer, or log-probabilities are not finite.
        """
        if trial is not None or ignore_keys_for_eval is not None:
            raise ValueError(
                "trial and ignore_keys_for_eval must be None: rounds are evaluated by their responses"
            )
        if isinstance(resume_from_checkpoint, str):
            if Path(resume_from_checkpoint).resolve() != self._folder.resolve():
                raise ValueError(
                    f"resume_from_checkpoint must be True or output_dir, {self._folder}, "
                    f"got {resume_from_checkpoint}"
                )
            resume_from_checkpoint = True
        self._begin()
        if self._processes.is_first:
            open_run(self._folder, self._settings(), resume=bool(resume_from_checkpoint))
        self._processes.wait()
        losses = []
        self.steps_before, self.rounds, self._names = 0, [], dict(self._first_names)
        with only_new_garbage(), RecordedJudge(self._judge, self._folder / "judge.sqlite") as judge:
            player = self._player(judge)
            for number in range(self.args.rounds):
                report = self._round(player, judge, number)
                self.rounds.append(report)
                losses += [one.loss for one in report.passes]
            self.snapshots.load(self._names[POLICY])
        self.state.global_step = self.steps_before
        metrics = {"train_loss": float(np.mean(losses)), "rounds": float(self.args.rounds)}
        return TrainOutput(self.steps_before, metrics["train_loss"], {**metrics, **self.rounds[-1].metrics})

    def _begin(self) -> None:
        """Unless there is a run, keep the model as it is for the begin of one, and nothing of other models.

        It is kept before there is a run, so a run never begins with what was left by something else.
        """
        if has_run(self._folder):
            return
        self._processes.wait()  # all have seen that there is no run
        if self._processes.is_first:
            shutil.rmtree(self._folder / "evaluation", ignore_errors=True)
        self.snapshots.save(_INITIAL)
        self._processes.wait()
        self.snapshots.load(_INITIAL)

    def _round(self, player: PassPlayer, judge: Judge, number: int) -> RoundReport:
        before = dict(self._names)
        passes = []
        for index, one in enumerate(self.method.passes):
            self._progress = {"round": number, "pass": index}
            report, taken = player.play((number, index), self._names, self._rows(number))
            passes.append(report)
            self.steps_before += taken
            if self._processes.is_first:
                remove_checkpoints(pass_folder(self._folder, number, index))
            place = weights_place(number, index)
            self._names = after_pass(self._names, one, place)
            self._discard({*before.values(), *self._names.values()}, place)
        names = after_round(self.method, before, self._names, number + 1)
        with self._processes.first_then_others():
            metrics = read_round(self._folder, number)
            if metrics is None:
                metrics = {}
                if self._eval_prompts is not None:
                    metrics = self._evaluate_round(judge, number)
                write_round(self._folder, number, metrics, names)
                self.log({**passes[-1].figures(), **metrics})
        self._names = names
        self._discard(set(names.values()), place)
        return RoundReport(number, tuple(passes), metrics)

    def _discard(self, keep: set[str], last: str) -> None:
        self._processes.wait()  # others may still be reading
        if self._processes.is_first and not self.args.keep_checkpoints:
            self.snapshots.discard(keep, last)

    def _rows(self, number: int) -> NDArray[np.int64]:
        """Numbers of the prompts of a round: the data in one random order after another, in slices."""
        total = len(self._prompts)
        size = total if self.args.prompts_per_round is None else self.args.prompts_per_round
        first, last = number * size, (number + 1) * size
        orders = [
            np.random.default_rng(seed_sequence(self.args.seed, Purpose.PROMPTS, turn)).permutation(total)
            for turn in range(first // total, -(-last // total))
        ]
        start = first - first // total * total
        return np.concatenate(orders)[start : start + size].astype(np.int64)

    def _player(self, judge: Judge) -> PassPlayer:
        args = self.args
        return PassPlayer(
            folder=self._folder,
            seed=args.seed,
            method=self.method,
            eta=args.eta,
            tau=args.tau,
            num_responses=args.num_responses,
            num_opponents=args.num_opponents,
            label=args.build_label(),
            ask_again=args.ask_again,
            prompts=self._prompts,
            policies=self._policies(),
            generator=self._generator,
            judge=judge,
            pairing=self._pairing,
            fit=self.fit,
        )

    def _policies(self) -> Policies:
        return Policies(
            snapshots=self.snapshots,
            tokenizer=self.processing_class,
            pad_id=self.data_collator.pad_id,
            batch_size=self.args.log_probability_batch_size,
            autocast=self.accelerator.autocast,
            processes=self._processes,
        )

    def _settings(self) -> dict[str, Any]:
        return run_settings(
            self.args,
            pairing=self._pairing,
            generator=self._generator,
            judge=self._judge,
            prompts=self._prompts,
            model=self.model,
            reference=self._first_names[REFERENCE],
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log with the round and the pass."""
        super().log({**logs, **self._progress}, start_time)

    # Evaluation.

    def evaluate(
        self,
        eval_dataset: Iterable[Mapping[str, Any]] | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Measure the model as it is, by one fresh response to each prompt (``Evaluator.evaluate``).

        Callbacks may ask for it amid a fit.

        Raises:
            ValueError: there are no prompts, or ``ignore_keys`` is given.
        """
        if ignore_keys is not None:
            raise ValueError("ignore_keys must be None")
        prompts = self._eval_prompts if eval_dataset is None else self._tokenise(eval_dataset, "eval_dataset")
        if prompts is None:
            raise ValueError("eval_dataset must be given here or to the trainer, got None")
        if self.is_fitting:
            self.snapshots.touched()
        elif self.snapshots.at is None:
            self._begin()
        self._folder.mkdir(parents=True, exist_ok=True)
        place = self._processes.agree(self.snapshots.at)
        if place is None:
            place = self._processes.agree(self.snapshots.save_by_content())
        metrics: dict[str, float] = {}
        if self._processes.is_first:
            with RecordedJudge(self._judge, self._folder / "judge.sqlite") as judge:
                metrics = self._measure(judge, prompts, place, {}, metric_key_prefix)
        metrics = self._processes.agree(metrics)
        self._announce(metrics)
        self.snapshots.load(place)
        if self.is_fitting:
            self.snapshots.touched()
        return metrics

    def _evaluate_round(self, judge: Judge, number: int) -> dict[str, float]:
        assert self._eval_prompts is not None
        last = len(self.method.passes) - 1
        earlier = range(max(number - self.args.eval_opponents, 0), number)
        rivals = {f"round_{one}": weights_place(one, last) for one in earlier}
        metrics = self._measure(judge, self._eval_prompts, self._names[POLICY], rivals, "eval")
        self._announce(metrics)
        return metrics

    def _measure(
        self,
        judge: Judge,
        prompts: Sequence[TokenisedPrompt],
        place: str,
        rivals: Mapping[str, str],
        prefix: str,
    ) -> dict[str, float]:
        evaluator = Evaluator(self._folder, self.args.seed, self._policies(), self._generator, judge)
        present = {name: rival for name, rival in rivals.items() if evaluator.known(prompts, rival)}
        found = evaluator.evaluate(prompts, place, self._names[REFERENCE], present)
        return {f"{prefix}_{name}": value for name, value in found.items()}

    def _announce(self, metrics: dict[str, float]) -> None:
        self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)

    def create_model_card(
        self,
        language: str | None = None,
        license: str | None = None,
        tags: str | list[str] | None = None,
        model_name: str | None = None,
        finetuned_from: str | None = None,
        tasks: str | list[str] | None = None,
        dataset_tags: str | list[str] | None = None,
        dataset: str | list[str] | None = None,
        dataset_args: str | list[str] | None = None,
    ) -> None:
        """Draft a model card as ``transformers.Trainer`` does, with this library's tags and the method's."""
        given = [tags] if isinstance(tags, str) else list(tags or [])
        super().create_model_card(
            language=language,
            license=license,
            tags=list(dict.fromkeys([*given, *self._tag_names, self.method.name])),
            model_name=model_name,
            finetuned_from=finetuned_from,
            tasks=tasks,
            dataset_tags=dataset_tags,
            dataset=dataset,
            dataset_args=dataset_args,
        )
