"""Private: every way to compute the operator, and the one place that chooses."""
