"""What the trainer refuses, and how it says so."""

from dataclasses import replace

import pytest
from datasets import Dataset, DatasetDict
from peft import LoraConfig

from solvers.inpo.judges import Verdict
from solvers.inpo.pairing import AgainstOpponents
from solvers.inpo.training import INPOTrainer

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

TINY = {"rounds": 2, "num_responses": 3, "num_train_epochs": 1, "pairing": "ring"}


def test_a_judge_that_never_answers_stops_the_run(bed_of, trainer_of, tmp_path):
    class Silent:
        name = "silent"

        def compare(self, comparisons, on_verdict=None):
            return [Verdict(None, failure="no")] * len(comparisons)

    trainer = trainer_of(bed_of(1), tmp_path, repeats=2, arguments={"judge": Silent()}, **TINY)
    with pytest.raises(RuntimeError, match=r"round 0, pass 0: no pair is left to learn from; of \d+ comp"):
        trainer.train()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"judge": None}, "judge must be given, got None"),
        ({"train_dataset": None}, "train_dataset must be given, got None"),
        ({"train_dataset": [{"text": "a"}]}, r"column 'prompt', row 0 has \['text'\]"),
        ({"train_dataset": [{"prompt": ""}]}, "row 0: the prompt has no token"),
        ({"train_dataset": [{"prompt": 3}]}, "prompt must be a text or a list of messages, got 3"),
        ({"train_dataset": [{"prompt": [{"role": "cat"}]}]}, "a message must have a role and a content"),
        ({"train_dataset": []}, "train_dataset must hold at least one prompt"),
        (
            {"train_dataset": DatasetDict(train=Dataset.from_list([{"prompt": "a"}]))},
            "train_dataset must be one data set, got several: train; name one",
        ),
        (
            {"train_dataset": [{"prompt": [{"role": "assistant", "content": "a"}]}]},
            "row 0: prompt must end where it is the model's turn, got a last message of the assistant",
        ),
        ({"processing_class": None}, "processing_class must be given for a model that was not loaded"),
        ({"pairing": AgainstOpponents()}, "pairing must let responses meet each other"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message, bed_of, trainer_of, tmp_path):
    with pytest.raises(ValueError, match=message):
        trainer_of(bed_of(1), tmp_path, arguments=arguments, **TINY)


def test_arguments_of_train_are_checked(bed_of, trainer_of, tmp_path):
    trainer = trainer_of(bed_of(1), tmp_path, **TINY)
    with pytest.raises(ValueError, match="resume_from_checkpoint must be True or output_dir"):
        trainer.train("elsewhere")
    with pytest.raises(ValueError, match="trial and ignore_keys_for_eval must be None"):
        trainer.train(trial=object())
    with pytest.raises(ValueError, match="ignore_keys must be None"):
        trainer.evaluate(ignore_keys=["a"])
    with pytest.raises(RuntimeError, match="compute_loss serves the fits of train"):
        trainer.compute_loss(trainer.model, {})


def test_an_adapter_is_not_put_on_an_adapter(bed_of, trainer_of, tmp_path):
    from peft import get_peft_model

    bed, config = bed_of(1), LoraConfig(r=2, target_modules="all-linear")
    model = get_peft_model(bed.model, config)
    with pytest.raises(ValueError, match="peft_config must be None for a model that has an adapter already"):
        trainer_of(bed, tmp_path, model=model, arguments={"peft_config": config}, **TINY)


def test_settings_must_be_ours(bed_of):
    from transformers import TrainingArguments

    bed = bed_of(1)
    with pytest.raises(TypeError, match="args must be an INPOConfig, got TrainingArguments"):
        INPOTrainer(
            bed.model,
            judge=bed.judge,
            args=TrainingArguments("o", use_cpu=True),
            train_dataset=bed.dataset(1),
            processing_class=bed.tokenizer,
        )


def test_a_reference_must_have_weights_of_its_own(bed_of, trainer_of, tmp_path):
    from peft import get_peft_model

    bed = bed_of(1)
    with pytest.raises(ValueError, match="ref_model must not share weights with model"):
        trainer_of(bed, tmp_path, arguments={"ref_model": bed.model}, **TINY)
    assert all(p.requires_grad for p in bed.model.parameters())
    around = get_peft_model(bed.model, LoraConfig(r=2, target_modules="all-linear"))
    with pytest.raises(ValueError, match="ref_model must not share weights with model"):
        trainer_of(bed, tmp_path, model=around, arguments={"ref_model": bed.model}, **TINY)


def test_there_must_be_something_to_train(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    bed.model.requires_grad_(False)
    with pytest.raises(ValueError, match="model must have parameters to train, got none with requires_grad"):
        trainer_of(bed, tmp_path, **TINY)


def test_responses_must_leave_room_for_prompts(bed_of, trainer_of, tmp_path):
    message = "max_new_tokens must be below the number of positions of the model, 64, got 64"
    with pytest.raises(ValueError, match=message):
        trainer_of(replace(bed_of(1), max_new_tokens=64), tmp_path, **TINY)


def test_no_batch_at_all_is_told(bed_of, trainer_of, tmp_path):
    trainer = trainer_of(bed_of(1), tmp_path, repeats=1, dataloader_drop_last=True, **TINY)
    with pytest.raises(ValueError, match=r"dataloader_drop_last must be false where .* takes, 8, got 4"):
        trainer.train()


def test_what_a_run_keeps_is_not_published(bed_of, trainer_of, tmp_path):
    with pytest.raises(ValueError, match="push_to_hub would publish prompts, responses and"):
        trainer_of(bed_of(1), tmp_path, **TINY).push_to_hub()
