"""Times an optimizer step of the network for tables, and its parts."""
