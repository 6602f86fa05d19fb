"""Run the code of a page in a process of its own."""

import multiprocessing
import os
import sys
import warnings
from pathlib import Path

from tests.docs.pages import blocks, commands

_SECONDS = 280
_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_PROCESSES = multiprocessing.get_context(_METHOD)
if _METHOD == "forkserver":
    # The libraries are imported once; each page starts from a copy of that process.
    _PROCESSES.set_forkserver_preload(["torch", "pandas", "sklearn.datasets", "qimlp.cli.app"])


def run_page(page: str, folder: Path) -> str:
    """Run the code of a page as one who pastes block after block.

    What a block defines is known to the next ones. Lines of `shell` blocks are commands of `qimlp`
    and must end well.

    Args:
        page: Path below the project's folder.
        folder: Where to run it.

    Returns:
        What went wrong, with the page's lines; nothing where all went well.
    """
    log = folder / "page.log"
    process = _PROCESSES.Process(target=_run, args=(page, str(folder), str(log)))
    process.start()
    process.join(_SECONDS)
    if process.is_alive():
        process.kill()
        return f"{page} took more than {_SECONDS} seconds"
    if not process.exitcode:
        return ""
    return f"{log.read_text(encoding='utf-8')[-2000:]}\n{page}: exit code {process.exitcode}"


def _run(page: str, folder: str, log: str) -> None:
    os.chdir(folder)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.stdout.flush()
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    os.environ["MPLBACKEND"] = "agg"
    warnings.filterwarnings("error", category=DeprecationWarning, module="qimlp")
    from qimlp.cli.app import run

    names = {"__name__": "__main__"}
    for block in blocks(page, "python", "shell"):
        if block.language == "python":
            code = "\n" * (block.line - 1) + block.code
            exec(compile(code, page, "exec"), names)  # noqa: S102 - the project's own pages
            continue
        for words in commands(block):
            if code := run(words[1:]):
                sys.exit(f"line {block.line}: {' '.join(words)}: exit code {code}")
