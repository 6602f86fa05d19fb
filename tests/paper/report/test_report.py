import json
import re
import xml.etree.ElementTree as ET

import pytest

from qimlp.paper.campaign.store import Store
from qimlp.paper.campaign.summary import summarize
from qimlp.paper.cells.cell import Cell
from qimlp.paper.report.write import write_report
from tests.paper.conftest import ALL, STUDY, fill, make_entry


def test_the_report_holds_every_figure_and_table(tmp_path):
    store = Store(tmp_path / "results")
    fill(store, {"mnist/2b/tuned": (0.98, 0.981), "imdb/2b/tuned": (0.8,)})
    page, html = write_report(summarize(ALL, store), tmp_path)
    text = page.read_text()
    figures = sorted((tmp_path / "figures").glob("*/*.svg"))
    assert len(figures) == 9
    for figure in figures:
        ET.parse(figure)  # noqa: S314 - our own file
        assert f"](figures/{figure.parent.name}/{figure.name})" in text
    whole = html.read_text()
    assert whole.count("<svg") == 9
    assert not re.search(r'(src|href)="(?!#)', whole.replace('xlink:href="#', ""))
    row = next(line for line in text.splitlines() if line.startswith("| 2b |"))
    assert row.startswith("| 2b | 3,451 | Kronecker | 0.9758 | not run (")
    assert "0.9805 ± 0.0064 (2 of 5) | 0.9905" in row
    wanted = next(line for line in text.splitlines() if line.startswith("| mnist 2b |"))
    assert "| 0.981 | 0.9805 ± 0.0064 (2) | missed by 0.0005; tried: " in wanted


def test_a_row_says_how_our_recipe_goes_beyond_rates(tmp_path):
    page, _ = write_report(summarize(ALL, Store(tmp_path / "results")), tmp_path)
    lines = page.read_text().splitlines()
    mnist = next(line for line in lines if line.startswith("| 4b | 357 "))
    assert mnist.endswith(
        "our recipe: pixels column by column; best of 6 starts by train loss, 12 epochs more; Adam "
        "along the principal directions of all gradients |"
    )
    assert next(line for line in lines if line.startswith("| 3b | 769 ")).endswith(
        "our recipe: pixels in patches |"
    )


def test_both_protocols_are_compared_column_by_column(tmp_path):
    store = Store(tmp_path / "results")
    fill(store, {"mnist/2b/tuned": (0.98, 0.981), "mnist/2b/paper": (0.97,)})
    page, _ = write_report(summarize(ALL, store), tmp_path)
    assert (
        "adds on average 0.0100 over 1 networks by paper settings and 0.0100 over 1 networks by "
        "our recipe, at most 0.0100"
    ) in page.read_text()


def test_only_what_was_not_run_is_grey(tmp_path):
    store = Store(tmp_path / "results")
    fill(store, {"cifar10/2b/tuned": (0.70, 0.701), "cifar10/mlp/tuned": (0.56,)})
    _, html = write_report(summarize(ALL, store), tmp_path)
    whole = html.read_text()
    assert re.search(r"<td>not run; \+0\.1405", whole)
    assert '<td class="open">not run</td>' in whole
    assert re.search(r'<td class="open">not run \(', whole)


@pytest.mark.parametrize(
    ("own", "outcome"),
    [
        ((0.776, 0.777, 0.778), "level with mlp, "),
        ((0.790, 0.791, 0.792), "above mlp, "),
        ((0.760, 0.790, 0.770), "not shown to be level with mlp, "),
        ((0.760, 0.761, 0.762), "below mlp, "),
    ],
)
def test_a_network_is_level_where_it_is_shown_not_to_be_below(tmp_path, own, outcome):
    store = Store(tmp_path / "results")
    dense = (0.776, 0.777, 0.778)
    fill(store, {"imdb/2b-best/tuned": own, "imdb/mlp/tuned": dense, "imdb/linear/tuned": dense})
    page, _ = write_report(summarize(ALL, store), tmp_path)
    row = next(x for x in page.read_text().splitlines() if x.startswith("| imdb 2b-best |"))
    assert row.split(" | ")[-1].startswith(outcome)
    assert outcome.replace("mlp", "linear") in row
    assert ("tried: " in row) == (outcome.startswith(("not", "below")))


def test_seeds_beyond_those_wanted_do_not_stand_for_others(tmp_path):
    store = Store(tmp_path / "results")
    fill(store, {"imdb/2b-best/tuned": (0.77,) * 7, "mnist/2b/tuned": (0.98, 0.981)})
    page, _ = write_report(summarize(ALL, store), tmp_path)
    assert re.search(r" Runs: 7 of \d+ wanted and 2 beyond\. ", page.read_text())


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
    path = store.path("mnist")
    whole = path.read_text()
    path.write_text(whole[whole.index("\n") - 9 :])
    lost = Cell(cell.variant, 3)
    store.write(lost, make_entry(lost, failure="the loss became nan", test_accuracy=None))
    page, _ = write_report(summarize(ALL, store), tmp_path)
    text = page.read_text()
    assert f"Left out: {path}, line 1 is not valid JSON" in text
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
