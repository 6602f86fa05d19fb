"""Hold the source archive against the files that git knows: nothing is missing, nothing is private.

Usage: python .ci/check_archive.py ARCHIVE.tar.gz
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = (".github/", ".gitignore", ".pre-commit-config.yaml")
MADE = ("PKG-INFO", "setup.cfg", "src/qimlp.egg-info/")


def main() -> None:
    """Compare the names; end with one line where they differ."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} ARCHIVE.tar.gz")
    with tarfile.open(sys.argv[1]) as archive:
        packed = {
            member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()
        }
    git = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, capture_output=True, text=True, check=False)  # noqa: S603
    if listed.returncode != 0:
        sys.stdout.write("no git repository here: the archive is not compared with it\n")
        return
    known = {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}
    wanted = {name for name in known if not name.startswith(LEFT_OUT)}
    missing = sorted(wanted - packed)
    strange = sorted(name for name in packed - known if not name.startswith(MADE))
    if missing:
        sys.exit(f"the archive lacks {len(missing)} files, such as {missing[:5]}; see MANIFEST.in")
    if strange:
        sys.exit(f"the archive holds {len(strange)} files too many, such as {strange[:5]}")
    sys.stdout.write(f"{Path(sys.argv[1]).name}: {len(packed)} files, all that git knows\n")


if __name__ == "__main__":
    main()
