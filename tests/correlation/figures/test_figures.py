"""Figures of an analysis."""

import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed; it comes with [train]")

from qimlp.correlation import analyze, truncation_curves
from qimlp.correlation.figures import (
    plot_epochs,
    plot_histograms,
    plot_levels,
    plot_relation,
    plot_spectra,
    plot_truncation,
)
from qimlp.correlation.figures.histograms import _bars, _percent, _rebinned
from qimlp.statistics import estimate
from tests.correlation.example_networks import inputs, network

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def report():
    return analyze(network(), inputs())


def test_figures_are_written(report, tmp_path):
    model, x = network(), inputs()
    curves = truncation_curves(model, [(x, model(x).argmax(1))])
    e = estimate([1.0, 2.0])
    for name, plot, arguments in [
        ("histograms", plot_histograms, (report,)),
        ("levels", plot_levels, (report,)),
        ("spectra", plot_spectra, (report,)),
        ("truncation", plot_truncation, (curves,)),
        ("epochs", plot_epochs, ([0, 1], {"a": [e, e]}, "nats")),
        ("relation", plot_relation, ({"layer 1": {"2b": [(1.0, 0.9)]}}, "nats")),
    ]:
        path = tmp_path / f"{name}.png"
        plot(*arguments, path)
        assert path.read_bytes().startswith(PNG)
    assert len(list(tmp_path.iterdir())) == 6


def test_bars_hold_every_sample_on_its_side_of_zero(report):
    histograms = [layer.measured.histogram for layer in report.layers]
    low, step = _bars(histograms)
    assert low / step == pytest.approx(round(low / step), abs=1e-9)
    for layer in report.layers:
        heights = _rebinned(layer.measured.histogram, low, step)
        assert sum(heights) == pytest.approx(layer.measured.samples)
        above = sum(h for i, h in enumerate(heights) if low + i * step > -step / 2)
        expected = layer.measured.share_above.mean * layer.measured.samples
        assert above == pytest.approx(expected, abs=0.5)


def test_percentages_are_whole_only_when_exact():
    assert _percent(1.0) == "100%"
    assert _percent(0.99999) == "99.99%"
    assert _percent(0.5) == "50.0%"
    assert _percent(0.0) == "0%"
    assert _percent(1e-7) == "0.01%"
