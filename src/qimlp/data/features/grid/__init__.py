"""A grid of features learned without labels."""
