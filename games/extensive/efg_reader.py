"""Reading Gambit's extensive-form files into ``TreeGame``."""

import os
from array import array
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from games.extensive.tree import CHANCE, TERMINAL, TreeGame
from games.files import MAX_FILE_BYTES, read_text
from games.gambit_lexer import Lexer, Token
from games.gambit_numbers import sum_exactly
from games.gambit_text import distinct_labels

_MAX_PAYOFF_BITS = 8192
# A short reference may stand for one payoff per player: without a limit, few bytes could ask for any amount.
_MAX_PAYOFF_CELLS = 2**26


def read_efg(path: str | os.PathLike[str], *, max_bytes: int = MAX_FILE_BYTES) -> TreeGame:
    """Read a game from an ``.efg`` file; see ``parse_efg``.

    Raises:
        OSError: the file cannot be opened.
        FileFormatError: malformed, truncated, or larger than ``max_bytes``.
    """
    return parse_efg(read_text(path, max_bytes=max_bytes), source=os.fspath(path))


def parse_efg(text: str, *, source: str = "<string>") -> TreeGame:
    """Read a game from the text of an ``.efg`` file.

    All numbers are exact until the leaves' totals are rounded to float64. Information sets without a label
    are called ``player:number`` as in the file; empty or repeated labels of players, information sets and
    actions are made distinct. Labels of nodes and of outcomes and the file's comment have no place in a
    ``TreeGame`` and are dropped.

    Args:
        text: the whole file.
        source: what error messages call the file.

    Raises:
        FileFormatError: the text is not a complete game; the message says where and what was wanted.

    Example:
        >>> tree = parse_efg('EFG 2 R "coin" { "A" } c "" 1 "" { "H" 1/2 "T" 1/2 } 0 t "" 1 "" { 3 } t "" 0')
        >>> tree.num_nodes, tree.payoffs.tolist()
        (3, [[3.0], [0.0]])
    """
    lexer = Lexer(text, source)
    lexer.keyword("EFG")
    lexer.integer("the version number 2", least=2, most=2)
    lexer.keyword("R", "D")
    name = lexer.text("the title in quotes")
    players = _players(lexer)
    if lexer.kind is Token.TEXT:
        lexer.text("a comment")
    reader = _TreeReader(lexer, len(players))
    reader.run()
    return reader.tree(name, players)


def _players(lexer: Lexer) -> tuple[str, ...]:
    lexer.expect(Token.OPEN, "'{' before the players")
    names = []
    while lexer.kind is not Token.CLOSE:
        names.append(lexer.text("a player's name in quotes, or '}'"))
    if not names:
        raise lexer.error("wanted at least one player")
    lexer.expect(Token.CLOSE, "'}'")
    return distinct_labels([name or f"Player {i}" for i, name in enumerate(names, 1)])


@dataclass(slots=True)
class _Infoset:
    index: int
    label: str
    actions: list[str]


@dataclass(slots=True)
class _Event:
    label: str
    outcomes: tuple[str, ...]
    exact: list[Fraction]
    floats: list[float]


@dataclass(slots=True)
class _Outcome:
    exact: tuple[Fraction, ...]
    floats: tuple[float, ...]


@dataclass(slots=True)
class _Open:
    """A node whose children are still being read."""

    node: int
    arity: int
    event: _Event | None
    base: tuple[Fraction, ...] | None
    seen: int = 0


