"""From settings to a `Trainer`: where data lies, its parts as batches, the network."""
