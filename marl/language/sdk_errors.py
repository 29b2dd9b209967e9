"""What went wrong, from exceptions of client libraries that have no class in common."""

from marl.language.model import Cause, Failure

_CAUSES = (
    ("ContentPolicyViolationError", Cause.REFUSAL),
    ("RateLimitError", Cause.RATE_LIMITED),
    ("AuthenticationError", Cause.UNAUTHORISED),
    ("PermissionDeniedError", Cause.UNAUTHORISED),
    ("Timeout", Cause.TIMEOUT),
    ("TimeoutError", Cause.TIMEOUT),
    ("APITimeoutError", Cause.TIMEOUT),
    ("BadRequestError", Cause.BAD_REQUEST),
    ("NotFoundError", Cause.BAD_REQUEST),
    ("UnprocessableEntityError", Cause.BAD_REQUEST),
    ("InternalServerError", Cause.SERVER),
    ("ServiceUnavailableError", Cause.SERVER),
    ("BadGatewayError", Cause.SERVER),
    ("LimitExceededError", Cause.BUDGET),  # of Inspect
)
"""By the name of a class among those of the exception; the first that fits."""


def sdk_failure(error: Exception) -> Failure:
    """The kind of an exception, by its class or else its HTTP status; what is not known is the connection.

    Its message may hold a key, so only the type is told. Where a library gave up after retries of its own,
    the last of them counts.
    """
    last = getattr(error, "last_attempt", None)  # as tenacity has it
    if isinstance(inner := last.exception() if last is not None else None, Exception):
        error = inner
    kinds = {kind.__name__ for kind in type(error).__mro__}
    refused = getattr(error, "status_code", None) in (401, 402, 403)
    otherwise = Cause.UNAUTHORISED if refused else Cause.TRANSPORT
    return Failure(next((cause for name, cause in _CAUSES if name in kinds), otherwise), type(error).__name__)
