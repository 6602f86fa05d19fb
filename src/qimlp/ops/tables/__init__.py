"""The layers of a network for tables: their definitions, and the kernel's way to compute them."""
