"""The report of the evaluation."""
