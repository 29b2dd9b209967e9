"""PSRO by simulation: learned responses, sampled payoffs, statistical certificates."""
