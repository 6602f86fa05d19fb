import json

import pytest
import torch

from benchmarks import campaign, huge, layers, options, peers, report, trainer, training_step
from benchmarks.blobs import blobs
from benchmarks.cases import HUGE, LAYERS, NO_SLOWER, Goal
from qimlp import QiMLP
from qimlp.bench import layer
from qimlp.bench import training_step as step_of
from qimlp.bench.case import Case
from qimlp.bench.formatting import seconds
from qimlp.bench.implementations import LINEAR, Contestant
from qimlp.bench.timing import Timings
from qimlp.shapes import KroneckerShape

SMALL = ["--quick", "--cases", "4x4->4x4, batch 50"]


@pytest.fixture
def no_clock(monkeypatch):
    """Programs run every check but time nothing: qimlp takes 1 s, everything else 2 s."""

    def interleave(calls, *, rounds, device):
        return Timings({name: (1.0 + (name != "qimlp"),) * rounds for name in calls})

    for program in (layer, huge, step_of):
        monkeypatch.setattr(program, "interleave", interleave)
    monkeypatch.setattr("qimlp.bench.floor.Machine.peak", 1e9)
    monkeypatch.setattr("qimlp.bench.floor.Machine.bandwidth", lambda self, moved: 1e9)


def test_twenty_layers_are_timed_and_none_may_be_slower():
    assert len({target.case.label for target in LAYERS}) == len(LAYERS) == 20
    goals = [goal for target in LAYERS for goal in target.goals.values()]
    assert len(goals) == 39
    assert all(goal.speedups.get(LINEAR, 1.0) >= NO_SLOWER for goal in goals)


@pytest.mark.parametrize(
    ("speedups", "multiple", "verdict"),
    [
        ({"a": 4.0, "b": 1.4}, 2.0, "met"),
        ({"a": 3.9, "b": 1.4}, 2.0, "NOT met: a"),
        ({"a": 3.9, "b": 1.4}, 2.1, "NOT met: a, floor"),
        ({"a": 4.0}, 2.0, "not measured: b"),
        ({"a": 4.0}, 2.1, "NOT met: floor"),
    ],
)
def test_verdicts_name_what_is_missing(speedups, multiple, verdict):
    goal = Goal({"a": 4.0, "b": 1.4}, 2.0)
    assert goal.verdict(speedups, multiple) == verdict
    assert str(goal) == "4x a, 1.4x b, floor 2x"


def test_layers_prints_a_row_for_each_mode_and_writes_it(no_clock, tmp_path, capsys):
    file = tmp_path / "layers.json"
    assert layers.main([*SMALL, "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("| 4x4->4x4, batch 50 |") == 2
    assert printed.count("| met ") == 2
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert [row["mode"] for row in saved["rows"]] == ["forward", "forward+backward"]
    assert [row["speedup_over"]["nn.Linear"] for row in saved["rows"]] == [2.0, 2.0]
    assert saved["setting"]["dtype"] == "float32"
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_is_reported_when_the_layer_is_wrong(no_clock, monkeypatch, tmp_path, capsys):
    def wrong(problem):
        right = peers.rebuild(problem)
        return Contestant(lambda: -right.forward(), right.leaves)

    monkeypatch.setattr(peers, "ours", wrong)
    assert layers.main([*SMALL, "--json", str(tmp_path / "layers.json")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "nothing reported: qimlp is wrong on 4x4->4x4, batch 50, forward: "
        "relative error 2.0e+00, allowed 1e-05"
    ]
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_ends_with_one_line(tmp_path):
    with pytest.raises(SystemExit, match="give --json another place"):
        report.save(tmp_path / "missing" / "x.json", "layers", {}, [])


def test_huge_reports_both_modes(no_clock, monkeypatch, capsys):
    monkeypatch.setattr(huge, "HUGE", Case(KroneckerShape((32, 32), (32, 32)), 4))
    assert huge.main(["--quick"]) == 0
    assert capsys.readouterr().out.count("| 32x32->32x32, batch 4 |") == 2
    assert HUGE.shape.dense_weight_parameters * 4 == 4 * 2**40


def test_training_step_times_the_papers_mnist_networks(no_clock, capsys):
    assert training_step.main(["--quick", "--networks", "mnist"]) == 0
    printed = capsys.readouterr().out
    assert "| mnist two-body, batch 50 | ordinary loop |" in printed
    assert "| mnist two-body, batch 50 | qimlp train   |" in printed


def test_both_ways_of_a_step_learn_the_same():
    torch.manual_seed(0)
    models = [QiMLP([(4, 4), (4, 4), (1, 3)]) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    x, labels = torch.randn(50, 16), torch.randint(3, (50,))
    for make, model in zip((step_of.training_step, step_of.trainers_step), models, strict=True):
        step = make(model, x, labels)
        for _ in range(5):
            step()
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


def test_training_step_refuses_a_network_of_another_size(no_clock, monkeypatch, capsys):
    step = step_of.PaperStep("mnist", "dense", 3_451, 1_238_730)
    monkeypatch.setattr(training_step, "STEPS", (step,))
    assert training_step.main(["--quick"]) == 1
    assert "parameters, not 3,451" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cases", "nonsense"], "no case is named like nonsense"),
        (["--rounds", "1"], "--rounds: expected at least 2, got 1"),
        (["--device", "tpu9"], "--device: expected cpu or cuda, got tpu9"),
        (["--device", "meta"], "--device: expected cpu or cuda, got meta"),
        (["--json", "no/such/folder/x.json"], "create it first"),
    ],
)
def test_bad_arguments_end_with_one_line_and_exit_code_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        layers.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_cuda_without_a_device_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    parser = options.parser("layers", "", rounds=2)
    with pytest.raises(SystemExit):
        options.resolve(parser, parser.parse_args(["--device", "cuda"]))
    assert "no CUDA device" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "text"), [(1.5, "1.5 s"), (0.0123, "12.3 ms"), (4.2e-5, "42 µs"), (7e-9, "7 ns")]
)
def test_durations_have_the_unit_that_suits_them(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize("optimizer", ["adamw", "full-matrix"])
def test_the_trainers_program_takes_the_trainers_steps(monkeypatch, optimizer):
    monkeypatch.setattr(trainer, "_EXAMPLES", 250)
    calls, steps = trainer._calls("mnist", "2b", optimizer)
    assert steps == 4  # a fifth is the dev part
    for call in calls.values():
        call()


def test_the_campaigns_program_finds_stacked_and_single_runs_equal(monkeypatch):
    monkeypatch.setattr(campaign, "_EXAMPLES", 250)
    dims, rank = campaign.NETWORKS["digits 2b"]
    runs = [campaign._settings(dims, rank, seed) for seed in range(2)]
    assert campaign._agree(runs, blobs(250, 64))
