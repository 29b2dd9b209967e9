r"""Gambit's .nfg files: normal-form games as text.

A file holds a header, the players, their strategies (by number or by label), an optional comment, and
one of two bodies: the payoffs of all players for every cell, or a list of outcomes and the number of
an outcome for every cell, 0 for the outcome that pays nobody anything. Cells come with the first
player's strategy changing fastest:

.. code-block:: text

    NFG 1 R "Stag hunt" { "row" "column" }
    { { "stag" "hare" } { "stag" "hare" } }
    "An optional comment"
    4 4  3 -1  -1 3  2 2

Reference: Gambit documentation, section "Game representation formats",
https://gambitproject.readthedocs.io.
"""

import math
import os
from array import array

import numpy as np
from numpy.typing import NDArray

from games.files import MAX_FILE_BYTES, read_text, write_text_atomically
from games.gambit_lexer import Lexer, Token
from games.gambit_text import distinct_labels, format_number, parse_number, quote
from games.normal_form.game import NormalFormGame
from games.normal_form.sizes import MAX_PLAYERS, check_sizes


def read_nfg(path: str | os.PathLike[str], *, max_bytes: int = MAX_FILE_BYTES) -> NormalFormGame:
    """Read a game from a .nfg file with either body; see :func:`parse_nfg`.

    Raises:
        FileFormatError: the file is malformed, truncated, not UTF-8 or larger than ``max_bytes``; the
            message names the file and the place.
        OSError: the file cannot be read.
    """
    return parse_nfg(read_text(path, max_bytes=max_bytes), source=os.fspath(path))


def parse_nfg(text: str, *, source: str = "<string>") -> NormalFormGame:
    """Read a game from the text of a .nfg file.

    The title becomes the name of the game and the comment is dropped. Strategies given by number are
    labelled ``"1", "2", ...``, and empty or repeated labels are numbered apart, as Gambit does.
    Numbers may be integers, decimals or ratios of integers, and are rounded once, to float64.

    Args:
        text: the whole file.
        source: how errors call the file.

    Raises:
        FileFormatError: the text is malformed or truncated, asks for more than ``MAX_PAYOFFS`` payoffs
            or ``MAX_PLAYERS`` players, or holds a number outside float64; the message names the line
            and the column.

    Example:
        >>> parse_nfg('NFG 1 R "pennies" { "a" "b" } { 2 2 } 1 -1 -1 1 -1 1 1 -1').payoffs[0]
        array([[ 1., -1.],
               [-1.,  1.]])
    """
    lexer = Lexer(text, source)
    lexer.keyword("NFG")
    lexer.integer("the version number 1", least=1, most=1)
    lexer.keyword("R", "D")
    title = lexer.text("the title in quotes")
    players = _players(lexer)
    sizes, labels = _strategies(lexer, len(players))
    if lexer.kind is Token.TEXT:
        lexer.text("a comment")
    if lexer.accept(Token.OPEN):
        outcomes = _outcomes(lexer, len(players))
        cells = outcomes[_cell_outcomes(lexer, math.prod(sizes), len(outcomes) - 1)]
    else:
        cells = _cell_payoffs(lexer, math.prod(sizes), len(players))
    lexer.end("the end of the file after the last cell")
    payoffs = cells.reshape(*reversed(sizes), len(players)).T
    labels = labels or [[str(k) for k in range(1, n + 1)] for n in sizes]
    return NormalFormGame(
        payoffs, tuple(distinct_labels(x) for x in labels), distinct_labels(players), name=title
    )


def format_nfg(game: NormalFormGame) -> str:
    """The text of a .nfg file for ``game``: labelled strategies and the payoff body.

    Numbers are the shortest that read back as the same float64, so parsing the text gives the game
    back exactly, but for empty labels, which readers number.
    """
    players = " ".join(quote(p) for p in game.players)
    strategies = "\n".join("{ " + " ".join(quote(a) for a in labels) + " }" for labels in game.actions)
    cells = game.payoffs.T.reshape(-1, game.num_players)
    body = "\n".join(" ".join(format_number(u) for u in cell) for cell in cells.tolist())
    return f'NFG 1 R {quote(game.name)} {{ {players} }}\n\n{{ {strategies}\n}}\n""\n\n{body}\n'


