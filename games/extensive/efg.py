"""Gambit's extensive-form file format, ``EFG 2 R``: read and written with exact rational chance.

A file lists the nodes of the tree in prefix order, a node before its subtrees. Information sets, chance
events and outcomes are described where they first appear and are referred to by number afterwards; the
payoffs of outcomes at inner nodes add up on the way to the leaves [1]_.

.. [1] Savani, Turocy, Gambit: the package for computation in game theory, manual, chapter on the game
   representation formats.
"""

from games.extensive.efg_reader import parse_efg as parse_efg, read_efg as read_efg
from games.extensive.efg_writer import format_efg as format_efg, write_efg as write_efg
