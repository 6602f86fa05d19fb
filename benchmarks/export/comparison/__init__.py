"""Small networks and their rivals at the flash of a microcontroller: accuracy beside bytes."""
