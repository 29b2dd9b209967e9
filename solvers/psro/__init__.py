"""Policy-space response oracles."""
