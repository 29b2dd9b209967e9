"""PSRO variants: parts and whole methods beyond the double oracle."""
