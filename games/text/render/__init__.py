"""Rendering: a question becomes a text, in one of several languages, phrasings and framings."""

from games.text.render.prompt import render as render
from games.text.render.tables import MOST_CELLS as MOST_CELLS
from games.text.render.voice import PHRASINGS as PHRASINGS
