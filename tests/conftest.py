"""Shared set-up: tests draw pictures without a screen."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
