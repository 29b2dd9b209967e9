"""Language models as connections describe them: where they are, and what stands around them."""

from marl.language.budgeted import Budgeted
from marl.language.cached import Cached
from marl.language.endpoint import OpenAIEndpoint, TokenLimit
from marl.language.limited import Limited
from marl.language.model import LanguageModel
from marl.language.replayed import Replayed
from marl.language.retrying import Retrying
from marl.players.specs import Connection

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"


def wrapped(model: LanguageModel, connection: Connection) -> LanguageModel:
    """A model with limits, retries, a budget and kept answers, as far as the connection asks for them."""
    if connection.replay and connection.answers is not None:
        return Replayed(model.name, connection.answers)
    if connection.price is not None and connection.budget is not None:
        model = Budgeted(model, price=connection.price, budget=connection.budget)
    model = Limited(model, concurrency=connection.concurrency, per_minute=connection.per_minute)
    model = Retrying(model, attempts=connection.attempts)
    return model if connection.answers is None else Cached(model, connection.answers)


def model_at_plain(rest: str, connection: Connection) -> LanguageModel:
    """A model at ``//HOST:PORT/v1#MODEL``, without encryption."""
    return _model_at(f"http:{rest}", connection)


def model_at_encrypted(rest: str, connection: Connection) -> LanguageModel:
    """A model at ``//HOST/v1#MODEL``, with encryption."""
    return _model_at(f"https:{rest}", connection)


def _model_at(spec: str, connection: Connection) -> LanguageModel:
    """A model at any server with the interface of OpenAI; the key is that of the connection."""
    url, _, model = spec.partition("#")
    if not model:
        raise ValueError("the spec of a server must end in #MODEL, as in http://127.0.0.1:8000/v1#name")
    return OpenAIEndpoint(
        url,
        model,
        key_variable=None if connection.replay else connection.key_variable,
        timeout=connection.timeout,
        scoring=connection.scoring,
    )


def openai_model(model: str, connection: Connection) -> LanguageModel:
    """A model of OpenAI, at its own address only, whatever the environment says of another."""
    return OpenAIEndpoint(
        OPENAI_URL,
        model,
        key_variable=None if connection.replay else OPENAI_KEY,
        timeout=connection.timeout,
        scoring=connection.scoring,
        token_limit=TokenLimit.MAX_COMPLETION_TOKENS,
    )


def model_in_this_process(folder: str, connection: Connection) -> LanguageModel:
    """A transformers model on this disk."""
    from marl.language.folders import model_in_folder  # it loads torch

    return model_in_folder(folder)


def model_through_litellm(model: str, connection: Connection) -> LanguageModel:
    """A model as litellm names it."""
    from marl.language.through_litellm import LiteLLMModel

    return LiteLLMModel(model, timeout=connection.timeout, scoring=connection.scoring)


def model_through_inspect(model: str, connection: Connection) -> LanguageModel:
    """A model as Inspect names it."""
    from marl.language.through_inspect import InspectModel

    return InspectModel.named(model, timeout=connection.timeout)
