"""Comparisons that cannot be put to a model as text: they fail alone, and the others are asked."""

from collections.abc import Callable, Sequence

from solvers.inpo.judges.templates import prompt_text
from solvers.inpo.judges.verdicts import Comparison, OnVerdict, Verdict

Ask = Callable[[Sequence[Comparison], OnVerdict | None], list[Verdict]]
"""Answers comparisons in the order given, as ``Judge.compare`` does."""


def texts(comparison: Comparison) -> tuple[str, str, str]:
    """The prompt as one text, and the two responses."""
    return prompt_text(comparison.prompt), comparison.first, comparison.second


def is_unicode(text: str) -> bool:
    """Whether no surrogate is without its partner, as decoders of broken bytes leave them behind."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def unicode_hindrance(comparison: Comparison) -> str:
    """Why a comparison cannot be written as text, or nothing."""
    return "" if all(map(is_unicode, texts(comparison))) else "a text is no valid Unicode"


def ask_unless(
    hindrance: Callable[[Comparison], str],
    ask: Ask,
    comparisons: Sequence[Comparison],
    on_verdict: OnVerdict | None,
) -> list[Verdict]:
    """Verdicts of ``ask``; comparisons with a hindrance are not asked, and fail with it as the reason."""
    reasons = [hindrance(comparison) for comparison in comparisons]
    places = [place for place, reason in enumerate(reasons) if not reason]

    def on_arrival(number: int, verdict: Verdict) -> None:
        if on_verdict is not None:
            on_verdict(places[number], verdict)

    failed = {place: Verdict(None, failure=reason) for place, reason in enumerate(reasons) if reason}
    if on_verdict is not None:
        for place, verdict in failed.items():
            on_verdict(place, verdict)
    found = ask([comparisons[place] for place in places], on_arrival)
    given = failed | dict(zip(places, found, strict=True))
    return [given[place] for place in range(len(comparisons))]
