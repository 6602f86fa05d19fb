"""Storages of sweeps under load, and workers that are killed."""
