"""The recipe for a large model, without one: its files are read, and a tiny model stands in for all parts."""

import importlib.util
import json
import math
import subprocess
import sys
import threading
import urllib.error
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from marl.language import Request, Sampling, conversation, generate_all
from solvers.inpo.judges import Comparison

RECIPE = Path(__file__).parent.parent / "examples" / "recipes" / "inpo_8b"


@pytest.fixture(scope="module")
def train():
    spec = importlib.util.spec_from_file_location("inpo_recipe", RECIPE / "train.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


class Servers(ThreadingHTTPServer):
    """Stands in for vLLM: loads adapters by name, writes letters, and weighs the letters A and B."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.calls = Counter()
        self.loaded = {}
        self.refuses = False
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        verb = self.path.removeprefix("/v1/")
        self.server.calls[verb] += 1
        if verb == "unload_lora_adapter":
            found = self.server.loaded.pop(body["lora_name"], None)
            return self._send({}, 200 if found else 404)
        if verb == "load_lora_adapter" and self.server.refuses:
            return self._send({}, 400)
        if verb == "load_lora_adapter":
            self.server.loaded[body["lora_name"]] = body["lora_path"]
            return self._send({})
        self.server.calls[body["model"]] += 1
        if body.get("logprobs"):
            options = [{"token": "A", "logprob": math.log(0.7)}, {"token": "B", "logprob": math.log(0.2)}]
            choice = {"message": {"content": "A"}, "logprobs": {"content": [dict(options[0])]}}
            choice["logprobs"]["content"][0]["top_logprobs"] = options
        else:
            text = "ab" if body["seed"] % 2 else "b"
            choice = {"message": {"content": text}}
        return self._send({"model": body["model"], "choices": [choice | {"finish_reason": "stop"}]})

    def _send(self, data, status=200):
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def _servers():
    with Servers() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_settings_are_read(train, tmp_path):
    settings = yaml.safe_load((RECIPE / "inpo.yaml").read_text(encoding="utf-8"))
    # A machine without a GPU refuses its precision; all else is read as it stands.
    path = tmp_path / "inpo.yaml"
    path.write_text(yaml.safe_dump(settings | {"bf16": False, "use_cpu": True}))
    run, config = train.parse(path)
    for name in settings.keys() - {"bf16", "report_to"}:
        assert getattr(run if hasattr(run, name) else config, name) == settings[name]
    assert config.eta is None
    assert config.build_method().name == "inpo"
    path.write_text(yaml.safe_dump(settings | {"bf16": False, "rouns": 3}))
    with pytest.raises(ValueError, match="rouns"):
        train.parse(path)


def test_launch_settings_are_those_of_accelerate():
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(RECIPE / "accelerate.yaml"))
    assert config.num_processes == len(config.gpu_ids.split(","))
    assert config.mixed_precision == "bf16"


def test_commands_name_what_is_there():
    text = (RECIPE / "README.md").read_text(encoding="utf-8")
    for name in ("accelerate.yaml", "train.py", "inpo.yaml"):
        assert f"examples/recipes/inpo_8b/{name}" in text
        assert (RECIPE / name).exists()


def test_nothing_is_asked_before_training(train, tmp_path):
    settings = yaml.safe_load((RECIPE / "inpo.yaml").read_text(encoding="utf-8"))
    with _servers() as server:
        urls = {"generator_url": server.url, "judge_url": server.url}
        path = tmp_path / "inpo.yaml"
        path.write_text(yaml.safe_dump(settings | urls | {"bf16": False, "use_cpu": True}))
        run, config = train.parse(path)
        generator, judge = train.make_generator(run, config), train.make_judge(run)
        assert server.calls.total() == 0
        assert generator.sampling.max_tokens == settings["max_new_tokens"]
        (verdict,) = judge.compare([Comparison("Why?", "So.", "Thus.")])
        # The first shown is preferred 7 : 2 in either order, so nothing is left of it.
        assert verdict.probability == pytest.approx(0.5)
        assert verdict.orders == pytest.approx((7 / 9, 2 / 9))
        assert server.calls["judge"] == 2


def _tiny_settings(folder, url):
    """The recipe's settings with a tiny model, saved in the folder, and a server in place of its own."""
    from solvers.inpo.training import make_testbed

    bed = make_testbed(rng=np.random.default_rng(0), tau=0.1, ends=True, hidden=16, layers=1)
    bed.model.save_pretrained(folder / "model")
    bed.tokenizer.save_pretrained(folder / "model")
    prompts = folder / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in bed.prompts))
    settings = yaml.safe_load((RECIPE / "inpo.yaml").read_text(encoding="utf-8"))
    settings |= {
        "model": str(folder / "model"),
        "prompts": str(prompts),
        "eval_prompts": str(prompts),
        "adapters": str(folder / "adapters"),
        "output_dir": str(folder / "run"),
        "generator_url": url,
        "judge_url": url,
        "rounds": 1,
        "prompts_per_round": 4,
        "lora_rank": 2,
        "bf16": False,
        "use_cpu": True,
        "max_new_tokens": 2,
        "disable_tqdm": True,
    }
    path = folder / "inpo.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _check_run(folder, server):
    assert any("policy" in name for name in server.loaded)
    assert server.calls["round-0-policy"] == 4 * 8
    assert server.calls[str(folder / "model")] == 4  # the reference is served without an adapter
    for adapter in server.loaded.values():
        assert (Path(adapter) / "adapter_config.json").exists()
    assert (folder / "run" / "adapter_model.safetensors").exists()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_tiny_model_trains_by_the_recipe(train, tmp_path):
    with _servers() as server:
        run, config = train.parse(_tiny_settings(tmp_path, server.url))
        trainer = train.make_trainer(run, config)
        trainer.train(resume_from_checkpoint=run.resume)
        trainer.save_model()
        (report,) = trainer.rounds
        assert (report.passes[0].failed, report.metrics["eval_failed"]) == (0, 0.0)
        assert report.metrics["eval_win_rate_reference"] == pytest.approx(0.5)
        _check_run(tmp_path, server)


@pytest.mark.slow
def test_two_processes_train_by_the_recipe(tmp_path):
    with _servers() as server:
        settings = _tiny_settings(tmp_path, server.url)
        launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
        launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
        command = [*launch, str(RECIPE / "train.py"), str(settings)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        _check_run(tmp_path, server)


def test_a_server_that_refuses_an_adapter_stops_the_run(train, tmp_path):
    policy = SimpleNamespace(base=False, label="round 0 policy", save=lambda folder: None)
    with _servers() as server:
        server.refuses = True
        with pytest.raises(urllib.error.HTTPError, match="400"):
            train.VllmAdapters(server.url, tmp_path, "base")(policy)


def test_the_reference_is_served_as_it_is(train, tmp_path):
    policy = SimpleNamespace(base=True, label="evaluation base")
    with _servers() as server:
        model = train.VllmAdapters(server.url, tmp_path, "base")(policy)
        (reply,) = generate_all(model, [Request(conversation("a"), Sampling(seed=1))])
        assert reply.text == "ab"
        assert server.calls == {"chat/completions": 1, "base": 1}
