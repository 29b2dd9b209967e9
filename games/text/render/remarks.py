"""What others said: shown as theirs, line by line, so that no text of theirs can pass for ours."""

from collections.abc import Sequence

from games.text.render.voice import Voice
from games.text.situations import Remark
from games.text.untrusted import quoted


def remarked(remarks: Sequence[Remark], voice: Voice) -> str:
    """The words of others, cleaned and marked at the beginning of each line.

    A mark at each line needs no end mark, which a text of theirs could forge.
    """
    lines = [voice.words.remarks]
    for remark in remarks:
        lines.append(voice.words.wrote.format(player=voice.names[remark.speaker]))
        lines += [f"> {line}".rstrip() for line in quoted(remark.text).split("\n")]
    return "\n".join(lines)
