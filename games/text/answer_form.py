"""How a question demands its answer, and how it is asked again when a reply held none.

An answer is one line, a JSON object with the question's nonce as its id:

    {"id": "a1b2c3", "action": "rock"}
    {"id": "a1b2c3", "belief": {"rock": 0.5, "paper": 0.3, "scissors": 0.2}}

For models that cannot write JSON, ``ANSWER[a1b2c3]: rock`` says the same. The nonce stays that of the
question when it is asked again: it is the same question, and no one else has seen it. `games.text.reading`
reads what is demanded here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from games.text.decisions import Outcome, Reading
from games.text.questions import Aspect, Language, Question, Reasoning

_LISTED = 24
"""The form of a belief names all options up to this many, and the first two of more."""

_PROBABILITY = "<p>"


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one language; ``placeholder`` stands for an option in a form that is shown."""

    placeholder: str
    step_by_step: str
    last_line: str
    nothing_else: str
    option: str
    probabilities: str
    left_out: str
    options: str
    counts: str
    tag: str
    again: Mapping[Outcome, str]


_ENGLISH = _Words(
    placeholder="<option>",
    step_by_step="Think step by step before you answer.",
    last_line="End your reply with one line that holds only this JSON object",
    nothing_else="Reply with this JSON object and nothing else, without any explanation",
    option="with one of the options in place of <option>, exactly as it is written:",
    probabilities="with the probability that you give to each option in place of its <p>; "
    "the probabilities lie between 0 and 1 and sum to 1:",
    left_out="Name every option in this way; one that is left out counts as 0.",
    options="Options:",
    counts="Only the last line with this id counts as your answer; a line without it does not.",
    tag="If you cannot write JSON, write this line instead:",
    again=MappingProxyType(
        {
            Outcome.TRUNCATED: "Your reply was cut off before its answer was complete. "
            "Think much less this time and answer at once.",
            Outcome.ILLEGAL: "Your answer is not one of the options.",
            Outcome.UNREADABLE: "Your reply holds no answer in the form that was asked for.",
            Outcome.AMBIGUOUS: "Your reply holds more than one answer. Give exactly one.",
            Outcome.EMPTY: "Your reply was empty.",
        }
    ),
)
_GERMAN = _Words(
    placeholder="<Option>",
    step_by_step="Denke Schritt für Schritt nach, bevor du antwortest.",
    last_line="Beende deine Antwort mit einer Zeile, die nur dieses JSON-Objekt enthält",
    nothing_else="Antworte nur mit diesem JSON-Objekt, ohne jede Erklärung",
    option="mit einer der Optionen anstelle von <Option>, genau so geschrieben wie hier:",
    probabilities="mit der Wahrscheinlichkeit, die du jeder Option gibst, anstelle ihres <p>; "
    "die Wahrscheinlichkeiten liegen zwischen 0 und 1 und ergeben zusammen 1:",
    left_out="Nenne jede Option auf diese Weise; eine ausgelassene zählt als 0.",
    options="Optionen:",
    counts="Nur die letzte Zeile mit dieser id zählt als deine Antwort; eine Zeile ohne sie zählt nicht.",
    tag="Falls du kein JSON schreiben kannst, schreibe stattdessen diese Zeile:",
    again=MappingProxyType(
        {
            Outcome.TRUNCATED: "Deine Antwort wurde abgeschnitten, bevor sie vollständig war. "
            "Denke diesmal viel kürzer nach und antworte sofort.",
            Outcome.ILLEGAL: "Deine Antwort ist keine der Optionen.",
            Outcome.UNREADABLE: "Deine Antwort hat nicht die verlangte Form.",
            Outcome.AMBIGUOUS: "Du hast mehr als eine Antwort gegeben. Gib genau eine.",
            Outcome.EMPTY: "Deine Antwort war leer.",
        }
    ),
)
_FRENCH = _Words(
    placeholder="<option>",
    step_by_step="Réfléchis étape par étape avant de répondre.",
    last_line="Termine ta réponse par une ligne qui ne contient que cet objet JSON",
    nothing_else="Réponds uniquement par cet objet JSON, sans aucune explication",
    option="avec l'une des options à la place de <option>, écrite exactement comme ici :",
    probabilities="avec la probabilité que tu donnes à chaque option à la place de son <p> ; "
    "les probabilités sont comprises entre 0 et 1 et leur somme est 1 :",
    left_out="Nomme chaque option de cette manière ; une option omise compte pour 0.",
    options="Options :",
    counts="Seule la dernière ligne qui porte cet id compte comme ta réponse ; "
    "une ligne sans cet id ne compte pas.",
    tag="Si tu ne peux pas écrire de JSON, écris plutôt cette ligne :",
    again=MappingProxyType(
        {
            Outcome.TRUNCATED: "Ta réponse a été coupée avant d'être complète. "
            "Réfléchis beaucoup moins cette fois et réponds tout de suite.",
            Outcome.ILLEGAL: "Ta réponse ne fait pas partie des options.",
            Outcome.UNREADABLE: "Ta réponse n'a pas la forme demandée.",
            Outcome.AMBIGUOUS: "Tu as donné plus d'une réponse. Donnes-en exactement une.",
            Outcome.EMPTY: "Ta réponse était vide.",
        }
    ),
)
_SPANISH = _Words(
    placeholder="<opción>",
    step_by_step="Piensa paso a paso antes de responder.",
    last_line="Termina tu respuesta con una línea que contenga solo este objeto JSON",
    nothing_else="Responde únicamente con este objeto JSON, sin ninguna explicación",
    option="con una de las opciones en lugar de <opción>, escrita exactamente como aquí:",
    probabilities="con la probabilidad que das a cada opción en lugar de su <p>; "
    "las probabilidades están entre 0 y 1 y suman 1:",
    left_out="Nombra cada opción de esta manera; una que se omita cuenta como 0.",
    options="Opciones:",
    counts="Solo la última línea con este id cuenta como tu respuesta; una línea sin él no cuenta.",
    tag="Si no puedes escribir JSON, escribe en su lugar esta línea:",
    again=MappingProxyType(
        {
            Outcome.TRUNCATED: "Tu respuesta se cortó antes de estar completa. "
            "Piensa mucho menos esta vez y responde de inmediato.",
            Outcome.ILLEGAL: "Tu respuesta no es una de las opciones.",
            Outcome.UNREADABLE: "Tu respuesta no tiene la forma pedida.",
            Outcome.AMBIGUOUS: "Has dado más de una respuesta. Da exactamente una.",
            Outcome.EMPTY: "Tu respuesta estaba vacía.",
        }
    ),
)
_WORDS = {
    Language.ENGLISH: _ENGLISH,
    Language.GERMAN: _GERMAN,
    Language.FRENCH: _FRENCH,
    Language.SPANISH: _SPANISH,
}

