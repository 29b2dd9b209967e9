"""Whatever learns and plays."""
