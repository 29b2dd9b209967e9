"""A transformer with random weights knows nothing: what it scores away from chance is the harness's doing."""

import math

import pytest
import torch
from transformers import ByT5Tokenizer, GPT2Config, GPT2LMHeadModel

from marl.language import Sampling, TransformersModel
from marl.language.folders import PLAIN_TEMPLATE
from marl.players import LanguagePlayer, WeighedPlayer
from solvers.rationality import Handling, run_suite, score_plays
from solvers.rationality.suites.fan2024 import Fan2024, fan2024

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model():
    """Two layers of 64 dimensions that read bytes."""
    torch.manual_seed(0)
    tokenizer = ByT5Tokenizer()
    tokenizer.chat_template = PLAIN_TEMPLATE
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=4096,
        n_embd=64,
        n_layer=2,
        n_head=2,
        eos_token_id=1,
        bos_token_id=1,
        pad_token_id=0,
    )
    return TransformersModel(GPT2LMHeadModel(config).eval(), tokenizer, name="random weights")


WHOLE = fan2024(menus=5, sizes=(2,), rounds=3, rings=10, ring_pairs=1)


class OneShot(Fan2024):
    """Without the repeated games, which ask most of the questions."""

    @property
    def scenarios(self):
        return *self.desire.scenarios, *self.action.scenarios


FEW = fan2024(menus=3, sizes=(2,), rounds=3, rings=6, ring_pairs=1)
SUITE = OneShot(FEW.desire, FEW.belief, FEW.action, "one-shot", ())
COMPARED = ("follows the stated desire", "best response, implicit belief", "best response, given belief")


def check_chance(card):
    for name in COMPARED:
        measure = card.measure(name)
        assert measure.chance is not None
        spread = math.sqrt(measure.chance * (1 - measure.chance) / measure.count)
        assert abs(measure.value - measure.chance) < 3.5 * spread, measure


@pytest.mark.parametrize(
    "suite", [SUITE, pytest.param(WHOLE, marks=pytest.mark.slow)], ids=["one shot", "whole"]
)
def test_what_it_holds_likely_is_at_chance(model, suite):
    plays = run_suite(suite, [WeighedPlayer(LanguagePlayer(model))], seed=1)
    own = [row for play in plays for row in play.rows if row.aspect == "action"]
    assert not any(row.substituted for row in own)
    check_chance(score_plays(suite, plays))


def test_what_it_writes_is_never_taken_for_an_answer(model):
    player = LanguagePlayer(model, sampling=Sampling(max_tokens=8), reasks=0)
    plays = run_suite(SUITE, [player], seed=2)
    card = score_plays(SUITE, plays)
    assert card.measure("legal in the end").value == 0.0
    assert set(*card.failures.values()) <= {"TRUNCATED", "UNREADABLE", "EMPTY"}
    check_chance(card)  # its moves are random legal ones, each marked
    excluded = score_plays(SUITE, plays, handling=Handling.EXCLUDED)
    assert all(math.isnan(excluded.measure(n).value) for n in COMPARED if n in str(excluded))
