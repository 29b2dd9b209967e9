"""Extensive-form games: trees, sequence form, values, best responses."""
