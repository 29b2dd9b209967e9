"""The JSON of servers with the interface of OpenAI, read as text that nobody vouches for."""

import json
import math
import re
import time
from collections.abc import Mapping
from typing import Any

from marl.language.model import Cause, Failure, Finish, Reply, Request, is_unicode
from marl.language.transport import Response, retry_after

Json = Mapping[str, Any]


class MalformedError(ValueError):
    """The JSON is none, or is not what the interface says."""


def load(body: bytes) -> Json:
    """The object in a body.

    Raises:
        MalformedError: It holds something else.
    """
    try:
        data = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # spoilt UTF-8 and huge integers are ValueErrors as well
        raise MalformedError(f"no JSON: {error}") from None
    if not isinstance(data, dict):
        raise MalformedError("no JSON object")
    return data


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def messages(request: Request) -> list[dict[str, str]]:
    """The conversation as servers take it."""
    return [{"role": message.role.value, "content": message.content} for message in request.messages]


def status_failure(response: Response) -> Failure:
    """What an answer with a status other than 200 says."""
    message, code = _error(response.body)
    if 300 <= response.status < 400:
        message = "redirects are not followed"
    wait = retry_after(response.headers, time.time())
    return Failure(_cause(response.status, code), f"HTTP {response.status}: {message}", wait)


def error_failure(data: Json) -> Failure | None:
    """What an error says that came with status 200, as some gateways pass on those of others."""
    error = data.get("error")
    if not error or data.get("choices"):
        return None
    message, code = _told(data)
    status = int(code) if re.fullmatch(r"[45]\d\d", code) else 500
    return Failure(_cause(status, code), f"error {code}: {message}")


def _cause(status: int, code: str) -> Cause:
    if status in (401, 402, 403) or code == "insufficient_quota":
        return Cause.UNAUTHORISED
    if status == 429:
        return Cause.RATE_LIMITED
    if status == 408:
        return Cause.TIMEOUT
    return Cause.SERVER if status >= 500 else Cause.BAD_REQUEST


def _error(body: bytes) -> tuple[str, str]:
    """Message and code of an error, or else all of it."""
    try:
        message, code = _told(load(body))
    except MalformedError:
        message, code = "", ""
    return message or body.decode("utf-8", "replace"), code


def _told(data: Json) -> tuple[str, str]:
    """Message and code of an error; servers differ in where they put them."""
    error = data.get("error", data)
    if isinstance(error, str):
        return error, ""
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("message") or ""), str(error.get("code") or "")


def model_failure(data: Json, model: str, aliases: tuple[str, ...]) -> Failure | None:
    """A failure when the answer names another model than was asked for, and not a dated version of it."""
    answered = data.get("model", model)
    accepted = (model, *aliases)
    if not isinstance(answered, str):
        raise MalformedError("model is no string")
    if answered in accepted or re.sub(r"-\d{4}(-?\d{2}-?\d{2})?$", "", answered) in accepted:
        return None
    return Failure(
        Cause.WRONG_MODEL, f"asked {model!r}, answered {answered!r}; if it is right, add it to aliases"
    )


def usage(data: Json) -> tuple[int | None, int | None]:
    """Tokens read and written, None where the answer does not say."""
    found = data.get("usage")
    if not isinstance(found, dict):
        return None, None
    prompt, completion = (found.get(f"{kind}_tokens") for kind in ("prompt", "completion"))
    return _count(prompt), _count(completion)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None


def first_choice(data: Json) -> Json:
    """The first of the choices.

    Raises:
        MalformedError: There is none.
    """
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise MalformedError("no choices")
    return choices[0]


def reply(data: Json) -> Reply:
    """The text of a chat completion.

    Raises:
        MalformedError: It is not one.
    """
    tokens = usage(data)
    choice = first_choice(data)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise MalformedError("the choice has no message")
    text, refusal, reason = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    if refusal or reason == "content_filter":
        return Reply.failed(Failure(Cause.REFUSAL, str(refusal or "")), *tokens)
    if reason not in ("stop", "length"):
        raise MalformedError(f"finish_reason must be stop or length, got {reason!r}")
    if text is not None and not isinstance(text, str):
        raise MalformedError("the content is no string")
    if not text:
        # Models that think in private may use up all tokens before they speak.
        return Reply.failed(Failure(Cause.EMPTY if reason == "stop" else Cause.CUT), *tokens)
    if not is_unicode(text):
        raise MalformedError("the content has surrogates without a partner")
    return Reply(text, Finish.STOP if reason == "stop" else Finish.LENGTH, *tokens)


def log_probability(value: object) -> float:
    """A log-probability, at most 0 but for rounding.

    Raises:
        MalformedError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedError("a log-probability is no number")
    if not -math.inf < value <= 1e-4:
        raise MalformedError(f"a log-probability is {value}")
    return min(float(value), 0.0)
