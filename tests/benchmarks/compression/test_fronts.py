import json

from benchmarks.compression import fronts


def write(path, rows, program="compression.mlp"):
    path.write_text(
        json.dumps({"program": program, "setting": {"data": "mnist"}, "rows": rows}),
        encoding="utf-8",
    )
    return path


def row(ratio, form, tuned, fitted_to="data"):
    return {"ratio": ratio, "form": form, "fitted_to": fitted_to, "reached": ratio, "tuned": tuned}


def test_a_front_is_the_mean_over_seeds_and_files(tmp_path):
    first = write(tmp_path / "0.json", [row(20, "auto", 0.9), row(10, "auto", 0.95)])
    second = write(tmp_path / "1.json", [row(20, "auto", 0.8), row(20, "auto", 0.1, "weights")])
    rows = fronts.collected([first, second])["mnist"]
    assert fronts.front(rows, "auto", "tuned", "reached") == [(10, 0.95), (20, (0.9 + 0.8) / 2)]
    assert fronts.front(rows, "auto", "tuned", "speed") == []


def test_a_picture_is_drawn_and_other_files_are_refused(tmp_path, capsys):
    dense = {"form": "dense", "tuned": 0.97}
    file = write(tmp_path / "0.json", [dense, row(20, "low_rank", 0.9)])
    assert fronts.main([str(file), "--out", str(tmp_path / "new" / "fronts.png")]) == 0
    assert (tmp_path / "new" / "fronts.png").read_bytes().startswith(b"\x89PNG")
    other = write(tmp_path / "1.json", [], program="bench")
    assert fronts.main([str(other), "--out", str(tmp_path / "no.png")]) == 1
    assert "expected results of benchmarks.compression.mlp" in capsys.readouterr().err
    assert not (tmp_path / "no.png").exists()
