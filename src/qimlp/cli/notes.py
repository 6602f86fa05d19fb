"""What to know before a run trains."""

from collections.abc import Sequence

from rich.console import Console


class Notes:
    """Notes on runs, each printed once however many runs share it.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: set[str] = set()

    def say(self, notes: Sequence[str]) -> None:
        """Print those that are new.

        Args:
            notes: One line each.
        """
        for note in notes:
            if note not in self._said:
                self._console.print(f"Note: {note}", markup=False, soft_wrap=True)
                self._said.add(note)
