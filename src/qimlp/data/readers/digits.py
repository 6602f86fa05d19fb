"""The digits that scikit-learn carries: 1,797 images of 8x8 pixels, no download."""

from __future__ import annotations

import numpy as np

from qimlp.data.extras import import_extra
from qimlp.data.readers.raw_examples import RawExamples, examples_from_array


def read_digits() -> RawExamples:
    """Read all digits, in scikit-learn's order.

    Returns:
        Inputs of shape (8, 8), `float32` from 0 to 16, and labels 0 to 9.
    """
    digits = import_extra("sklearn.datasets").load_digits()
    return examples_from_array(
        np.asarray(digits.images, dtype=np.float32),
        "digits",
        np.asarray(digits.target, dtype=np.int64),
        class_names=tuple(str(name) for name in digits.target_names),
    )
