"""What a run writes: samples, edges, manifests and weights come back as they were, or are refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from games.errors import FileFormatError
from solvers.inpo.pairing import ComparisonCounts, GroupEdges
from solvers.inpo.training.groups import Ragged, Response, Sample, load_edges, save_edges
from solvers.inpo.training.rounds import (
    Manifest,
    Purpose,
    Stage,
    open_run,
    read_round,
    seed_number,
    write_round,
)
from solvers.inpo.training.snapshots import Snapshots

RESPONSES = st.builds(
    Response,
    st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=4).map(tuple),
    st.text(st.characters(codec=None), max_size=5),
    st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(RESPONSES, max_size=3).map(tuple), max_size=4).map(tuple))
def test_a_sample_comes_back(tmp_path_factory, groups):
    path = tmp_path_factory.mktemp("sample") / "s.json"
    sample = Sample(np.arange(len(groups))[::-1].astype(np.int64), groups)
    sample.save(path)
    again = Sample.load(path)
    assert again.responses == groups
    assert again.rows.tolist() == sample.rows.tolist()


def test_edges_come_back_and_counts_add(tmp_path):
    none = GroupEdges(
        *(np.empty(0, kind) for kind in (np.int64, np.int64, float, float)),
        np.array([np.nan, np.nan]),
        ComparisonCounts(asked=1, failed=1),
    )
    some = GroupEdges(
        np.array([0, 1]),
        np.array([1, 2]),
        np.array([0.1, -0.5]),
        np.array([0.5, 0.5]),
        np.array([0.6, 0.2, np.nan]),
        ComparisonCounts(asked=2, ties=1, identical=3),
    )
    save_edges(tmp_path / "e.json", [none, some, none])
    (first, second, third), counts = load_edges(tmp_path / "e.json")
    assert counts == ComparisonCounts(4, 2, 1, 3)
    for name in ("first", "second", "margin", "weight", "rates"):
        np.testing.assert_array_equal(getattr(second, name), getattr(some, name))
        np.testing.assert_array_equal(getattr(first, name), getattr(third, name))
    assert first.first.dtype == np.int64
    assert len(first.first) == 0


def test_ragged_rows():
    rows = Ragged.of([[1, 2], [], [3]], np.int32)
    assert [row.tolist() for row in rows] == [[1, 2], [], [3]]
    assert len(Ragged.of([], np.int32)) == 0


def test_a_stage_is_over_only_when_its_block_ends(tmp_path):
    manifest = Manifest(tmp_path / "pass", {"round": 0})

    def work():
        with manifest.stage(Stage.GENERATE, "file"):
            (tmp_path / "pass" / "file").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert not Manifest(tmp_path / "pass", {}).done(Stage.GENERATE)
    with manifest.stage(Stage.GENERATE, "file") as facts:
        (tmp_path / "pass" / "file").write_text("whole")
        facts["seed"] = 5
    again = Manifest(tmp_path / "pass", {})
    assert again.facts(Stage.GENERATE)["seed"] == 5
    assert again.seconds > 0.0
    (tmp_path / "pass" / "file").write_text("other")
    with pytest.raises(FileFormatError, match="content is not what the manifest was written with"):
        again.facts(Stage.GENERATE)


def test_a_run_is_resumed_only_when_asked_and_with_its_settings(tmp_path):
    open_run(tmp_path / "run", {"tau": 0.1, "seed": 1}, resume=False)
    open_run(tmp_path / "run", {"tau": 0.1, "seed": 1}, resume=True)
    with pytest.raises(ValueError, match=r"holds a run already: call train\(resume_from_checkpoint=True\)"):
        open_run(tmp_path / "run", {"tau": 0.1, "seed": 1}, resume=False)
    with pytest.raises(ValueError, match="tau differ"):
        open_run(tmp_path / "run", {"tau": 0.2, "seed": 1}, resume=True)
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(FileFormatError, match=r"wanted counterplay\.inpo\.run version 1"):
        open_run(tmp_path / "run", {}, resume=True)


def test_rounds_end_once_written(tmp_path):
    (tmp_path / "rounds" / "0003").mkdir(parents=True)
    assert read_round(tmp_path, 3) is None
    write_round(tmp_path, 3, {"eval_length": 2.0}, {"policy": "p"})
    assert read_round(tmp_path, 3) == {"eval_length": 2.0}


def test_seeds_differ_by_purpose_and_place():
    places = [(purpose, r, p) for purpose in (*Stage, *Purpose) for r in range(3) for p in range(2)]
    assert len({seed_number(0, *place) for place in places}) == len(places)
    assert seed_number(0, *places[0]) != seed_number(1, *places[0])


def test_weights_come_back_and_tied_ones_are_kept_once(tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=11,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    store = Snapshots(tmp_path, model, None)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    store.save("a")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    store.touched()
    store.save("rounds/0000/pass0/weights.safetensors")
    store.load("a")
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    with store.policy("rounds/0000/pass0/weights.safetensors") as inside:
        assert not inside.training
        assert (inside.lm_head.weight.detach() - before["lm_head.weight"]).mean() == pytest.approx(1.0)
    store.discard({"a"}, "rounds/0000/pass0/weights.safetensors")
    assert [p.name for p in tmp_path.rglob("*.safetensors")] == []
    assert (tmp_path / "a").exists()
    other = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=11, hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2
        )
    )
    with pytest.raises(ValueError, match="are not those of this model"):
        Snapshots(tmp_path, other, None).load("a")
