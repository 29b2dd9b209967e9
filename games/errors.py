"""Errors by cause.

Bad arguments raise ``ValueError`` or ``TypeError`` that name the argument, what came and what was
wanted. The classes below are for causes that callers may want to tell apart.
"""


class UnsupportedGameError(ValueError):
    """The game is well formed, but outside what the called function can treat; the message says why."""


class UnknownNameError(ValueError):
    """A name is not in a registry; the message suggests near matches."""


class FileFormatError(ValueError):
    """A file is malformed, truncated or hostile; the message names the file and the place."""


class IllegalActionError(ValueError):
    """An action outside the legal mask was played."""


class SolveError(RuntimeError):
    """A solve did not reach what the caller required."""


class MissingDependencyError(ImportError):
    """An optional library is not installed; the message gives the line that installs it."""
