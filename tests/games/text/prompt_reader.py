"""Reads payoffs back out of a prompt, by the grammar of each language and without the code that wrote it."""

import re
from dataclasses import dataclass

import numpy as np

from games.text import Language

NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
LABEL = r'"([^"]*)"'


@dataclass(frozen=True)
class Grammar:
    """How a language says who chooses and who gets something, in the neutral framing."""

    you: str
    other: str
    numbered: str
    you_choose: str
    they_choose: str
    you_get: str
    they_get: str
    row: str
    column: str
    your_table: str
    their_table: str


GRAMMARS = {
    Language.ENGLISH: Grammar(
        "you", "the other participant", "Participant {}", "you choose #", "{} chooses #", "you get #",
        "{} gets #", "Row", "Column", "What you get:", "What {} gets:",
    ),
    Language.GERMAN: Grammar(
        "du", "die andere Person", "Person {}", "du # wählst", "{} # wählt", "du erhältst #",
        "{} erhält #", "Zeile", "Spalte", "Was du erhältst:", "Was {} erhält:",
    ),
    Language.FRENCH: Grammar(
        "toi", "l'autre personne", "la personne {}", "tu choisis #", "{} choisit #", "tu reçois #",
        "{} reçoit #", "Ligne", "Colonne", "Ce que tu reçois :", "Ce que reçoit {} :",
    ),
    Language.SPANISH: Grammar(
        "tú", "la otra persona", "la persona {}", "tú eliges #", "{} elige #", "tú recibes #",
        "{} recibe #", "Fila", "Columna", "Lo que recibes tú:", "Lo que recibe {}:",
    ),
}  # fmt: skip


def names_of(language, count, seat):
    """What the players of a game are called, by default and in the neutral framing."""
    grammar = GRAMMARS[language]
    names = [grammar.other] * 2 if count == 2 else [grammar.numbered.format(k + 1) for k in range(count)]
    names[seat] = grammar.you
    return names


class Reader:
    """Collects all cells of a text, each as (label by player who matters, amount by player who is paid)."""

    def __init__(self, language, labels, seat):
        self.labels = labels
        self.names = names_of(language, len(labels), seat)
        self.number = {name: player for player, name in enumerate(self.names)}
        grammar = GRAMMARS[language]
        self.chooses = self._clauses(grammar.you_choose, grammar.they_choose, seat, LABEL)
        self.gets = self._clauses(grammar.you_get, grammar.they_get, seat, f"({NUMBER})")
        self.headings = [
            grammar.your_table if p == seat else grammar.their_table.format(name)
            for p, name in enumerate(self.names)
        ]
        any_name = "|".join(map(re.escape, self.names))
        self.grid = re.compile(rf"{grammar.row} ?: (.*?)\. {grammar.column} ?: (.*?)\.(?:.* ?: (.*)\.)?$")
        self.runs = re.compile(rf".*?: ({any_name})\. .*?: ({any_name}) ?;.*: (.*)\.$")
        self.entry = re.compile(rf'(?:^|, )({any_name}): ("[^"]*"|{NUMBER})')

    def _clauses(self, you, they, seat, what):
        clauses = (you if p == seat else they.format(name) for p, name in enumerate(self.names))
        return [re.compile(what.join(map(re.escape, clause.split("#")))) for clause in clauses]

    def read(self, text):
        self.cells, self.payees, self.axes, self.columns, group = [], [], None, None, {}
        for line in text.split("\n"):
            chosen, paid = self._found(self.chooses, line), self._found(self.gets, line)
            headed = [p for p, heading in enumerate(self.headings) if line.startswith(heading)]
            if headed:
                self.payees = headed
            elif legend := self.grid.match(line) or self.runs.match(line):
                self._legend(legend)
            elif line.startswith("|") and self.axes:
                self._row(line)
            elif " -> " in line and self._entries(line.removeprefix("- ").split(" -> ")[0]):
                before, after = map(self._entries, line.removeprefix("- ").split(" -> "))
                self._cell({p: label.strip('"') for p, label in before.items()}, after)
            elif run := re.match(rf"- {LABEL}: (.* = .*)$", line):
                self._runs(run[1], run[2])
            elif paid:
                self._cell(chosen | (group if line.startswith("- ") else {}), paid)
            elif chosen:
                group = chosen
        return self.cells

    def _cell(self, chosen, paid):
        self.cells.append((chosen, {p: float(amount) for p, amount in paid.items()}))

    def _found(self, patterns, line):
        return {p: hit[1] for p, pattern in enumerate(patterns) if (hit := pattern.search(line))}

    def _entries(self, part):
        return {self.number[name]: entry for name, entry in self.entry.findall(part)}

    def _legend(self, legend):
        self.axes, self.columns = (self.number[legend[1]], self.number[legend[2]]), None
        if legend[3]:
            self.payees = [self.number[name] for name in legend[3].split(", ")]

    def _row(self, line):
        head, *entries = line.removeprefix("| ").removesuffix(" |").split(" | ")
        down, across = self.axes
        if self.columns is None:
            assert head == f"{self.names[down]} \\ {self.names[across]}"
            self.columns = entries
        elif head != "---":
            for column, entry in zip(self.columns, entries, strict=True):
                self._cell(
                    {down: head, across: column}, dict(zip(self.payees, entry.split(", "), strict=True))
                )

    def _runs(self, label, runs):
        down, across = self.axes
        for run in runs.split("; "):
            span, paid = run.split(" = ")
            ends = [self.labels[across].index(end) for end in re.findall(LABEL, span)]
            for k in range(ends[0], ends[-1] + 1):
                chosen = {down: label, across: self.labels[across][k]}
                self._cell(chosen, dict(zip(self.payees, paid.split(", "), strict=True)))


def assert_tells(text, game, language, seat):
    """The text gives every payoff of every joint action, once, and none that is wrong."""
    cells = Reader(language, game.actions, seat).read(text)
    seen = np.zeros(game.payoffs.shape, dtype=int)
    for chosen, paid in cells:
        where = tuple(
            game.actions[p].index(chosen[p]) if p in chosen else slice(None) for p in range(game.num_players)
        )
        for player, amount in paid.items():
            np.testing.assert_allclose(game.payoffs[player][where], amount, rtol=1e-11, err_msg=f"{chosen}")
            seen[player][where] += 1
    np.testing.assert_array_equal(seen, 1)
    return cells
