"""Put the torches that a release wheel serves on disk, for QIMLP_BUILD_TORCH to name.

Usage: python .ci/torches.py FOLDER

Each goes to FOLDER/<major>.<minor>/torch without its dependencies: it is compiled against, not run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

VERSIONS = ("2.12.1", "2.13.0")


def main() -> None:
    """Install every version that is not there yet."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER")
    for version in VERSIONS:
        folder = Path(sys.argv[1], version.rpartition(".")[0])
        if (folder / "torch" / "version.py").is_file():
            continue
        pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(folder)]
        subprocess.run([*pip, f"torch=={version}"], check=True)  # noqa: S603 - this Python's pip


if __name__ == "__main__":
    main()
