"""Training in memory: the loop and what changes in it."""
