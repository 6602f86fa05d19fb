"""Files of tables with columns of any kind: read, described, and split."""
