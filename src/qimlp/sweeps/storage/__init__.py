"""Storages of sweeps: files and servers that several processes share, and who runs which trial.

Needs the optional libraries of `pip install "qimlp[sweep]"`, a PostgreSQL server those of
`[postgres]` too; they are imported on first use.
"""

from typing import TYPE_CHECKING

from qimlp._faces import lazy_face

if TYPE_CHECKING:
    from qimlp.sweeps.storage.claims import Claim, Claims
    from qimlp.sweeps.storage.opening import open_storage
    from qimlp.sweeps.storage.place import place_of
    from qimlp.sweeps.storage.storage import Storage
    from qimlp.sweeps.storage.study import load_study, open_study

__all__ = [
    "Claim",
    "Claims",
    "Storage",
    "load_study",
    "open_storage",
    "open_study",
    "place_of",
]

__getattr__ = lazy_face(
    __name__,
    {
        "claims": ("Claim", "Claims"),
        "opening": ("open_storage",),
        "place": ("place_of",),
        "storage": ("Storage",),
        "study": ("load_study", "open_study"),
    },
)
