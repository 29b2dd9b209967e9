"""Solvers: equilibria of matrix games, population learning on trees, reports."""
