"""Small games of cars on a road."""
