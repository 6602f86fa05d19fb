"""Walk through the README as a stranger does, in an empty environment, and say what each step took.

Usage: python .ci/first_steps.py [WHEEL]

Its installation (of the wheel, if one is named; else of this checkout, whose kernel is compiled),
its Python, and its commands on a small table. PIP_CONSTRAINT can name versions, as in
`make first-steps`. Exit code 1 where a step fails; the time is said, never a failure.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("csrc", "src", "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
MINUTES = 10


def main() -> None:
    """Run every step; end with the first that fails."""
    if len(sys.argv) > 2:
        sys.exit(f"usage: python {sys.argv[0]} [WHEEL]")
    wheel = Path(sys.argv[1]).resolve() if len(sys.argv) == 2 else None
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_tables(work)
        start = now()
        sys.stdout.write("  by the clock   of processors\n")
        for title, command, where in steps(work, wheel):
            began = now()
            printed = run(command, where, work)
            tell(began, printed.strip() if title == "the kernel" else title)
        under = now()[0] - start[0] < 60 * MINUTES
        tell(start, f"in all: {'' if under else 'NOT '}under {MINUTES} minutes")


def now() -> tuple[float, float]:
    """The clock, and the time of processors that the steps have used."""
    used = os.times()
    return time.monotonic(), used.children_user + used.children_system


def tell(since: tuple[float, float], what: str) -> None:
    """Say what took how long."""
    clock, processors = (after - before for after, before in zip(now(), since, strict=True))
    sys.stdout.write(f"{clock:12.1f} s{processors:14.1f} s   {what}\n")
    sys.stdout.flush()


def steps(work: Path, wheel: Path | None) -> list[tuple[str, list[str], Path]]:
    """Every step with its title and the folder it is run in, in the order of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    source = work / "source"
    if wheel is None:
        for name in SOURCES:
            copy(ROOT / name, source / name)
    python = str(work / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python")
    install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    found = [("an empty environment", [sys.executable, "-m", "venv", str(work / "venv")], work)]
    for wanted in re.findall(r"^pip install '?([^'\s]+)", text, re.MULTILINE):
        named = f"{wheel}{wanted[1:]}" if wheel and wanted.startswith(".") else wanted
        title = f"pip install {wanted if wheel is None else Path(named).name}"
        found.append((title, [*install, named], work if wheel else source))
    kernel = "from qimlp.ops import reason; print(reason())"
    found.append(("the kernel", [python, "-c", kernel], work))
    for language, block in re.findall(r"^```(python|bash)\n(.*?)^```$", text, re.DOTALL | re.M):
        if language == "python":
            title = next(line for line in block.splitlines() if "qimlp" in line)
            found.append((f"Python: {title} ...", [python, "-c", block], work))
            continue
        for line in block.splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["qimlp"]:
                found.append((" ".join(words), [python, "-m", *words], work))
    found.append(("qimlp train digits", [python, "-m", "qimlp", "train", "digits"], work))
    return found


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, without what was built in it."""
    if source.is_dir():
        left_out = shutil.ignore_patterns("_kernel*", "__pycache__", "*.egg-info")
        shutil.copytree(source, target, ignore=left_out)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def write_tables(work: Path) -> None:
    """Write the reader's own table, and new rows without the target."""
    numbers = random.Random(0)  # noqa: S311 - an example
    rows = []
    for _ in range(400):
        area, rooms = numbers.uniform(30, 200), numbers.randint(1, 7)
        town = numbers.choice(["Bergen", "Oslo", "Tromsø"])
        price = 2 * area + 10 * rooms + 50 * (town == "Oslo") + numbers.gauss(0, 5)
        rows.append((f"{area:.1f},{rooms},{town}", f"{price:.1f}"))
    known = "".join(f"{row},{price}\n" for row, price in rows)
    (work / "my.csv").write_text(f"area,rooms,town,price\n{known}", encoding="utf-8")
    new = "".join(f"{row}\n" for row, _ in rows[:20])
    (work / "new.csv").write_text(f"area,rooms,town\n{new}", encoding="utf-8")


def run(command: list[str], where: Path, work: Path) -> str:
    """Run a step and return what it prints; end this program with its last words where it fails."""
    hidden = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(  # noqa: S603 - this project's own commands
        command, cwd=where, env=hidden, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stdout + done.stderr)[-3000:]
        sys.exit(
            f"failed with {done.returncode} in {where.relative_to(work.parent)}: {command}\n{last}"
        )
    return done.stdout


if __name__ == "__main__":
    main()
