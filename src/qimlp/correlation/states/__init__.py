"""Correlations of states: vectors read as pure states, their entropies and distances."""
