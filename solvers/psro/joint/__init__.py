"""Joint PSRO: correlated mixtures of policies."""
