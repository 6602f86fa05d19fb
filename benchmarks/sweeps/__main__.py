"""A thousand trials on one storage by four workers, also with kills: `-m benchmarks.sweeps`.

Each trial draws three parameters, reports three epochs and is finished, with next to no work in
between: what is timed is the storage. Whether a trial was lost or run to its end twice is checked
against what one undisturbed worker finds.
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import report
from benchmarks.sweeps.workers import Job, finished, kill, start, told, work

_HEADER = ("storage", "workers", "sampler", "kills", "trials", "seconds", "lost", "doubled", "same")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweeps", description=__doc__)
    parser.add_argument("--trials", type=int, default=1000, help="default: 1000")
    parser.add_argument("--workers", type=int, default=4, help="default: 4")
    parser.add_argument("--kills", type=int, default=0, help="kill -9 of a worker, so often")
    parser.add_argument(
        "--sampler", choices=("random", "tpe"), default="random", help="tpe: with one worker alone"
    )
    parser.add_argument("--storage", help="an empty database of a server; default: two files")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        own = Path(folder)
        expected = _undisturbed(own, options.trials, options.sampler)
        places = [options.storage] if options.storage else [own / "sweep.db", own / "sweep.journal"]
        rows = [_row(str(place), own, options, expected) for place in places]
    report.print_table(_HEADER, rows)
    return 0 if all(row[-3:] == ("0", "0", "yes") for row in rows) else 1


def _undisturbed(folder: Path, trials: int, sampler: str) -> dict[int, object]:
    where = str(folder / "undisturbed.journal")
    work(Job(where, trials, sampler, folder / "undisturbed.txt"))
    return dict(finished(where))


def _row(
    where: str, folder: Path, options: argparse.Namespace, expected: dict[int, object]
) -> tuple[str, ...]:
    job = Job(where, options.trials, options.sampler, folder / f"told-{time.time()}.txt")
    begun = time.monotonic()
    workers = [start(job) for _ in range(options.workers)]
    chance = random.Random(options.kills)  # noqa: S311 - not a secret
    for _ in range(options.kills):
        time.sleep(chance.uniform(0.05, 1.0))
        victim = chance.randrange(options.workers)
        kill(workers[victim])
        workers[victim] = start(job)
    for worker in workers:
        worker.join()
    seconds = time.monotonic() - begun
    found, numbers = finished(where), told(job.log)
    return (
        "server" if options.storage else Path(where).suffix,
        str(options.workers),
        options.sampler,
        str(options.kills),
        str(len(found)),
        f"{seconds:.1f}",
        str(len(set(expected) - set(found))),
        str(len(numbers) - len(set(numbers)) + len(found) - options.trials),
        "yes" if found == expected else "no",
    )


if __name__ == "__main__":
    sys.exit(main())
