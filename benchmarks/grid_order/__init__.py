"""Trains on shuffled pixels, put in order by a learned grid."""
