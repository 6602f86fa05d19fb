"""Small tables for the tests of the estimators, and settings that train on them quickly."""

import numpy as np

QUICK = {"n_members": 2, "embedding_dim": 4, "hidden_layer_sizes": ((4, 4),), "random_state": 0}
"""A network that a few steps train."""


def classes(rows=200, columns=4, seed=0):
    """Three classes of numbers that a line through the first two columns tells apart."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, columns))
    return X, np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])


def numbers(rows=300, columns=4, noise=0.1, seed=0):
    """A smooth function of two columns, with noise of a known size."""
    random = np.random.default_rng(seed)
    X = random.uniform(-1, 1, size=(rows, columns))
    y = 10 + 3 * np.sin(3 * X[:, 0]) + 2 * X[:, 1] ** 2
    return X, y + noise * random.normal(size=rows)
