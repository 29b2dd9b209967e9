"""The trainer on games with a known equilibrium."""

import json
import math

import numpy as np
import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, TrainerCallback

from games.preference import PreferenceGame, comal_testbed, win_rates
from solvers.inpo import ConstantStep, UnstableStepWarning, egpo, inpo, solve_preference
from solvers.inpo.judges import MatrixJudge, Verdict
from solvers.inpo.pairing import Independent
from solvers.inpo.training import Sample, ServedPolicy, win_matrix
from solvers.inpo.training.passes import METHODS

# PEFT asks transformers for an attribute by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

TINY = {
    "rounds": 2,
    "num_responses": 3,
    "num_opponents": 2,
    "num_train_epochs": 1,
    "pairing": "ring",
}


class Recorder(TrainerCallback):
    def __init__(self):
        self.logs = []
        self.evaluations = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.logs.append(dict(logs))

    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        self.evaluations.append(dict(metrics))


# Against exact equilibria.


@pytest.fixture(scope="module")
def full_run(bed_of, trainer_of, tmp_path_factory):
    bed = bed_of()
    start = bed.measure(bed.model)
    trainer = trainer_of(bed, tmp_path_factory.mktemp("full"), rounds=14, eta=0.5)
    output = trainer.train()
    return bed, trainer, start, output


def test_inpo_lands_at_the_nash_policy(full_run):
    bed, trainer, start, output = full_run
    end = bed.measure(trainer.model)
    assert start.kl_to_nash > 0.15
    assert end.kl_to_nash < 0.02
    assert end.gap < start.gap / 8
    assert output.global_step == 14 * 4 * 64 // 8


def test_its_fits_reach_the_steps_asked_for(full_run):
    _, trainer, _, _ = full_run
    values = [report.passes[0].fidelity for report in trainer.rounds[2:]]
    assert 0.7 < np.mean(values) < 1.2


def test_its_estimates_of_divergence_are_exact_ones_in_the_mean(full_run):
    bed, trainer, _, _ = full_run
    estimates = [report.passes[0].kl_to_reference for report in trainer.rounds]
    assert estimates[0] == pytest.approx(0.0, abs=1e-6)
    assert estimates[-1] == pytest.approx(bed.measure(trainer.model).kl_to_reference, abs=0.06)


@pytest.mark.parametrize(("name", "exact", "rounds"), [("inpo", inpo, 3), ("egpo", egpo, 2)])
def test_rounds_that_are_fitted_well_follow_the_exact_method(
    name, exact, rounds, bed_of, trainer_of, tmp_path
):
    bed = bed_of(8, prompts=2, letters=3, hidden=32)
    trainer = trainer_of(
        bed,
        tmp_path,
        repeats=64,
        rounds=rounds,
        eta=0.5,
        method=name,
        num_train_epochs=16,
        per_device_train_batch_size=32,
        num_opponents=32,
        learning_rate=4e-3,
    )
    trainer.train()
    found = bed.policy(trainer.model)
    wanted = solve_preference(bed.game, exact(ConstantStep(0.5)), rounds=rounds).solution.last
    moved = np.abs(wanted - bed.game.reference).sum(-1)
    assert (np.abs(found - wanted).sum(-1) < 0.2 * moved).all()


