import gc

import numpy as np
import pytest
import torch

from solvers.inpo.training import INPOConfig, INPOTrainer, make_testbed

QUIET = {
    "use_cpu": True,
    "report_to": "none",
    "disable_tqdm": True,
    "logging_strategy": "no",
    "save_strategy": "no",
    "dataloader_pin_memory": False,
    "weight_decay": 0.0,
}
QUICK = {
    "num_responses": 16,
    "pairing": "all_pairs",
    "learning_rate": 2e-3,
    "lr_scheduler_type": "linear",
    "num_train_epochs": 4,
    "per_device_train_batch_size": 8,
    "generation_batch_size": 64,
    "log_probability_batch_size": 512,
}


@pytest.fixture(scope="session", autouse=True)
def _nothing_old_is_collected():
    # Every fit begins with a full collection, which would walk all loaded modules.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _one_thread():
    # Sums are cut into pieces by the number of threads, so the last bits depend on it.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def bed_of():
    """A testbed by seed and options."""

    def make(seed=0, *, tau=0.1, **options):
        return make_testbed(rng=np.random.default_rng(seed), tau=tau, **options)

    return make


@pytest.fixture(scope="session")
def trainer_of():
    """A trainer on a testbed; settings over quiet and quick ones."""

    def make(bed, folder, *, repeats=16, model=None, arguments=None, **settings):
        args = INPOConfig(
            output_dir=str(folder),
            tau=bed.game.tau,
            max_new_tokens=bed.max_new_tokens,
            **{**QUIET, **QUICK, **settings},
        )
        return INPOTrainer(
            bed.model if model is None else model,
            args=args,
            **{
                "judge": bed.judge,
                "train_dataset": bed.dataset(repeats),
                "processing_class": bed.tokenizer,
                **(arguments or {}),
            },
        )

    return make
