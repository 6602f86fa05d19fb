import pytest


def test_list_names_every_cell(qimlp, tmp_path):
    done = qimlp("reproduce", "--list", "--only", "mnist", "--out", tmp_path)
    assert done.code == 0
    assert "mnist/2b/tuned" in done.out
    assert "cifar10" not in done.out
    assert not list(tmp_path.iterdir())


def test_report_only_runs_nothing(qimlp, tmp_path):
    done = qimlp("reproduce", "--report-only", "--out", tmp_path / "out")
    assert done.code == 0
    assert (tmp_path / "out" / "report.html").is_file()
    assert not (tmp_path / "out" / "results").exists()
    assert "0 runs of" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "minst"), "unknown data set 'minst'"),
        (("--cells", "9b"), "no cell is called '9b'"),
        (("--seeds", "0"), "seeds"),
        (("--jobs", "0"), "jobs"),
        (("--correlation", "--only", "imdb"), "expected mnist/2b/tuned or cifar10/2b/tuned"),
    ],
)
def test_wrong_options_are_one_line(qimlp, tmp_path, arguments, message):
    done = qimlp("reproduce", *arguments, "--out", tmp_path)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


def test_missing_data_is_one_line_that_names_the_setting(qimlp, tmp_path, monkeypatch):
    monkeypatch.setenv("QIMLP_DATA", str(tmp_path / "nowhere"))
    done = qimlp("reproduce", "--only", "mnist", "--seeds", 1, "--jobs", 1, "--out", tmp_path)
    assert done.code == 2
    assert "QIMLP_DATA" in done.err
    assert done.err.count("\n") == 1


def test_cells_that_train_the_encoder_run_only_when_asked_for(qimlp, tmp_path):
    asked = ("reproduce", "--cells", "2b-finetuned", "--data-dir", tmp_path, "--out", tmp_path)
    done = qimlp(*asked)
    assert done.code == 0, done.err
    assert "0 cells: 0 known, 0 to run" in done.out
    assert "imdb" in qimlp(*asked, "--finetune").err
