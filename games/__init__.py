"""What a problem is, and how a claimed answer is checked.

Nothing here imports a solver, so every certificate is an independent witness.
"""
