"""Models behind Inspect, whose providers, limits and logs they bring along."""

import asyncio
import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from games.errors import MissingDependencyError
from marl.language.keys import replicate_seed
from marl.language.model import (
    Cause,
    Choice,
    Failure,
    Finish,
    Reply,
    Request,
    Role,
    check_options,
    is_unicode,
)
from marl.language.sdk_errors import sdk_failure


class InspectModel:
    """Asks Inspect once per question and tells it not to try again; a provider's own client still may.

    Args:
        model: a ``Model`` of inspect_ai, such as ``get_model(role="grader")`` gives inside a task.
        timeout: seconds for one answer.

    Raises:
        MissingDependencyError: inspect-ai is not installed.
    """

    def __init__(self, model: Any, *, timeout: float = 600.0) -> None:  # noqa: ANN401  (its types are not here)
        self._inspect = load_inspect("inspect_ai.model")
        self._model = model
        self._timeout = timeout

    @classmethod
    def named(cls, name: str, *, timeout: float = 600.0) -> "InspectModel":
        """The model that Inspect knows under a name, such as ``provider/model``."""
        return cls(load_inspect("inspect_ai.model").get_model(name), timeout=timeout)

    def __repr__(self) -> str:
        return f"InspectModel({self.name!r})"

    @property
    def name(self) -> str:
        """As Inspect calls it."""
        return f"inspect {self._model}"

    async def generate(self, request: Request) -> Reply:
        """Write the next message of the conversation."""
        sampling = request.sampling
        config = self._inspect.GenerateConfig(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            stop_seqs=list(sampling.stop) or None,
            seed=None if sampling.seed is None else replicate_seed(sampling.seed, request.replicate),
            max_retries=0,
        )
        kinds = {
            Role.SYSTEM: self._inspect.ChatMessageSystem,
            Role.USER: self._inspect.ChatMessageUser,
            Role.ASSISTANT: self._inspect.ChatMessageAssistant,
        }
        talk = [kinds[message.role](content=message.content) for message in request.messages]
        try:
            async with asyncio.timeout(self._timeout):
                output = await self._model.generate(talk, config=config)
        except Exception as error:  # providers raise classes of their own
            return Reply.failed(sdk_failure(error))
        return _reply(output)

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """A failure: what Inspect tells of log-probabilities differs between providers."""
        check_options(options)
        return Choice.failed(Failure(Cause.NO_LOG_PROBABILITIES, "they are not read through Inspect"))


def _reply(output: Any) -> Reply:  # noqa: ANN401
    """What a ``ModelOutput`` says."""
    used = getattr(output, "usage", None)
    tokens = (getattr(used, "input_tokens", None), getattr(used, "output_tokens", None))
    if output.error:
        return Reply.failed(Failure(Cause.SERVER, "the provider told an error"), *tokens)
    reason, text = output.stop_reason, output.completion
    cut = reason in ("max_tokens", "model_length")
    if reason == "content_filter":
        return Reply.failed(Failure(Cause.REFUSAL), *tokens)
    if not text:
        return Reply.failed(Failure(Cause.CUT if cut else Cause.EMPTY), *tokens)
    if not is_unicode(text):
        return Reply.failed(Failure(Cause.MALFORMED, "the text has surrogates without a partner"), *tokens)
    return Reply(text, Finish.LENGTH if cut else Finish.STOP, *tokens)


def load_inspect(module: str) -> ModuleType:
    """A module of Inspect by its name, such as ``inspect_ai.model``.

    Raises:
        MissingDependencyError: inspect-ai is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError("inspect-ai is needed: pip install 'counterplay[inspect]'") from error
