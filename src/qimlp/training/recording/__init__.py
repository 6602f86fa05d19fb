"""What is written while a training goes on: its state, curves, checkpoints, trackers."""
