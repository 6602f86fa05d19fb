"""Splits and batches of data in memory."""
