"""Results and analyses that anybody may have changed: used, or refused in one short line."""

import json
import random
from copy import deepcopy
from pathlib import Path

import pytest

from qimlp.paper.analysis.findings import Findings
from qimlp.paper.campaign.store import Store
from qimlp.paper.report.claims_correlation import correlation_claims
from tests.paper.conftest import STUDY

DOCS = Path(__file__).parents[2] / "docs" / "reproduction"
SNIPPETS = (b"[", b"{", b'"', b"\n", b"1e400", b"null", b"NaN", b"\\ud800", b"[" * 5000)
VALUES = (None, 0, "x", [], {}, -1, True, [1], {"a": 1}, 1e308)


def changed(content: bytes, chance: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at, kind = chance.randrange(len(found)), chance.randrange(4)
        if kind == 0:
            found[at] = chance.randrange(256)
        elif kind == 1:
            del found[at : at + chance.randint(1, 40)]
        elif kind == 2:
            found[at:at] = chance.randbytes(chance.randint(1, 5))
        else:
            found[at:at] = chance.choice(SNIPPETS)
    return bytes(found)


def test_changed_results_are_left_out_in_one_line_each(tmp_path):
    lines = (DOCS / "results" / "imdb.jsonl").read_bytes().split(b"\n")[:3]
    store, chance, refused = Store(tmp_path), random.Random(0), 0  # noqa: S311 - no secret
    for _ in range(100):
        store.path("imdb").write_bytes(changed(b"\n".join(lines), chance))
        entries = store.entries("imdb")
        assert len(entries.by_key) <= 3
        refused += len(entries.damaged)
        for line in entries.damaged:
            assert len(line) < len(str(tmp_path)) + 300
            assert line.isprintable()
    assert refused > 100


def places(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else ()
    children = list(enumerate(value))[:2] if isinstance(value, list) else children
    for key, child in children:
        yield from places(child, (*path, key))


def test_a_changed_comparison_is_judged_or_refused(tmp_path):
    chance, refused = random.Random(0), 0  # noqa: S311 - no secret
    file = tmp_path / "mnist" / "relation.json"
    file.parent.mkdir()
    where = [path for path in places(STUDY) if path]
    for _ in range(300):
        study = deepcopy(STUDY)
        *above, last = chance.choice(where)
        parent = study
        for key in above:
            parent = parent[key]
        if isinstance(parent, dict) and chance.random() < 0.3:
            del parent[last]
        else:
            parent[last] = chance.choice(VALUES)
        file.write_text(json.dumps(study))
        try:
            found = Findings(tmp_path).comparisons()
        except ValueError as error:
            refused += 1
            line = str(error)
            ends = line.endswith("run `qimlp reproduce --correlation` again")
            assert ends and line.isprintable()  # noqa: PT018 - most are not refused
        else:
            assert len(correlation_claims(found)) == 4
    assert 50 < refused < 290


def test_a_damaged_analysis_is_refused_with_its_line(tmp_path):
    lines = (DOCS / "correlation" / "mnist.jsonl").read_bytes().split(b"\n")
    (tmp_path / "mnist.jsonl").write_bytes(b"\n".join([lines[0], lines[1][:-9], *lines[2:]]))
    with pytest.raises(ValueError, match=r"mnist.jsonl, line 2 is not valid JSON .* again"):
        Findings(tmp_path).comparisons()


def test_the_committed_analyses_are_whole():
    findings = Findings(DOCS / "correlation")
    assert set(findings.comparisons()) == {"mnist", "cifar10"}
    for data, network in (("mnist", "2b"), ("cifar10", "2b-dense-bias")):
        for seed in range(3):
            run = findings.read_run(data, network, seed)
            assert run["seed"] == seed
            assert len(run["layers"]) == {"mnist": 4, "cifar10": 8}[data]
