"""Optimizers, schedules, parameter groups and averages."""
