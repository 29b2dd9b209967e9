"""Models behind litellm, for providers without an interface like that of OpenAI.

litellm asks for an older openai package than its current major version, so both do not fit into one
environment. It reads keys from the environment, each provider's own.
"""

import importlib
import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from games.errors import MissingDependencyError
from marl.language.keys import replicate_seed
from marl.language.model import Cause, Choice, Failure, Reply, Request, check_options
from marl.language.scoring import FirstToken, Scoring
from marl.language.sdk_errors import sdk_failure
from marl.language.wire import Json, MalformedError, messages, reply


class LiteLLMModel:
    """Asks once per question, and leaves retries, limits and budgets to the wrappers here.

    Args:
        model: as litellm names it, such as ``provider/model``.
        timeout: seconds for one answer.
        scoring: how log-probabilities are got; those that need plain completions fail.

    Raises:
        MissingDependencyError: litellm is not installed.
        ValueError: ``model`` is empty.
    """

    def __init__(self, model: str, *, timeout: float = 600.0, scoring: Scoring | None = None) -> None:
        if not model:
            raise ValueError("model must be a name, got an empty string")
        self._litellm = _load()
        self._model = model
        self._timeout = timeout
        self._scoring: Scoring = FirstToken() if scoring is None else scoring

    def __repr__(self) -> str:
        return f"LiteLLMModel({self.name!r})"

    @property
    def name(self) -> str:
        """The model, and the way of scoring."""
        return f"litellm {self._model} {self._scoring.name}"

    async def generate(self, request: Request) -> Reply:
        """Write the next message of the conversation."""
        sampling = request.sampling
        body: dict[str, Any] = {
            "messages": messages(request),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.seed is not None:
            body["seed"] = replicate_seed(sampling.seed, request.replicate)
        data = await self._post("/chat/completions", body)
        if isinstance(data, Failure):
            return Reply.failed(data)
        try:
            return reply(data)
        except MalformedError as error:
            return Reply.failed(Failure(Cause.MALFORMED, str(error)))

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """Log-probabilities that the next message begins with each option, as `Scoring` gets them."""
        checked = check_options(options)
        try:
            return await self._scoring.choose(self._post, request, checked)
        except MalformedError as error:
            return Choice.failed(Failure(Cause.MALFORMED, str(error)))

    async def _post(self, path: str, body: dict[str, Any]) -> Json | Failure:
        if path != "/chat/completions":
            return Failure(Cause.NO_LOG_PROBABILITIES, "litellm is asked for chat completions only")
        try:
            answer = await self._litellm.acompletion(
                model=self._model,
                timeout=self._timeout,
                num_retries=0,
                max_retries=0,
                drop_params=True,
                **body,
            )
        except Exception as error:  # litellm raises classes of every provider
            return sdk_failure(error)
        data: Json = answer.model_dump()
        return data


def _load() -> ModuleType:
    # Without it, litellm fetches a table of prices over the network when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        litellm = importlib.import_module("litellm")
    except ImportError as error:
        raise MissingDependencyError(
            "litellm is needed, in an environment without openai >= 3: pip install 'counterplay[litellm]'"
        ) from error
    litellm.suppress_debug_info = True  # type: ignore[attr-defined]  # it prints on errors
    litellm.telemetry = False  # type: ignore[attr-defined]
    return litellm
