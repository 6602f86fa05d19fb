"""Compressing what lies in a folder: a run, a saved predictor, a transformers encoder."""
