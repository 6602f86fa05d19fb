"""Progress of a fit, for whoever asked for it."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class Bar:
    """A bar on standard error, with the loss and the last score.

    Args:
        steps: Steps of the whole fit.
    """

    def __init__(self, steps: int) -> None:
        from rich.console import Console  # noqa: PLC0415 - only where somebody looks
        from rich.progress import Progress  # noqa: PLC0415

        self._progress = Progress(console=Console(stderr=True))
        self._task: Any = self._progress.add_task("fit", total=steps)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def at(self, step: int, loss: float, scores: list[float]) -> None:
        """Show where the fit is.

        Args:
            step: Steps done.
            loss: Mean training loss of the last ones.
            scores: Of the validation part, so far.
        """
        words = f"loss {loss:.4g}" + (f", score {scores[-1]:.4g}" if scores else "")
        self._progress.update(self._task, completed=step, description=words)
