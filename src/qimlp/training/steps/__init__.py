"""Ways to take one optimizer step."""