def write_nfg(game: NormalFormGame, path: str | os.PathLike[str]) -> None:
    """Write ``game`` to a .nfg file, whole or not at all; see :func:`format_nfg`.

    Raises:
        OSError: the folder is missing or cannot be written to.
    """
    write_text_atomically(path, format_nfg(game))


def _players(lexer: Lexer) -> list[str]:
    lexer.expect(Token.OPEN, "'{' before the players")
    players: list[str] = []
    while lexer.kind is not Token.CLOSE:
        if len(players) == MAX_PLAYERS:
            raise lexer.error(f"wanted '}}' after at most {MAX_PLAYERS} players")
        players.append(lexer.text("a player's name in quotes, or '}'"))
    if not players:
        raise lexer.error("wanted at least one player")
    lexer.accept(Token.CLOSE)
    return players


def _strategies(lexer: Lexer, players: int) -> tuple[tuple[int, ...], list[list[str]]]:
    """Numbers of strategies and, if the file gives them, labels by player (else an empty list)."""
    lexer.expect(Token.OPEN, "'{' before the players' strategies")
    labels: list[list[str]] = []
    if lexer.kind is Token.OPEN:
        for i in range(1, players + 1):
            lexer.expect(Token.OPEN, f"'{{' before the strategies of player {i} of {players}")
            own: list[str] = []
            while not lexer.accept(Token.CLOSE):
                own.append(lexer.text(f"a strategy of player {i} in quotes, or '}}'"))
            labels.append(own)
        counts = [len(own) for own in labels]
    else:
        counts = [
            lexer.integer(f"the number of strategies of player {i} of {players}", least=1)
            for i in range(1, players + 1)
        ]
    # Checked here, before the body is read or anything is made for it.
    try:
        sizes = check_sizes(counts)
    except ValueError as error:
        raise lexer.error(str(error)) from None
    lexer.expect(Token.CLOSE, f"'}}' after the strategies of {players} players")
    return sizes, labels


def _outcomes(lexer: Lexer, players: int) -> NDArray[np.float64]:
    """Payoffs by outcome, shape (outcomes + 1, players); row 0 is the null outcome."""
    payoffs = array("d", bytes(8 * players))
    while not lexer.accept(Token.CLOSE):
        lexer.expect(Token.OPEN, "'{' before an outcome, or '}' after the last one")
        lexer.text("the outcome's name in quotes")
        for i in range(1, players + 1):
            payoffs.append(_number(lexer, f"the outcome's payoff to player {i} of {players}"))
            lexer.accept(Token.COMMA)
        lexer.expect(Token.CLOSE, f"'}}' after the {players} payoffs of the outcome")
    return np.frombuffer(payoffs, dtype=np.float64).reshape(-1, players)


def _cell_outcomes(lexer: Lexer, cells: int, outcomes: int) -> NDArray[np.int64]:
    numbers = array("q")
    wanted = f"an outcome for every one of {cells:,} cells"
    for _ in range(cells):
        numbers.append(lexer.integer(wanted, least=0, most=outcomes))
    return np.frombuffer(numbers, dtype=np.int64)


def _cell_payoffs(lexer: Lexer, cells: int, players: int) -> NDArray[np.float64]:
    payoffs = array("d")
    wanted = f"the payoffs of {players} players in every one of {cells:,} cells, or '{{' before outcomes"
    for _ in range(cells * players):
        payoffs.append(_number(lexer, wanted))
    return np.frombuffer(payoffs, dtype=np.float64)


def _number(lexer: Lexer, wanted: str) -> float:
    """Take a finite number, rounded once to float64 (the lexer's own numbers are exact, and slower)."""
    place = lexer.start
    word = lexer.expect(Token.WORD, wanted)
    value = parse_number(word)
    if value is None:
        shown = word if len(word) <= 40 else f"{word[:37]}..."
        raise lexer.error(f"wanted {wanted}, got {shown!r}, which is no finite number", place)
    return value
