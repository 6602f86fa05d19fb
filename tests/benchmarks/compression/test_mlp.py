"""The program that compresses MLPs, on a problem that takes no time."""

import json

import pytest
import torch
from torch import nn

from benchmarks.compression import mlp, subjects
from benchmarks.compression.rivals import dynamic_int8, pruned, rounded
from benchmarks.compression.subjects import Images, Subject, trained


def images(_subject, *, dev):
    random = torch.Generator().manual_seed(int(dev))
    inputs = torch.randn(400, 36, generator=random)
    classes = inputs[:, :4].argmax(dim=1)
    return Images(inputs[:300], classes[:300], inputs[300:], classes[300:])


@pytest.fixture
def tiny(monkeypatch):
    subject = Subject("mnist", (36, 36, 36, 4), 100)
    monkeypatch.setitem(subjects.SUBJECTS, "mnist", subject)
    monkeypatch.setattr(mlp, "images", images)
    monkeypatch.setattr(mlp, "_speed", lambda dense, small: 2.0)
    return subject


def test_every_way_has_its_row_and_its_line(tiny, tmp_path, capsys):
    file = tmp_path / "found.json"
    given = ["--ratios", "3", "60", "--seeds", "0", "1", "--json", str(file)]
    assert mlp.main([*given, "--keep", str(tmp_path / "kept")]) == 0
    rows = json.loads(file.read_text())["rows"]
    assert len(rows) == 2 * (3 + 2 * (3 * 2 + 1))
    assert len(list((tmp_path / "kept").iterdir())) == 2
    reached = [row for row in rows if "parameters" in row and row["ratio"] == 3]
    assert len(reached) == 12
    for row in reached:
        assert row["parameters"] <= (36 * 37 * 2 + 37 * 4) / 3
        assert row["reached"] >= 3
    aware = [row for row in reached if row["fitted_to"] == "data" and row["form"] == "auto"]
    assert all(any("chosen by the loss" in note for note in row["notes"]) for row in aware)
    too_far = [row for row in rows if row.get("ratio") == 60 and row["form"] == "low_rank"]
    assert len(too_far) == 4
    assert all(row["left_out"].startswith("ratio: expected at most") for row in too_far)
    printed = capsys.readouterr().out
    assert "accuracy on the test set:" in printed
    assert "| 3     | low_rank   | data" in printed
    assert "not reached" in printed


def test_a_kept_network_is_read_again(tiny, tmp_path):
    data = images(tiny, dev=False)
    first, second = (trained(tiny, data, 0, tmp_path) for _ in range(2))
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert data.accuracy(first) > 0.6
    assert not second.training


def test_pruning_keeps_what_is_largest_within_the_bytes():
    model = nn.Sequential(nn.Linear(8, 6), nn.GELU(), nn.Linear(6, 2))
    weights = torch.cat([model[0].weight.flatten(), model[2].weight.flatten()]).abs()
    small = pruned(model, 200)
    kept = torch.cat([small[0].weight.flatten(), small[2].weight.flatten()]) != 0
    assert int(kept.sum()) == (200 - 4 * 8) // 6
    assert weights[kept].min() >= weights[~kept].max()
    with pytest.raises(ValueError, match="biases alone take 32 bytes"):
        pruned(model, 30)


def test_rounded_weights_are_within_half_a_step():
    model = nn.Sequential(nn.Linear(8, 6))
    small, size = rounded(model)
    assert size == 8 * 6 + 2 * 4 * 6
    step = model[0].weight.detach().abs().amax(1, keepdim=True) / 127
    assert bool(((small[0].weight - model[0].weight).abs() <= 0.5001 * step).all())
    assert not torch.equal(small[0].weight, model[0].weight)


def test_int8_of_torch_answers_nearly_the_same():
    model = nn.Sequential(nn.Linear(8, 6), nn.GELU(), nn.Linear(6, 2))
    inputs = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted, given = model(inputs), dynamic_int8(model)(inputs)
    assert not torch.equal(given, wanted)
    assert float((given - wanted).abs().max()) < 0.05 * float(wanted.abs().max())
