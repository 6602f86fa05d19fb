"""C99 for microcontrollers: no allocation, no library calls, weights in flash."""
