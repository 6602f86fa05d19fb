"""The page of results says what the committed results say."""

from pathlib import Path

import pytest

import benchmarks.tables
from benchmarks.tables import data, results
from benchmarks.tables.contestants import FIELD, MAKERS
from benchmarks.tables.printed import print_report
from benchmarks.tables.standings import Standings

FOLDER = Path(benchmarks.tables.__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "results" / "tables.md"


@pytest.fixture(scope="module")
def rows():
    splits = range(data.REPORT_SPLITS)
    found = results.read(FOLDER / "results.jsonl")
    return results.chosen(found, estimators=MAKERS, tables=data.NAMES, splits=splits)


def test_the_whole_field_was_measured_on_every_split_of_every_table(rows):
    measured = {results.key(row) for row in rows}
    for name in FIELD:
        for table in data.NAMES:
            assert {s for n, t, s in measured if (n, t) == (name, table)} == set(range(5))


def test_the_page_shows_the_tables_of_the_report(rows, capsys):
    print_report(Standings(rows))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    page = PAGE.read_text(encoding="utf-8").splitlines()
    assert len(lines) > 80
    assert [line for line in lines if line not in page] == []
