"""Cells run side by side, and their results kept."""
