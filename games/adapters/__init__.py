"""Bridges from other libraries to the types of `games`."""