def test_an_adapter_does_it_too_and_the_base_stays(bed_of, trainer_of, tmp_path):
    bed = bed_of()
    base = {name: tensor.clone() for name, tensor in bed.model.state_dict().items()}
    trainer = trainer_of(
        bed,
        tmp_path,
        rounds=14,
        eta=0.5,
        arguments={"peft_config": LoraConfig(r=8, lora_alpha=16, target_modules="all-linear")},
    )
    trainer.train()
    assert bed.measure(trainer.model).kl_to_nash < 0.02
    with trainer.model.disable_adapter():
        np.testing.assert_allclose(bed.policy(trainer.model), bed.game.reference, atol=1e-6)
    for name, tensor in trainer.model.get_base_model().state_dict().items():
        if "lora" not in name:
            torch.testing.assert_close(tensor, base[name.replace(".base_layer", "")], rtol=0, atol=0)
    kept = sorted(path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.safetensors"))
    assert kept == ["initial.safetensors", "rounds"]  # adapters: the first and the last
    assert all(path.stat().st_size < 200_000 for path in tmp_path.rglob("*.safetensors"))


def test_responses_of_unequal_length_with_end_tokens(bed_of, trainer_of, tmp_path):
    bed = bed_of(0, letters=3, ends=True)
    start = bed.measure(bed.model)
    trainer = trainer_of(bed, tmp_path, rounds=8)
    trainer.train()
    assert bed.measure(trainer.model).kl_to_nash < start.kl_to_nash / 4
    assert 0.2 < trainer.rounds[-1].passes[0].ended < 1.0
    assert 1.0 < trainer.rounds[-1].passes[0].length < 2.0


def test_a_cycle_defeats_iterated_dpo_and_not_inpo(bed_of, trainer_of, tmp_path):
    cycle = comal_testbed()
    game = PreferenceGame(np.stack([cycle.preferences] * 2))
    ends = {}
    for method, eta in (("iterative_dpo", 1.0), ("inpo", None)):
        bed = bed_of(6, tau=0.1, prompts=2, letters=3, length=1, hidden=16, layers=1, game=game)
        trainer = trainer_of(
            bed, tmp_path / method, method=method, eta=eta, rounds=12, repeats=24, learning_rate=1e-2
        )
        trainer.train()
        ends[method] = bed.measure(trainer.model)
    assert ends["inpo"].kl_to_nash < 0.02
    assert ends["iterative_dpo"].kl_to_nash > 10 * ends["inpo"].kl_to_nash
    assert ends["iterative_dpo"].gap > 0.2


@pytest.mark.slow
def test_drawn_labels_land_beside_the_nash_policy(bed_of, trainer_of, tmp_path):
    bed = bed_of()
    trainer = trainer_of(
        bed, tmp_path, rounds=25, repeats=32, labels="drawn", eta=1.0, learning_rate=1e-3, num_train_epochs=2
    )
    trainer.train()
    assert bed.measure(trainer.model).kl_to_nash < 0.04


# Gradients.


def _fitted(bed, trainer):
    trainer.train()
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def _patchy(bed):
    """The game's judge with every fifth question unanswered."""

    class Patchy:
        name = "patchy"

        def compare(self, comparisons, on_verdict=None):
            found = bed.judge.compare(comparisons)
            return [
                Verdict(None, failure="no")
                if (len(c.first) + ord(c.first[0]) + ord(c.second[-1])) % 5 == 0
                else v
                for c, v in zip(comparisons, found, strict=True)
            ]

    return Patchy()


@pytest.mark.parametrize("loss", ["squared", "sigmoid", "pointwise"])
def test_cutting_a_step_into_micro_batches_changes_nothing(loss, bed_of, trainer_of, tmp_path):
    """1 x 8 = 2 x 4 = 8 x 1 groups, with failed verdicts and a short last step."""
    weights = []
    for batch, pieces in ((8, 1), (4, 2), (1, 8)):
        bed = bed_of(1)
        before = torch.cat([p.detach().double().flatten() for p in bed.model.parameters()])
        trainer = trainer_of(
            bed,
            tmp_path / str(batch),
            model=bed.model.double(),
            repeats=5,
            **{**TINY, "rounds": 1},
            eta=0.5,
            loss=loss,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=pieces,
            optim="sgd",
            learning_rate=0.5,
            max_grad_norm=0.0,
            arguments={"judge": _patchy(bed)},
        )
        weights.append(_fitted(bed, trainer) - before)
        assert trainer.rounds[0].passes[0].failed > 0
    assert weights[0].norm() > 0.01
    # Llama normalises in single precision, whose rounding depends on the shape of the batch.
    for other in weights[1:]:
        assert (other - weights[0]).norm() < 1e-4 * weights[0].norm()


def test_an_optimiser_of_the_users_begins_every_fit_anew(bed_of, trainer_of, tmp_path):
    weights = []
    for given in (False, True):
        bed = bed_of(1)
        optimiser = torch.optim.AdamW(bed.model.parameters(), lr=2e-3, weight_decay=0.0)
        trainer = trainer_of(
            bed,
            tmp_path / str(given),
            repeats=4,
            eta=0.5,
            **TINY,
            optim="adamw_torch",
            lr_scheduler_type="constant",
            arguments={"optimizers": (optimiser, None)} if given else {},
        )
        weights.append(_fitted(bed, trainer))
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-7)


