import pytest
import torch

from qimlp.correlation.networks.histogram import HistogramBuilder, strong_range


@pytest.mark.parametrize("dims", [(2, 2), (28, 28), (3, 5), (2, 3, 4)])
def test_histogram_has_zero_as_an_edge_and_loses_nothing(dims):
    builder = HistogramBuilder(dims, unit=1.0)
    low, high = strong_range(dims)
    values = torch.linspace(low, high, 5001, dtype=torch.float64)
    for part in values.split(1000):
        builder.add(part)
    histogram = builder.result()
    assert sum(histogram.counts) == 5001
    zero = -histogram.low / histogram.width
    assert zero == pytest.approx(round(zero), abs=1e-9)
    assert histogram.edge(len(histogram.counts)) >= high
    for q in (0.05, 0.5, 0.95):
        assert histogram.quantile(q) == pytest.approx(
            low + q * (high - low), abs=2 * histogram.width
        )
