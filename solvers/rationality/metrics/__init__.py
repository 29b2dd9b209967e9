"""Metrics of rationality: pure functions of arrays, each file one idea."""
