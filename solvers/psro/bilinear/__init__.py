"""Zero-sum games over pairs of treeplexes, which restricted games come down to."""
