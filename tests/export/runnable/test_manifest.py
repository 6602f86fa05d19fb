"""What a user of an artefact has to know is said."""

from dataclasses import replace

import numpy as np

from qimlp.data import Column
from qimlp.export.runnable.manifest import fingerprint, limits
from qimlp.models import MLP
from tests.export.subjects import frame, subject, table_subject


def test_images_have_the_size_of_the_training_images():
    made = subject(MLP([12, 4]), shape=(3, 2, 2), resize=True)
    assert limits(made, head=False) == (
        "x is an image of 3 x 2 x 2: others have to be brought to that size before",
    )


def test_truth_values_are_numbers():
    made = table_subject(frame()[["size"]].assign(smoker=np.arange(60) % 2))
    columns = (Column("size", "number"), Column("smoker", "boolean"))
    made = replace(made, features=replace(made.features, columns=columns))
    assert limits(made, head=False) == (
        "numbers are float64, NaN where missing: 'size, smoker'",
        "truth values are 1 and 0: 'smoker'",
    )


def test_a_fingerprint_is_of_all_that_decides():
    first, second = subject(MLP([12, 4])), subject(MLP([12, 4]))
    assert fingerprint(first) == fingerprint(second)
    others = [
        replace(first, features=replace(first.features, order=(1, 0, *range(2, 12)))),
        replace(first, scaling=replace(first.scaling, kind="unit", scale=(2.0,))),
        replace(first, task=replace(first.task, class_names=("a", "b", "c", "e"))),
        subject(MLP([12, 4], activation="relu")),
    ]
    assert len({fingerprint(each) for each in (first, *others)}) == 5
