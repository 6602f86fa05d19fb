"""The benchmark of ONNX files compares each network with the dense one."""

import json

import pytest

from benchmarks.export import onnx as program

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def test_each_network_beside_the_dense_one(tmp_path, monkeypatch, capsys):
    networks = {name: program.NETWORKS[name] for name in ("2b", "dense")}
    monkeypatch.setattr(program, "NETWORKS", networks)
    code = program.main(["--rounds", "2", "--json", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())["rows"]
    ratio = found[0]["batch_1_us"] * found[0]["dense_over_it"] / found[1]["batch_1_us"]
    assert ratio == pytest.approx(1)
    assert code == (found[0]["dense_over_it"] < program.WANTED)
    assert found[0]["bytes"] < 60_000 < found[1]["bytes"]
    assert "| 2b " in capsys.readouterr().out
