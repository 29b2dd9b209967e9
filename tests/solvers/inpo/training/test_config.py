"""Settings: from the command line, and refused where they contradict each other."""

import pytest
from transformers import HfArgumentParser

from solvers.inpo.pairing import AllPairs, Label, Ring
from solvers.inpo.training import INPOConfig, LossKind
from solvers.inpo.training.config import PairingName


def test_they_come_from_the_command_line():
    (config,) = HfArgumentParser(INPOConfig).parse_args_into_dataclasses(
        [
            "--output_dir",
            "o",
            "--method",
            "mpo",
            "--rounds",
            "7",
            "--tau",
            "0.2",
            "--eta",
            "0.5",
            "--pairing",
            "all_pairs",
            "--labels",
            "drawn",
            "--loss",
            "sigmoid",
            "--reference_every",
            "2",
            "--num_responses",
            "4",
            "--learning_rate",
            "1e-3",
            "--use_cpu",
        ]
    )
    assert config.build_pairing() == AllPairs()
    assert config.build_label() is Label.DRAWN
    method = config.build_method()
    assert (method.name, method.loss, method.reference_every) == ("mpo", LossKind.SIGMOID, 2)
    assert (config.rounds, config.tau, config.eta, config.learning_rate) == (7, 0.2, 0.5, 1e-3)


def test_defaults_are_a_soft_ring_with_an_automatic_step():
    config = INPOConfig("o", use_cpu=True)
    assert (config.eta, config.build_pairing(), config.build_label()) == (None, Ring(), Label.SOFT)
    assert config.pairing is PairingName.RING
    assert config.build_method().loss is LossKind.SQUARED


def test_every_field_of_its_own_has_help():
    from dataclasses import fields

    from transformers import TrainingArguments

    own = {f.name for f in fields(INPOConfig)} - {f.name for f in fields(TrainingArguments)}
    assert all(f.metadata["help"] for f in fields(INPOConfig) if f.name in own)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tau": 0.3, "eta": 0.2}, r"eta must be at least tau, 0\.3, got 0\.2"),
        ({"tau": -0.1}, r"tau must be finite and at least 0, got -0\.1"),
        ({"eta": 0.0}, r"eta must be positive and finite, got 0\.0"),
        ({"tau": 0.0}, "eta must be given for inpo with tau 0"),
        ({"method": "sppo"}, "eta must be given for sppo"),
        ({"method": "online_ipo", "eta": 0.5}, "eta must be None for online_ipo, whose inverse step is tau"),
        ({"method": "dpo"}, "method must be one of inpo, online_ipo"),
        ({"rounds": 0}, "rounds must be at least 1, got 0"),
        ({"num_responses": 1}, "num_responses must be at least 2, got 1"),
        ({"prompts_per_round": 0}, "prompts_per_round must be at least 1 or None, got 0"),
        ({"remove_unused_columns": True}, "remove_unused_columns, load_best_model_at_end"),
        ({"eval_strategy": "epoch"}, "eval_strategy must be 'no'"),
        ({"pairing": "star"}, "pairing must be one of ring, all_pairs, independent, tournament, got 'star'"),
        ({"loss": "l1"}, "loss must be one of squared, sigmoid, pointwise, got 'l1'"),
        ({"method": "egpo", "loss": "sigmoid"}, "loss must not be sigmoid for egpo"),
        ({"push_to_hub": True}, "push_to_hub must be false: output_dir holds prompts"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        INPOConfig("o", use_cpu=True, **settings)
