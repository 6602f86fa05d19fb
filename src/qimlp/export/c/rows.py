"""Raw examples out of nothing, where none of a run are given."""

from __future__ import annotations

import numpy as np

from qimlp.export.description import Array, Description


def random_rows(description: Description, count: int) -> Array:
    """Draw raw examples of about the zero point and the unit that a network scales by.

    Args:
        description: Of the network.
        count: How many.

    Returns:
        Of shape (count, in_features), the same at every call.
    """
    random = np.random.default_rng(0)
    shape = (count, description.in_features)
    if description.pixels:
        return random.integers(0, 256, shape).astype(np.float64)
    return np.asarray(description.shift + description.scale * random.normal(size=shape))
