"""Runs as folders on disk."""
