"""What ends a training before its end: signals, and a limit of time."""
