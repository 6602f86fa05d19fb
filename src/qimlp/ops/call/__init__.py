"""What a call asks of its arguments, and the way from there to the methods."""
