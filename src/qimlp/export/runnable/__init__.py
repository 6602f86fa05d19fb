"""A predictor as one module of torch's own operations: raw rows in, answers out."""
