import pytest

from qimlp.paper.campaign.store import Store


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
    assert "Runs: 0 of " in (tmp_path / "out" / "README.md").read_text()


def test_a_damaged_entry_is_said_by_the_report(qimlp, tmp_path):
    path = Store(tmp_path / "results").path("mnist")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    done = qimlp("reproduce", "--report-only", "--out", tmp_path)
    assert done.code == 0
    assert f"left out: {path}, line 1 is not valid JSON" in done.out


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


def test_missing_texts_are_one_line_that_names_files_and_columns(qimlp, tmp_path, monkeypatch):
    monkeypatch.delenv("QIMLP_DATA", raising=False)
    monkeypatch.setattr(
        "qimlp.data.sources.hub._unreachable", lambda datasets, hub_id: "no network"
    )
    cells = ("--cells", "20newsgroups/2b/tuned", "--seeds", 1, "--jobs", 1)
    done = qimlp("reproduce", *cells, "--out", tmp_path)
    assert done.code == 2
    assert "20newsgroups/test-*.parquet, each with a column for a text and a label" in done.err
    assert done.err.count("\n") == 1


def test_cells_that_train_the_encoder_run_only_when_asked_for(qimlp, tmp_path):
    asked = ("reproduce", "--cells", "2b-finetuned", "--data-dir", tmp_path, "--out", tmp_path)
    done = qimlp(*asked)
    assert done.code == 0, done.err
    assert "0 cells: 0 known, 0 to run" in done.out
    assert "imdb" in qimlp(*asked, "--finetune").err
