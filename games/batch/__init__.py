"""Many plays of one game side by side, as arrays."""
