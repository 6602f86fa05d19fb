"""A small data set on disk and settings that train on it within a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from qimlp.training import TrainSettings


def write_tiny(path: Path, *, seed: int = 0) -> Path:
    """Three classes of 4x4 features: 100 for training, 30 for the test."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(3, 4, 4)) * 2
    labels = np.arange(130) % 3
    inputs = (centres[labels] + random.normal(size=(130, 4, 4))).astype(np.float32)
    np.savez(
        path, x_train=inputs[:100], y_train=labels[:100], x_test=inputs[100:], y_test=labels[100:]
    )
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny.npz")


@pytest.fixture
def settings(tiny: Path) -> Callable[..., TrainSettings]:
    """Make settings for the small data set: 80 examples in 8 steps an epoch, 3 epochs."""

    # Here, so that tests which need torch alone run without what training needs.
    from qimlp.training import resolve_settings

    def make(**changes: object) -> TrainSettings:
        given = {
            "data": str(tiny),
            "dims": "4x4,4x4,3x1",
            "epochs": 3,
            "batch_size": 10,
            "log_every": 3,
            "device": "cpu",
        }
        return resolve_settings({**given, **changes})

    return make
