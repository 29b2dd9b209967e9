"""Policies: how an agent acts."""