PLACEHOLDERS = frozenset({_PROBABILITY, *(words.placeholder for words in _WORDS.values())})
"""What stands for an answer in a form that is shown; a reply that repeats the form has not answered."""


def action_line(question: Question, position: int) -> str:
    """The line that answers ``question`` with the option at ``position``.

    The lines of all options begin alike, up to the label, and end alike: with its closing quotation mark, so
    no label begins another, and a brace.
    """
    return _action_line(question.nonce, question.options[position])


def belief_line(question: Question, belief: Sequence[float]) -> str:
    """The line that answers ``question`` with probabilities over its options, in their order.

    Raises:
        ValueError: there is not one probability per option.
    """
    if len(belief) != len(question.options):
        raise ValueError(f"belief must hold {len(question.options)} probabilities, got {len(belief)}")
    numbers = [repr(float(probability)) for probability in belief]
    return _belief_line(question.nonce, question.options, numbers)


def instructions(question: Question) -> str:
    """The paragraph that demands the answer, in the language and the reasoning mode of the question."""
    words = _WORDS[question.wording.language]
    if question.wording.reasoning is Reasoning.ANSWER_ONLY:
        return _demand(question, words, words.nothing_else)
    demand = _demand(question, words, words.last_line)
    return (
        f"{words.step_by_step} {demand}" if question.wording.reasoning is Reasoning.STEP_BY_STEP else demand
    )


def reask(question: Question, reading: Reading) -> str | None:
    """What to say after a reply that was read as ``reading``; None where asking again is no use.

    Nobody is asked again who refused, or whom the question never reached, or who answered.
    """
    words = _WORDS[question.wording.language]
    reason = words.again.get(reading.outcome)
    if reason is None:
        return None
    if reading.outcome is Outcome.EMPTY:
        return f"{reason} {instructions(question)}"
    text = f"{reason} {_demand(question, words, words.nothing_else)}"  # the thinking is done
    if reading.outcome is Outcome.UNREADABLE and question.aspect is Aspect.ACTION:
        text += f"\n{words.tag}\nANSWER[{question.nonce}]: {words.placeholder}"
    return text


def _demand(question: Question, words: _Words, lead: str) -> str:
    options = question.options
    listed = f"{words.options} {', '.join(json.dumps(option, ensure_ascii=False) for option in options)}"
    if question.aspect is Aspect.ACTION:
        line = _action_line(question.nonce, words.placeholder)
        return f"{lead}, {words.option}\n{line}\n{listed}\n{words.counts}"
    if len(options) <= _LISTED:
        line = _belief_line(question.nonce, options, [_PROBABILITY] * len(options))
        return f"{lead}, {words.probabilities}\n{line}\n{words.counts}"
    line = _belief_line(question.nonce, (*options[:2], "..."), [_PROBABILITY] * 3)
    return f"{lead}, {words.probabilities}\n{line}\n{words.left_out}\n{listed}\n{words.counts}"


def _action_line(nonce: str, label: str) -> str:
    return f'{{"id": "{nonce}", "action": {json.dumps(label, ensure_ascii=False)}}}'


def _belief_line(nonce: str, labels: Sequence[str], numbers: Sequence[str]) -> str:
    pairs = ", ".join(
        f"{json.dumps(label, ensure_ascii=False)}: {number}"
        for label, number in zip(labels, numbers, strict=True)
    )
    return f'{{"id": "{nonce}", "belief": {{{pairs}}}}}'
