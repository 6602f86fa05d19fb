"""`qimlp sweep` and `qimlp train --from-sweep`."""

import json
import os
import signal
import subprocess
import sys

import pytest

from qimlp.sweeps import read_sweep

SWEEP = ("sweep", "--epochs", "3", "--device", "cpu", "--dims", "4x4,4x4,3x1")


@pytest.fixture
def sweep(qimlp, tiny, tmp_path):
    def call(*options, out="out"):
        return qimlp(*SWEEP, tiny, "--out", tmp_path / out, *options)

    return call


def test_a_sweep_and_the_run_of_its_best_trial(qimlp, sweep, tmp_path):
    done = sweep("--trials", 4, "--search", "lr=1e-3..1e-1", "--search", "rank=1,2,4")
    assert done.code == 0, done.err
    found = read_sweep(tmp_path / "out")
    assert "Searching lr: 0.001 to 0.1 (log)" in done.out
    assert "Searching rank: 1, 2, 4" in done.out
    assert f"4 trials, kept in {tmp_path / 'out' / 'sweep.db'}; 1 worker" in done.out
    assert "[4/4] trial 3 dev" in done.out
    assert "The front: none is better with as few parameters" in done.out
    assert "Trials: 4 complete, 0 pruned, 0 failed" in done.out
    best = found.leaderboard[0]
    assert f"qimlp train --from-sweep {tmp_path / 'out'} --trial {best.number}" in done.out
    again = qimlp("train", "--from-sweep", tmp_path / "out", "--out", tmp_path / "runs")
    assert again.code == 0, again.err
    (file,) = (tmp_path / "runs").glob("*/seed-0/result.json")
    result = json.loads(file.read_text())
    assert (result["dev"]["accuracy"], result["parameters"]) == (best.metric, best.parameters)
    assert "accuracy" in result["test"]


def test_a_trial_with_several_seeds(qimlp, sweep, tmp_path):
    assert sweep("--trials", 2, "--search", "rank").code == 0
    runs = tmp_path / "runs"
    of_trial = ("train", "--from-sweep", tmp_path / "out", "--trial", 1)
    done = qimlp(*of_trial, "--seeds", "0,1", "--threads", 1, "--out", runs)
    assert done.code == 0, done.err
    rank = read_sweep(tmp_path / "out").trials[1].params["rank"]
    for seed in (0, 1):
        (file,) = runs.glob(f"*/seed-{seed}/settings.json")
        settings = json.loads(file.read_text())
        assert (settings["seed"], settings["rank"], settings["threads"]) == (seed, rank, 1)


def test_what_an_option_sets_is_not_searched(sweep, tmp_path):
    assert sweep("--trials", 1, "--lr", 0.02, "--no-prune", "--objective", "metric").code == 0
    found = read_sweep(tmp_path / "out")
    assert found.searched == ("rank", "bias", "order")
    assert found.settings.optimisation.lr == 0.02


def test_a_table_searches_its_own_network(qimlp, flowers, tmp_path):
    done = qimlp("sweep", flowers, "--steps", 20, "--trials", 2, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "taken for" in done.out
    found = read_sweep(tmp_path / "out")
    assert found.settings.network.kind == "table"
    assert found.settings.optimisation.steps == 20
    assert "embedding_dim" in found.searched
    done = qimlp("train", "--from-sweep", tmp_path / "out", "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    (file,) = (tmp_path / "runs").glob("*/seed-0/result.json")
    assert json.loads(file.read_text())["dev"]["accuracy"] == found.leaderboard[0].metric


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--search", "lrr"), "search: unknown setting 'lrr'; did you mean 'lr'"),
        (("--search", "lr=5..1"), "search lr: expected the lower end first"),
        (("--search", "lr", "--lr", "1"), "--search lr: it is set to one value as well; leave out"),
        (("--search", "seed=0,1"), "search seed: it says what is measured"),
        (("--objective", "speed"), "unknown objective 'speed'; valid: metric, parameters"),
        (("--sampler", "grid"), "unknown sampler 'grid'; valid: random, tpe"),
        (("--trials", "0"), "trials: expected 1 to 100,000, got 0"),
        (("--storage", "mysql://me:secret@there/x"), "storage: expected a file ending in"),
        (("--storage", "missing/x.db"), "the folder missing does not exist"),
    ],
)
def test_wrong_input_is_one_line(sweep, tmp_path, options, line):
    done = sweep(*options)
    assert (done.code, done.out.count("Trial")) == (2, 0)
    assert done.err.startswith("qimlp: error: ")
    assert line in done.err
    assert done.err.count("\n") == 1
    assert "secret" not in done.err


def test_from_sweep_takes_the_trials_settings(qimlp, sweep, tiny, tmp_path):
    def refused(*options):
        done = qimlp("train", *options)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        return done.err

    out = tmp_path / "out"
    assert "expected the folder of a sweep, with sweep.json" in refused("--from-sweep", tmp_path)
    assert "--trial: expected --from-sweep" in refused("digits", "--trial", 3)
    assert sweep("--trials", 1, "--search", "rank").code == 0
    names = "leave out --lr, --model, DATA"
    assert names in refused(tiny, "--from-sweep", out, "--lr", 1, "--model", "mlp")
    assert "trial 3 is not among the complete ones: [0]" in refused(
        "--from-sweep", out, "--trial", 3
    )
    (out / "trials.jsonl").unlink()
    assert "no trial is finished" in refused("--from-sweep", out)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_sweep_that_is_ended_keeps_what_is_finished(tiny, tmp_path, workers):
    options = [*SWEEP, str(tiny), "--workers", str(workers), "--sampler", "random", "--no-prune"]
    options += ["--threads", "1", "--search", "lr", "--search", "rank"]
    command = [sys.executable, "-m", "qimlp", *options, "--trials", "3000", "--out"]
    ended = tmp_path / "ended"
    process = subprocess.Popen(
        [*command, str(ended)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line.startswith("[4/"):
            break
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    assert err.startswith("qimlp: interrupted: ")
    assert err.endswith(" of 3000 trials are finished; the same command goes on\n")
    assert err.count("\n") == 1
    kept = read_sweep(ended)
    assert len(kept.trials) >= 4
    assert len({trial.number for trial in kept.trials}) == len(kept.trials)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_sweep_that_is_killed_ends_with_the_same_trials(sweep, tiny, tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-m", "qimlp", *SWEEP, str(tiny), "--trials", "40", "--threads", "1"]
    with subprocess.Popen(
        [*command, "--out", str(killed)], stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if line.startswith("[6/"):
                process.kill()
    assert process.returncode == -signal.SIGKILL
    for out in (killed, whole):
        assert sweep("--trials", 12, "--threads", 1, out=out.name).code == 0
    trials = [
        [{**t.to_dict(), "seconds": 0} for t in read_sweep(o).trials] for o in (killed, whole)
    ]
    assert trials[0][:12] == trials[1]


def test_without_optuna_it_says_what_to_install(tiny):
    script = """
import sys
sys.modules["optuna"] = None
from qimlp.cli.app import run
sys.exit(run(sys.argv[1:]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "sweep", str(tiny)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.strip() == (
        'qimlp: error: sweeps need optuna, which is not installed; pip install "qimlp[sweep]"'
    )
