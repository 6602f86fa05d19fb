"""Tasks for processes that load little."""

import os
import time
from pathlib import Path


def square(task: int, tell) -> int:
    tell((f"task {task}", 0.5))
    if task < 0:
        raise ValueError("no square")
    if task == 13:
        os._exit(1)
    if task == 99:
        from qimlp.training import TrainingInterrupted

        raise TrainingInterrupted("the task was interrupted")
    return task * task


def sleep_long(task: int, tell) -> None:
    try:
        tell(os.getpid())
        time.sleep(100)
    except KeyboardInterrupt:
        Path(f"interrupted-{task}").touch()
        raise
