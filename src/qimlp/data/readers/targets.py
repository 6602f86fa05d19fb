"""From what a source says of its examples to what a task learns from."""

from __future__ import annotations

from torch import Tensor

from qimlp.data.readers.labels import encode
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.tasks import Classification, Task


def targets_for(raw: RawExamples, task: Task) -> Tensor:
    """Read the labels of examples as a task has them.

    Args:
        raw: Labelled examples.
        task: What is learned.

    Returns:
        Class numbers of shape (N,), ``int64``, or targets of shape (N, T), ``float64``.

    Raises:
        ValueError: If the labels are not such that the task can use them.
    """
    if isinstance(task, Classification):
        return encode(raw, task.class_names)
    raise ValueError(f"{raw.origin}: expected class labels for {task.kind}")
