"""The cells of the evaluation, and what they cost."""
