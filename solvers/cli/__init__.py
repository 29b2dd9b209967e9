"""The command line ``counterplay``."""
