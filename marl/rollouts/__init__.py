"""Playing games forward and measuring the returns."""