def test_dropout_is_off_in_fits(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    bed.model.model.layers[0].self_attn.attention_dropout = 0.5
    bed.model.model.layers[0].extra = torch.nn.Dropout(0.5)
    trainer_of(bed, tmp_path, **TINY)
    assert bed.model.model.layers[0].self_attn.attention_dropout == 0.0
    assert bed.model.model.layers[0].extra.p == 0.0


def test_mixed_precision_does_not_pile_up(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    forward = bed.model.forward
    trainer = trainer_of(bed, tmp_path, repeats=4, eta=0.5, bf16=True, **TINY)
    trainer.train()
    assert trainer.model.forward.__func__ is forward.__func__
    assert math.isfinite(trainer.rounds[-1].passes[0].loss)


# Methods and settings.


@pytest.mark.parametrize("name", METHODS)
def test_every_preset_runs_and_keeps_only_what_it_needs(name, bed_of, trainer_of, tmp_path):
    bed = bed_of(1, letters=2, hidden=8, layers=1)
    trainer = trainer_of(
        bed,
        tmp_path,
        repeats=2,
        method=name,
        eta=None if name in ("inpo", "online_ipo") else 0.5,
        reference_every=1 if name in ("mpo", "comal") else None,
        **{**TINY, "rounds": 3},
    )
    trainer.train()
    assert [len(report.passes) for report in trainer.rounds] == [len(trainer.method.passes)] * 3
    kept = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("weights.safetensors")}
    last = f"rounds/0002/pass{len(trainer.method.passes) - 1}/weights.safetensors"
    extra = {
        "onpo": {"rounds/0002/pass0/weights.safetensors"},
        "mnpo": {f"rounds/000{k}/pass0/weights.safetensors" for k in (0, 1)},
    }
    assert kept == {last, *extra.get(name, set())}
    manifest = json.loads((tmp_path / "rounds/0000/pass0/manifest.json").read_text())
    assert set(manifest["stages"]) >= {"generate", "judge", "log_probabilities", "fit"}
    if name == "online_ipo":
        assert trainer.rounds[0].passes[0].eta == bed.game.tau


def test_the_automatic_step_is_twice_the_stable_one(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    trainer = trainer_of(bed, tmp_path, repeats=4, **TINY)
    trainer.train()
    for report in trainer.rounds:
        one = report.passes[0]
        assert one.eta == pytest.approx((one.radius**2 + 0.01) / 0.1)
        assert one.share == pytest.approx(0.1 / one.eta)


def test_steps_that_are_too_long_are_told(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    trainer = trainer_of(bed, tmp_path, repeats=2, eta=0.1, **{**TINY, "rounds": 1})
    with pytest.warns(UnstableStepWarning, match=r"eta 0\.1 is below 0\.\d+, the bound on stable steps"):
        trainer.train()


def test_prompts_are_used_in_turn(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    trainer = trainer_of(bed, tmp_path, repeats=2, prompts_per_round=3, **TINY)
    rows = np.concatenate([trainer._rows(number) for number in range(8)])
    assert [sorted(rows[k : k + 8]) for k in (0, 8, 16)] == [list(range(8))] * 3
    assert not np.array_equal(rows[:8], rows[8:16])


def test_a_reference_of_the_users_is_the_anchor(bed_of, trainer_of, tmp_path):
    bed, other = bed_of(1), bed_of(2)
    start, reference = np.log(bed.policy(bed.model)), np.log(bed.policy(other.model))
    trainer = trainer_of(
        bed, tmp_path, repeats=2, eta=0.4, arguments={"ref_model": other.model}, **{**TINY, "rounds": 1}
    )
    trainer.train()
    assert not any(p.requires_grad for p in other.model.parameters())
    folder = tmp_path / "rounds/0000/pass0"
    sample, anchors = Sample.load(folder / "responses.json"), np.load(folder / "anchors.npy")
    places = [
        (bed.prompts.index(trainer._prompts[row].prompt), bed.response_ids.index(response.ids))
        for row, group in zip(sample.rows, sample.responses, strict=True)
        for response in group
    ]
    wanted = [0.75 * start[place] + 0.25 * reference[place] for place in places]
    np.testing.assert_allclose(anchors, wanted, atol=1e-5)
    kl = np.mean([start[place] - reference[place] for place in places])
    assert trainer.rounds[0].passes[0].kl_to_reference == pytest.approx(kl, abs=1e-5)


def test_a_tournament_and_pairings_of_the_users(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    settings = {**TINY, "rounds": 1, "num_responses": 8, "pairing": "tournament"}
    trainer = trainer_of(bed, tmp_path / "a", repeats=4, eta=0.5, **settings)
    trainer.train()
    assert trainer.rounds[0].passes[0].pairs <= 16
    trainer = trainer_of(
        bed, tmp_path / "b", repeats=4, eta=0.5, arguments={"pairing": Independent()}, **settings
    )
    trainer.train()
    assert trainer.rounds[0].passes[0].pairs == 16 * 4
    assert math.isnan(trainer.rounds[0].passes[0].fidelity)


# Data, logs, evaluation, saving.


def test_chat_messages_and_datasets(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    bed.tokenizer.chat_template = (
        "{% for m in messages %}{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}d{% endif %}"
    )
    rows = Dataset.from_list(
        [{"prompt": [{"role": "user", "content": text}], "other": 1} for text in bed.prompts]
    )
    from marl.language import Message, Role

    asked = [(Message(Role.USER, text),) for text in bed.prompts]
    judge = MatrixJudge(bed.game, asked, [bed.responses] * 4)
    trainer = trainer_of(
        bed, tmp_path, eta=0.5, arguments={"train_dataset": rows, "judge": judge}, **{**TINY, "rounds": 1}
    )
    trainer.train()
    first = trainer._prompts[0]
    assert first.prompt == asked[0]
    assert bed.tokenizer.decode(first.ids) == bed.prompts[0] + "d"
    assert trainer.rounds[0].passes[0].failed == 0


def test_long_prompts_are_left_out(bed_of, trainer_of, tmp_path, caplog):
    bed = bed_of(1)
    trainer = trainer_of(bed, tmp_path, repeats=2, max_prompt_length=4, **TINY)
    assert len(trainer._prompts) == 6
    assert "train_dataset: 2 prompts of more than 4 tokens are left out" in caplog.text


def test_logs_carry_the_round_and_the_share_of_the_step(bed_of, trainer_of, tmp_path):
    bed, recorder = bed_of(1), Recorder()
    trainer = trainer_of(
        bed,
        tmp_path,
        repeats=4,
        eta=0.5,
        **{**TINY, "logging_strategy": "steps", "logging_steps": 1},
        arguments={"callbacks": [recorder]},
    )
    trainer.train()
    steps = [log for log in recorder.logs if "loss" in log]
    assert {(log["round"], log["pass"]) for log in steps} == {(0, 0), (1, 0)}
    assert sum("fidelity" in log for log in steps) > len(steps) / 2
    rounds = [log for log in recorder.logs if "radius" in log]
    assert [log["eta"] for log in rounds] == [0.5, 0.5]
    assert all("fidelity" in log for log in rounds)


def test_evaluation_agrees_with_exact_measures(bed_of, trainer_of, tmp_path):
    bed, recorder = bed_of(1), Recorder()
    with torch.no_grad():
        bed.model.lm_head.weight *= 10
    reference = bed.policy(bed.model)
    trainer = trainer_of(
        bed,
        tmp_path,
        rounds=3,
        eta=0.3,
        learning_rate=1e-2,
        eval_opponents=2,
        arguments={"eval_dataset": bed.dataset(300), "callbacks": [recorder]},
    )
    trainer.train()
    found = trainer.rounds[-1].metrics
    policy = bed.policy(trainer.model)
    exact = float((policy * np.log(policy / reference)).sum(-1).mean())
    assert exact > 0.01
    assert found["eval_kl_to_reference"] == pytest.approx(exact, abs=4 * found["eval_kl_standard_error"])
    rate = float((policy * win_rates(bed.game.with_reference(reference), reference)).sum(-1).mean())
    assert found["eval_win_rate_reference"] == pytest.approx(rate, abs=4 * 0.29 / math.sqrt(1200))
    assert found["eval_length"] == 2.0
    assert found["eval_failed"] == 0.0
    assert {"eval_win_rate_round_0", "eval_win_rate_round_1"} <= set(found)
    assert len(recorder.evaluations) == 3
    matrix = win_matrix(trainer.rounds)
    assert not np.isnan(matrix).any()
    assert matrix[3, 2] == found["eval_win_rate_round_1"]
    # The model as it is now, by the responses it gave before.
    again = trainer.evaluate()
    assert again == {k: v for k, v in found.items() if "round" not in k}
    np.testing.assert_array_equal(bed.policy(trainer.model), policy)


def test_evaluation_before_training(bed_of, trainer_of, tmp_path):
    bed = bed_of(1)
    trainer = trainer_of(bed, tmp_path, arguments={"eval_dataset": bed.dataset(4)}, **TINY)
    assert trainer.evaluate(metric_key_prefix="test")["test_kl_to_reference"] == pytest.approx(0.0)
    trainer = trainer_of(bed, tmp_path / "other", **TINY)
    with pytest.raises(ValueError, match="eval_dataset must be given here or to the trainer, got None"):
        trainer.evaluate()


def test_the_model_is_saved_with_its_card(full_run, tmp_path):
    bed, trainer, _, _ = full_run
    trainer.save_model(str(tmp_path))
    np.testing.assert_array_equal(
        bed.policy(AutoModelForCausalLM.from_pretrained(tmp_path)), bed.policy(trainer.model)
    )
    trainer.create_model_card(model_name="toy", tags="mine")
    card = (trainer._folder / "README.md").read_text()
    assert all(f"- {tag}\n" in card for tag in ("mine", "counterplay", "inpo"))


def test_policies_are_served_by_name(bed_of, trainer_of, tmp_path):
    bed, seen = bed_of(1), []

    class Watching:
        name = "watching"

        def generate(self, policy, prompts, count, *, seed):
            from solvers.inpo.training import TransformersGenerator

            seen.append((policy.label.split()[0], policy.base))
            assert isinstance(policy, ServedPolicy)
            return TransformersGenerator(2).generate(policy, prompts, count, seed=seed)

    trainer = trainer_of(
        bed,
        tmp_path,
        repeats=2,
        eta=0.5,
        **TINY,
        arguments={
            "generator": Watching(),
            "eval_dataset": bed.dataset(2),
            "peft_config": LoraConfig(r=2, target_modules="all-linear"),
        },
    )
    trainer.train()
    assert seen == [
        ("round", False),
        ("evaluation", False),
        ("evaluation", True),
        ("round", False),
        ("evaluation", False),
    ]
