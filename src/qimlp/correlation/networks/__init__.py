"""Correlations in networks: which layers, measured how, against which baselines."""
