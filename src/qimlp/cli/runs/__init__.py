"""Runs from the command line: their settings by options, data and recipes."""
