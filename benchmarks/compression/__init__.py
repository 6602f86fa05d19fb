"""Compression of whole models: accuracy against parameters."""
