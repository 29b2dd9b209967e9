"""INPO for a chat model with a LoRA adapter: vLLM draws the responses, a model behind a server judges.

    python examples/recipes/inpo_8b/train.py examples/recipes/inpo_8b/inpo.yaml

README.md beside this file has the whole sequence of commands.
"""

import argparse
import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, HfArgumentParser

from marl.language import FirstToken, Limited, OpenAIEndpoint, Retrying, Sampling
from solvers.inpo.judges import ChoiceJudge
from solvers.inpo.training import EndpointGenerator, INPOConfig, INPOTrainer, ServedPolicy


@dataclass
class RunArguments:
    """What is not a setting of the trainer."""

    model: str = field(metadata={"help": "Folder or hub name of the chat model that is trained."})
    prompts: str = field(metadata={"help": "JSON lines with a field prompt: a text, or messages."})
    generator_url: str = field(metadata={"help": "The vLLM server that serves the same model, up to /v1."})
    adapters: str = field(metadata={"help": "Folder for adapters; that server sees it under the same path."})
    judge_url: str = field(metadata={"help": "The server that judges, up to /v1."})
    judge_model: str = field(metadata={"help": "Name of the judge there."})
    judge_key_variable: str | None = field(
        default=None, metadata={"help": "Environment variable with the key for the judge, if it wants one."}
    )
    judge_concurrency: int = field(default=64, metadata={"help": "Questions to the judge at once."})
    eval_prompts: str | None = field(default=None, metadata={"help": "Prompts held out, in the same form."})
    lora_rank: int = field(default=64, metadata={"help": "Rank of the adapter."})
    resume: bool = field(default=False, metadata={"help": "Go on with the run in output_dir."})


@dataclass(frozen=True)
class VllmAdapters:
    """Has a vLLM server load the adapter of a policy, and returns the model to ask.

    The server must run with ``--enable-lora`` and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True in its environment.
    """

    url: str
    folder: Path
    base_model: str

    def __call__(self, policy: ServedPolicy) -> Retrying:
        """Save, load under a name made of the policy's label, and wrap; the reference is the model itself."""
        name = self.base_model if policy.base else self._load(policy)
        return Retrying(Limited(OpenAIEndpoint(self.url, name, aliases=(self.base_model,)), concurrency=256))

    def _load(self, policy: ServedPolicy) -> str:
        name = re.sub(r"[^a-z0-9]+", "-", policy.label.lower()).strip("-")
        path = self.folder.resolve() / name
        policy.save(path)
        self._post("unload_lora_adapter", {"lora_name": name}, missing_ok=True)
        self._post("load_lora_adapter", {"lora_name": name, "lora_path": str(path)}, missing_ok=False)
        return name

    def _post(self, verb: str, body: dict[str, str], *, missing_ok: bool) -> None:
        request = urllib.request.Request(
            f"{self.url}/{verb}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=600):
                pass
        except urllib.error.HTTPError as error:
            error.close()
            if not (missing_ok and error.code in (400, 404)):
                raise


def parse(path: Path) -> tuple[RunArguments, INPOConfig]:
    """Both sets of settings from one file."""
    run, config = HfArgumentParser((RunArguments, INPOConfig)).parse_yaml_file(path)
    return run, config


def make_generator(run: RunArguments, config: INPOConfig) -> EndpointGenerator:
    """The server that draws responses."""
    serve = VllmAdapters(run.generator_url, Path(run.adapters), run.model)
    return EndpointGenerator(serve, Sampling(config.temperature, config.top_p, config.max_new_tokens))


def make_judge(run: RunArguments) -> ChoiceJudge:
    """The probabilities of the letters A and B, in both orders."""
    endpoint = OpenAIEndpoint(
        run.judge_url, run.judge_model, key_variable=run.judge_key_variable, scoring=FirstToken()
    )
    return ChoiceJudge(Retrying(Limited(endpoint, concurrency=run.judge_concurrency)))


def make_trainer(run: RunArguments, config: INPOConfig) -> INPOTrainer:
    """Everything together."""
    files = {"train": run.prompts} | ({} if run.eval_prompts is None else {"eval": run.eval_prompts})
    data = load_dataset("json", data_files=files)
    return INPOTrainer(
        AutoModelForCausalLM.from_pretrained(run.model, dtype="bfloat16" if config.bf16 else "float32"),
        judge=make_judge(run),
        args=config,
        train_dataset=data["train"],
        eval_dataset=data.get("eval"),
        processing_class=AutoTokenizer.from_pretrained(run.model),
        peft_config=LoraConfig(r=run.lora_rank, lora_alpha=2 * run.lora_rank, target_modules="all-linear"),
        generator=make_generator(run, config),
    )


def main() -> None:
    """Train, and save the adapter."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("settings", type=Path, help="YAML with the settings of the run and of the trainer")
    run, config = parse(parser.parse_args().settings)
    trainer = make_trainer(run, config)
    trainer.train(resume_from_checkpoint=run.resume)
    trainer.save_model()


if __name__ == "__main__":
    main()
