"""Whether a reply that holds no answer declines to give one.

This only names a failure; no answer ever depends on it.
"""

import re

_ASIDE = r"(?:[\s,]+[\w'-]+){0,4}?[\s,]+"
_REFUSAL = re.compile(
    # English
    r"\bi(?: (?:cannot|can't|can not|won't|will not|do not|don't|must|have to|am not able|am unable)"
    rf"|'m (?:not able|unable|not comfortable|not going)){_ASIDE}"
    r"(?:help(?! but)|assist|participate|participating|take part|comply|engage|engaging|provide|play along|"
    r"continue|fulfill?|support|decline|refuse|respond to)\b"
    r"|\bi (?:respectfully )?(?:refuse|decline)\b(?! to be)|\bagainst my (?:guidelines|principles|policy)\b"
    # German
    rf"|\bich (?:kann|werde|möchte|darf)\b(?:[\s,]+[\w-]+){{0,8}}?[\s,]+(?:nicht|keine[rmn]?){_ASIDE}"
    r"(?:helfen|teilnehmen|beantworten|antworten|unterstützen|mitspielen|mitmachen|nachkommen|geben)\b"
    r"|\bich (?:weigere mich|lehne\b)"
    # French
    rf"|\bje ne (?:peux|vais|suis|veux|souhaite)(?: malheureusement)? pas{_ASIDE}"
    r"(?:aider|t'aider|vous aider|participer|répondre|fournir|continuer|jouer|donner)\b|\bje refuse\b"
    # Spanish
    rf"|\bno (?:puedo|voy a|quiero|debo){_ASIDE}?"
    r"(?:ayudar\w*|participar|responder|proporcionar|continuar|jugar|dar)\b|\bme niego\b",
    re.IGNORECASE,
)
_OPENING = 300
"""Characters in which a reply that declines says so."""


def declines(text: str) -> bool:
    """Whether the beginning of ``text`` declines to answer, in English, German, French or Spanish."""
    opening = " ".join(text[: 4 * _OPENING].replace("’", "'").split())[:_OPENING]
    return _REFUSAL.search(opening) is not None
