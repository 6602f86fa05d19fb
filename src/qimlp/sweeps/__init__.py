"""Search over the settings of training, and tasks side by side on one machine.

What searches needs the optional libraries of `pip install "qimlp[sweep]"` and is therefore
imported on first use.
"""

from typing import TYPE_CHECKING, Any

from qimlp._faces import lazy_face

if TYPE_CHECKING:
    from qimlp.sweeps.events import (
        OnSweepEvent,
        SweepEvent,
        SweepStarted,
        TrialEpoch,
        TrialFinished,
    )
    from qimlp.sweeps.folder import SweepResult, read_sweep
    from qimlp.sweeps.results import TrialResult
    from qimlp.sweeps.run import sweep
    from qimlp.sweeps.side_by_side import run_side_by_side, usable_cores

__all__ = [
    "OnSweepEvent",
    "SweepEvent",
    "SweepResult",
    "SweepStarted",
    "TrialEpoch",
    "TrialFinished",
    "TrialResult",
    "read_sweep",
    "run_side_by_side",
    "sweep",
    "usable_cores",
]

_load = lazy_face(
    __name__,
    {
        "events": ("OnSweepEvent", "SweepEvent", "SweepStarted", "TrialEpoch", "TrialFinished"),
        "folder": ("SweepResult", "read_sweep"),
        "results": ("TrialResult",),
        "side_by_side": ("run_side_by_side", "usable_cores"),
        "run": ("sweep",),
    },
)


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"optuna", "sqlalchemy"}:
            raise
        raise ImportError(
            f'sweeps need {error.name}, which is not installed; pip install "qimlp[sweep]"'
        ) from error
