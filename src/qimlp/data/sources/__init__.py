"""Where data lies: names, folders, the hub."""
