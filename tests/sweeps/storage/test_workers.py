"""Four workers at once, and workers that are killed: no trial is lost, none is run twice."""

import random
import time
from pathlib import Path

import pytest

from benchmarks.sweeps.workers import Job, finished, kill, start, told, work

pytestmark = pytest.mark.timeout(600)  # twenty workers are started anew

_TRIALS = {"random": 50, "tpe": 30}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What one worker finds that nobody disturbs, for each sampler."""
    folder = tmp_path_factory.mktemp("undisturbed")
    found = {}
    for sampler, trials in _TRIALS.items():
        where = str(folder / f"{sampler}.journal")
        work(Job(where, trials, sampler, folder / f"{sampler}.txt"))
        found[sampler] = finished(where)
        assert sorted(found[sampler]) == list(range(trials))
    return found


def test_four_workers_run_every_trial_once(where: str, tmp_path: Path, expected: dict) -> None:
    job = Job(where, _TRIALS["random"], "random", tmp_path / "told.txt")
    workers = [start(job) for _ in range(4)]
    for worker in workers:
        worker.join(200)
        assert worker.exitcode == 0
    assert finished(where) == expected["random"]
    assert sorted(told(job.log)) == list(range(_TRIALS["random"]))


@pytest.mark.parametrize(("count", "sampler"), [(4, "random"), (1, "tpe")])
def test_workers_killed_again_and_again_find_the_same(
    where: str, tmp_path: Path, expected: dict, count: int, sampler: str
) -> None:
    job = Job(where, _TRIALS[sampler], sampler, tmp_path / "told.txt", seconds=0.08 * count)
    workers = [start(job) for _ in range(count)]
    chance = random.Random(count)  # noqa: S311 - not a secret
    for _ in range(20 if count > 1 or where.endswith(".journal") else 6):  # a database opens slowly
        before = len(told(job.log))
        while len(told(job.log)) == before:  # each is killed in the midst of work
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.1))
        victim = chance.randrange(count)
        kill(workers[victim])
        workers[victim] = start(job)
    for worker in workers:
        worker.join(200)
        assert worker.exitcode == 0
    assert finished(where) == expected[sampler]
    assert len(told(job.log)) == len(set(told(job.log)))
