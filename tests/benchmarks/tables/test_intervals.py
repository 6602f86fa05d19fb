"""The benchmark of prediction intervals: its figures, and that it runs."""

import numpy as np
import pytest

from benchmarks.tables import intervals


def test_figures_of_quantiles_by_hand():
    quantiles = np.array([[0.0, 1.0, 4.0], [0.0, 3.0, 2.0], [-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    found = intervals.judged(quantiles, np.array([4.0, 1.0, 2.0, 0.0]), unit=2.0, seconds=3.0)
    assert found.coverage == 0.75
    assert found.width == (4 + 2 + 2 + 0) / 4 / 2
    assert found.crossing == 0.25
    low, middle, high = 0.05 * (4 + 1 + 3 + 0), 0.5 * (3 + 2 + 2 + 0), 0.05 * 1 + 0.95 * 1
    assert found.pinball == pytest.approx((low + middle + high) / 4 / 3 / 2)
    assert found.fit_s == 3.0


def test_it_prints_a_line_for_each_estimator(capsys):
    assert intervals.main(["--tables", "diabetes", "--splits", "1"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "diabetes" in line]
    assert len(lines) == 3
    ours = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert ours[:3] == ["diabetes", "353", "qimlp"]
    assert 0.7 < float(ours[3]) < 1
    assert ours[6] == "0.0%"


def test_a_table_of_classes_is_refused(capsys):
    with pytest.raises(SystemExit):
        intervals.main(["--tables", "wine"])
    assert "expected some of diabetes, concrete, ames, bike" in capsys.readouterr().err
