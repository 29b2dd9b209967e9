"""What a reply says aloud: the text without the spans in which a model thinks."""

import re

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think|inner_monologue"
_MARK = re.compile(
    rf"[<\[◁](?:(?P<open>\s?(?:{_NAMES})\s?>|THINK\]|think▷|\|begin_of_thought\|>|\|channel\|>analysis<\|message\|>)"
    rf"|\s?/\s?(?:{_NAMES})\s?>|/THINK\]|/think▷|\|end_of_thought\|>|\|channel\|>final<\|message\|>)",
    re.IGNORECASE,
)
_QUOTED = {"`": "`", '"': '"', "'": "'", "“": "”", "„": "“", "‘": "’", "«": "»"}


def spoken(text: str) -> str | None:
    """The text outside of thinking spans; None where the last one never ends.

    Whatever stands before an end without a beginning is thought as well: some servers put the beginning into
    the prompt. Marks between quotation marks or backticks are spoken of, not used.

    Example:
        >>> spoken("<think>Rock? No.</think>Paper.")
        'Paper.'
    """
    parts, position, thinking = list[str](), 0, False
    for mark in _MARK.finditer(text):
        before, behind = text[mark.start() - 1 : mark.start()], text[mark.end() : mark.end() + 1]
        if behind and _QUOTED.get(before) == behind:
            continue
        if mark["open"]:
            if not thinking:
                parts.append(text[position : mark.start()])
            thinking = True
            continue
        if not thinking:
            parts.clear()
        thinking, position = False, mark.end()
    if thinking:
        return None
    return "\n".join(part for part in (*parts, text[position:]) if part)
