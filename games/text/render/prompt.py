"""From a question to a text."""

from games.text.answer_form import instructions
from games.text.questions import Prompt, Question
from games.text.render.choices import allocation_blocks, bundle_blocks, play_blocks
from games.text.render.matrix import belief_asked, matrix_blocks
from games.text.render.voice import spoken
from games.text.situations import AllocationSituation, BundleSituation, MatrixSituation


def render(question: Question) -> Prompt:
    """A question in words: the situation from the player's seat, what is asked, and how to answer.

    The text is a function of the question alone: of what its situation holds, its wording and its nonce.
    Earlier exchanges are no part of it; a player that reads has them as messages of their own.

    Args:
        question: what is asked.

    Returns:
        The persona as the system text, empty without one, and everything else as the text.

    Raises:
        ValueError: no such phrasing, or a game of more than `games.text.render.MOST_CELLS` cells.
    """
    situation, wording = question.situation, question.wording
    words, phrasing, _ = spoken(wording)
    ask = phrasing.ask
    if isinstance(situation, MatrixSituation):
        blocks = matrix_blocks(situation, wording)
        if question.about is not None:
            ask = belief_asked(situation, question.about, wording)
    elif isinstance(situation, AllocationSituation):
        blocks = allocation_blocks(situation, wording)
    elif isinstance(situation, BundleSituation):
        blocks = bundle_blocks(situation, wording)
    else:
        blocks = play_blocks(situation, wording)
    system = words.are.format(who=wording.persona) if wording.persona else ""
    return Prompt(system, "\n\n".join((*blocks, ask, instructions(question))))
