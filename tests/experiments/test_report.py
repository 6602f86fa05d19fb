import re
import xml.etree.ElementTree as ET

import pytest

from qimlp.experiments.cell import Cell
from qimlp.experiments.claims import FAILS, HOLDS, IN_PART, OPEN, verdicts
from qimlp.experiments.report import write_report
from qimlp.experiments.store import Store
from qimlp.experiments.summary import summarize
from qimlp.experiments.variants import variants

from .conftest import make_entry

ALL = variants()


def fill(store, values):
    """Entries with the given test accuracies, by the variants' names."""
    for variant in ALL:
        for seed, accuracy in enumerate(values.get(variant.name, ())):
            cell = Cell(variant, seed)
            known = {} if variant.parameters is None else {"parameters": variant.parameters}
            store.write(
                cell,
                make_entry(
                    cell,
                    test_accuracy=accuracy,
                    best_test_accuracy_seen=accuracy + 0.01,
                    **known,
                ),
            )


def judged(store, claim):
    return next(v for v in verdicts(summarize(ALL, store)) if v.claim.startswith(claim))


CLAIM = "MNIST: two bodies"


@pytest.mark.parametrize(
    ("paper", "tuned", "verdict"),
    [
        ((0.97, 0.971, 0.972), (0.98, 0.981, 0.982), HOLDS),
        ((0.97, 0.971, 0.972), (0.94, 0.941, 0.942), IN_PART),
        ((0.93, 0.931, 0.932), (0.94, 0.941, 0.942), FAILS),
        ((), (), OPEN),
    ],
)
def test_a_claim_is_judged_by_both_columns(tmp_path, paper, tuned, verdict):
    store = Store(tmp_path)
    mlp = (0.95, 0.951, 0.952)
    fill(
        store,
        {
            "mnist/2b/paper": paper,
            "mnist/2b/tuned": tuned,
            "mnist/mlp/paper": mlp,
            "mnist/mlp/tuned": mlp,
        },
    )
    assert judged(store, CLAIM).verdict == verdict


def test_a_difference_within_the_noise_does_not_count(tmp_path):
    store = Store(tmp_path)
    noisy = {"mnist/2b/paper": (0.90, 0.99, 0.97), "mnist/mlp/paper": (0.95, 0.951, 0.949)}
    fill(store, noisy)
    assert judged(store, CLAIM).verdict == FAILS


def test_the_verdict_names_the_numbers(tmp_path):
    store = Store(tmp_path)
    fill(store, {"mnist/2b/paper": (0.97, 0.97), "mnist/mlp/paper": (0.95, 0.95)})
    found = judged(store, CLAIM)
    assert "0.9700 ± 0.0000 (2) against 0.9500" in found.evidence[0]
    assert found.evidence[1] == "our recipe: not run"


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
    assert "0.9805 ± 0.0064 (2) | 0.9905" in row
    assert "not run" in row
    assert "0.981: missed" in row


def test_equal_results_give_equal_reports(tmp_path):
    store = Store(tmp_path / "results")
    fill(store, {"mnist/2b/tuned": (0.98, 0.981)})
    first = write_report(summarize(ALL, store), tmp_path / "a")
    second = write_report(summarize(ALL, store), tmp_path / "b")
    assert [path.read_text() for path in first] == [path.read_text() for path in second]


def test_the_correlation_figures_join_when_they_are_there(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mnist-correlation.svg").write_text("<svg></svg>")
    page, html = write_report(summarize(ALL, Store(tmp_path / "results")), tmp_path)
    assert "Fig. 6" in page.read_text()
    assert html.read_text().count("<svg") == 10
