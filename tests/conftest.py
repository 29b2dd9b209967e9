"""Shared set-up: tests draw pictures without a screen, and properties are tried on fixed examples.

A change should fail for what it changes, so by default hypothesis does not roll dice. ``make test-slow``
does, and is where new counterexamples are looked for.
"""

import os

from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", derandomize=False, print_blob=True)
settings.load_profile("steady")
