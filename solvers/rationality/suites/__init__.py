"""Suites: scenarios that belong together, with keys computed by solvers, and what their plays say."""
