"""Search over the settings of training, and tasks side by side on one machine.

What searches needs the optional libraries of `pip install "qimlp[sweep]"` and is therefore
imported on first use.
"""

from typing import TYPE_CHECKING

from qimlp._faces import lazy_face

if TYPE_CHECKING:
    from qimlp.sweeps.side_by_side import run_side_by_side, usable_cores

__all__ = [
    "run_side_by_side",
    "usable_cores",
]

__getattr__ = lazy_face(
    __name__,
    {
        "side_by_side": ("run_side_by_side", "usable_cores"),
    },
)
