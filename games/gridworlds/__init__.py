"""Small games on grids."""
