"""What weighs the populations by their empirical game."""
