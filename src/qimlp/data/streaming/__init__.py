"""Data that is never held in memory whole."""