class _TreeReader:
    """Nodes in prefix order onto flat arrays, with an explicit stack of the nodes still open."""

    def __init__(self, lexer: Lexer, num_players: int) -> None:
        self.lexer = lexer
        self.num_players = num_players
        self.parent = array("i")
        self.move = array("i")
        self.chance = array("d")
        self.actor = array("i")
        self.infoset = array("i")
        self.payoffs = array("d")
        self.infosets: dict[tuple[int, int], _Infoset] = {}
        self.events: dict[int, _Event] = {}
        self.outcomes: dict[int, _Outcome] = {}
        self.chance_labels: list[tuple[str, ...]] = []
        self.stack: list[_Open] = []
        self.cells = 0

    def run(self) -> None:
        """Read nodes until the tree is complete, then require the end of the file."""
        stack = self.stack
        self._node()
        while stack:
            if stack[-1].seen == stack[-1].arity:
                stack.pop()
            else:
                self._node()
        self.lexer.end("the end of the file, for the tree is complete")

    def _node(self) -> None:
        lexer = self.lexer
        node = len(self.parent)
        up = self.stack[-1] if self.stack else None
        if lexer.kind is Token.END and up is not None:
            raise lexer.error(
                f"the file ends early: wanted child {up.seen + 1} of {up.arity} of node {up.node}"
            )
        self.parent.append(-1 if up is None else up.node)
        self.move.append(-1 if up is None else up.seen)
        self.chance.append(1.0 if up is None or up.event is None else up.event.floats[up.seen])
        if up is not None:
            up.seen += 1
        kind = lexer.keyword("c", "p", "t")
        lexer.text("the node's label in quotes")
        actor, infoset, arity, event = TERMINAL, -1, 0, None
        if kind == "c":
            event = self._event(node)
            actor, arity = CHANCE, len(event.exact)
        elif kind == "p":
            player = lexer.integer("the player's number", least=1, most=self.num_players)
            owned = self._infoset(player)
            actor, infoset, arity = player - 1, owned.index, len(owned.actions)
        self.actor.append(actor)
        self.infoset.append(infoset)
        place = lexer.start
        outcome = self._outcome()
        if outcome is not None or arity == 0:
            self._count_cells(place)
        base = None if up is None else up.base
        if arity == 0:
            self.payoffs.extend(self._leaf(base, outcome, place))
            return
        if outcome is not None:
            base = outcome.exact if base is None else self._add(base, outcome.exact, place)
        self.stack.append(_Open(node, arity, event, base))

    def _count_cells(self, at: int) -> None:
        self.cells += self.num_players
        if self.cells > _MAX_PAYOFF_CELLS:
            raise self.lexer.error(f"the game has more than {_MAX_PAYOFF_CELLS} payoffs up to here", at)

    def _leaf(
        self, base: tuple[Fraction, ...] | None, outcome: _Outcome | None, at: int
    ) -> tuple[float, ...]:
        """Payoffs at a leaf: its own outcome's and those met on the way."""
        if base is None:
            return (0.0,) * self.num_players if outcome is None else outcome.floats
        total = base if outcome is None else self._add(base, outcome.exact, at)
        return self._round(total, at)

    def _add(self, base: tuple[Fraction, ...], more: tuple[Fraction, ...], at: int) -> tuple[Fraction, ...]:
        total = tuple(a + b for a, b in zip(base, more, strict=True))
        if max(x.denominator.bit_length() for x in total) > _MAX_PAYOFF_BITS:
            raise self.lexer.error(
                "the payoffs on the way to this node have no common denominator in reach", at
            )
        return total

    def _round(self, exact: tuple[Fraction, ...], at: int) -> tuple[float, ...]:
        try:
            return tuple(map(float, exact))
        except OverflowError:
            raise self.lexer.error("a payoff is too large for a float64", at) from None

    def _infoset(self, player: int) -> _Infoset:
        lexer = self.lexer
        place = lexer.start
        number = lexer.integer("the information set's number", least=1)
        label = lexer.text("a label") if lexer.kind is Token.TEXT else None
        actions: list[str] | None = None
        if lexer.accept(Token.OPEN):
            actions = []
            while lexer.kind is not Token.CLOSE or not actions:
                actions.append(lexer.text("an action's label in quotes" + (", or '}'" if actions else "")))
            lexer.accept(Token.CLOSE)
        known = self.infosets.get((player, number))
        where = f"information set {number} of player {player}"
        if known is None:
            if actions is None:
                raise lexer.error(f"wanted the actions in braces where {where} appears first")
            known = _Infoset(len(self.infosets), label or "", actions)
            self.infosets[player, number] = known
            return known
        if actions is not None and len(actions) != len(known.actions):
            raise lexer.error(
                f"{where} had {len(known.actions)} actions before, has {len(actions)} here", place
            )
        if (actions is not None and actions != known.actions) or (label is not None and label != known.label):
            raise lexer.error(f"{where} is described in another way than before", place)
        return known

    def _event(self, node: int) -> _Event:
        lexer = self.lexer
        place = lexer.start
        number = lexer.integer("the chance event's number", least=1)
        label = lexer.text("a label") if lexer.kind is Token.TEXT else None
        known = self.events.get(number)
        if lexer.accept(Token.OPEN):
            labels: list[str] = []
            exact: list[Fraction] = []
            while lexer.kind is not Token.CLOSE or not labels:
                labels.append(lexer.text("an outcome's label in quotes" + (", or '}'" if labels else "")))
                at = lexer.start
                exact.append(lexer.number("a probability"))
                if not 0 <= exact[-1] <= 1:
                    raise lexer.error(f"chance node {node} has a probability outside [0, 1]", at)
            lexer.accept(Token.CLOSE)
            if known is None:
                self._check_sum(exact, node, place)
                known = self.events[number] = _Event(
                    label or "", tuple(labels), exact, [float(p) for p in exact]
                )
            elif (tuple(labels), exact) != (known.outcomes, known.exact):
                raise lexer.error(f"chance event {number} is described in another way than before", place)
        if known is None:
            raise lexer.error(f"wanted the outcomes in braces where chance event {number} appears first")
        if label is not None and label != known.label:
            raise lexer.error(f"chance event {number} is described in another way than before", place)
        self.chance_labels.append(known.outcomes)
        return known

    def _check_sum(self, exact: list[Fraction], node: int, at: int) -> None:
        total = sum_exactly(exact)
        if total is None:
            raise self.lexer.error(f"chance node {node} has probabilities too long to be added exactly", at)
        if total != 1:
            shown = str(total) if max(total.denominator, total.numerator) < 10**20 else "not 1"
            raise self.lexer.error(
                f"chance node {node} has probabilities that sum to {shown} ({float(total)!r}), "
                "not to exactly 1; the usual cause is a fraction such as 1/3 written as a decimal",
                at,
            )

    def _outcome(self) -> _Outcome | None:
        lexer = self.lexer
        place = lexer.start
        number = lexer.integer("the outcome's number (0 for none)", least=0)
        named = lexer.kind is Token.TEXT
        if number == 0:
            if named or lexer.kind is Token.OPEN:
                raise lexer.error("outcome 0 stands for no outcome: it has neither label nor payoffs")
            return None
        if named:
            lexer.text("a label")
        known = self.outcomes.get(number)
        if not lexer.accept(Token.OPEN):
            if known is None:
                raise lexer.error(f"wanted the payoffs in braces where outcome {number} appears first")
            return known
        values = []
        for player in range(1, self.num_players + 1):
            if player > 1:
                lexer.accept(Token.COMMA)
            values.append(lexer.number(f"the payoff of player {player}"))
        lexer.expect(Token.CLOSE, f"'}}' after {self.num_players} payoffs")
        exact = tuple(values)
        if known is None:
            known = self.outcomes[number] = _Outcome(exact, self._round(exact, place))
        elif exact != known.exact:
            raise lexer.error(f"outcome {number} had other payoffs before", place)
        return known

    def tree(self, name: str, players: tuple[str, ...]) -> TreeGame:
        """The arrays of the finished tree."""
        infosets = list(self.infosets.values())
        owned: dict[int, list[tuple[int, _Infoset]]] = {}
        for (player, number), infoset in self.infosets.items():
            owned.setdefault(player, []).append((number, infoset))
        labels = [""] * len(infosets)
        for player, mine in owned.items():
            distinct = distinct_labels([s.label or f"{player}:{number}" for number, s in mine])
            for (_, infoset), label in zip(mine, distinct, strict=True):
                labels[infoset.index] = label
        chance_labels = tuple(outcomes if any(outcomes) else () for outcomes in self.chance_labels)
        return TreeGame(
            name=name,
            num_players=self.num_players,
            parent=np.frombuffer(self.parent, np.int32),
            move=np.frombuffer(self.move, np.int32),
            chance=np.frombuffer(self.chance, np.float64),
            actor=np.frombuffer(self.actor, np.int32),
            infoset=np.frombuffer(self.infoset, np.int32),
            payoffs=np.frombuffer(self.payoffs, np.float64).reshape(-1, self.num_players),
            infoset_player=np.array([player - 1 for player, _ in self.infosets], np.int32),
            infoset_labels=tuple(labels),
            infoset_actions=tuple(
                distinct_labels([label or str(k) for k, label in enumerate(s.actions, 1)]) for s in infosets
            ),
            infoset_action_ids=tuple(tuple(range(len(s.actions))) for s in infosets),
            chance_labels=chance_labels if any(chance_labels) else (),
            players=players,
        )
