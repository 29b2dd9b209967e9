"""Games that people were asked to play: allocations, patterns, rings, ordinal games, behavioural classics."""
