import json
import re
import xml.etree.ElementTree as ET

from qimlp.experiments.cell import Cell
from qimlp.experiments.report import write_report
from qimlp.experiments.store import Store
from qimlp.experiments.summary import summarize

from .conftest import ALL, STUDY, fill, make_entry


def test_the_report_holds_every_figure_and_table(tmp_path):
    store = Store(tmp_path / "results")
    fill(store, {"mnist/2b/tuned": (0.98, 0.981), "imdb/2b/tuned": (0.8,)})
    page, html = write_report(summarize(ALL, store), tmp_path)
    text = page.read_text()
    figures = sorted((tmp_path / "figures").iterdir())
    assert len(figures) == 9
    for figure in figures:
        ET.parse(figure)  # noqa: S314 - our own file
        assert f"figures/{figure.name}" in text
    whole = html.read_text()
    assert whole.count("<svg") == 9
    assert not re.search(r'(src|href)="(?!#)', whole.replace('xlink:href="#', ""))
    row = next(line for line in text.splitlines() if line.startswith("| 2b |"))
    assert row.startswith("| 2b | 3,451 | Kronecker | 0.9758 | not run (")
    assert "0.9805 ± 0.0064 (2 of 5) | 0.9905" in row
    wanted = next(line for line in text.splitlines() if line.startswith("| mnist 2b |"))
    assert "| 0.981 | 0.9805 ± 0.0064 (2) | missed by 0.0005; tried: " in wanted


def test_networks_that_were_not_run_have_their_count_their_time_and_their_command(tmp_path):
    page, _ = write_report(summarize(ALL, Store(tmp_path / "results")), tmp_path)
    text = page.read_text()
    assert "| 2b-rank3 | 10,115 | Kronecker | about 0.981 | not run (" in text
    assert "| low-rank-mlp-as-2b | 3,438 | dense | - |" in text
    slow = next(line for line in text.splitlines() if line.startswith("| 20newsgroups/mlp/paper |"))
    assert re.fullmatch(
        r"\| \S+ \| 0 of 1 \| about \d+\.\d h \| `qimlp reproduce --cells \S+` \|", slow
    )
    tuned = next(line for line in text.splitlines() if line.startswith("| imdb/2b-finetuned/tuned"))
    assert tuned.endswith("--cells imdb/2b-finetuned/tuned --finetune` |")


def test_damaged_and_diverged_entries_are_said(tmp_path):
    store = Store(tmp_path / "results")
    fill(store, {"mnist/2b/tuned": (0.98, 0.981, 0.982)})
    cell = Cell(next(v for v in ALL if v.name == "mnist/2b/tuned"), 0)
    store.path(cell).write_text("{")
    lost = Cell(cell.variant, 3)
    store.write(lost, make_entry(lost, failure="the loss became nan", test_accuracy=None))
    page, _ = write_report(summarize(ALL, store), tmp_path)
    text = page.read_text()
    assert f"Left out: {store.path(cell)}: damaged cache entry" in text
    assert "0.9815 ± 0.0064 (2 of 5), 1 diverged" in text


def test_equal_results_give_equal_reports(tmp_path):
    store = Store(tmp_path / "results")
    fill(store, {"mnist/2b/tuned": (0.98, 0.981)})
    first = write_report(summarize(ALL, store), tmp_path / "a")
    second = write_report(summarize(ALL, store), tmp_path / "b")
    assert [path.read_text() for path in first] == [path.read_text() for path in second]


def test_the_correlation_figures_join_when_they_are_there(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mnist-correlation.svg").write_text("<svg></svg>")
    (tmp_path / "correlation" / "mnist").mkdir(parents=True)
    (tmp_path / "correlation" / "mnist" / "relation.json").write_text(json.dumps(STUDY))
    page, html = write_report(summarize(ALL, Store(tmp_path / "results")), tmp_path)
    text = page.read_text()
    assert "Fig. 6" in text
    assert "| C | 1.50 | 1.70 |\n\nIt holds more." in text
    assert html.read_text().count("<svg") == 10
