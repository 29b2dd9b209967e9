"""Narrators: games that are played move by move, told in words from what one player knows."""

from games.text.narrators.protocol import Narrator as Narrator
from games.text.narrators.registry import (
    NARRATORS as NARRATORS,
    named_narrator as named_narrator,
    narrator_of as narrator_of,
)
from games.text.narrators.telling import information_state as information_state, situation as situation
