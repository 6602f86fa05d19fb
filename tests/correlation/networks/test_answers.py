from qimlp.correlation.networks.answers import verdict
from qimlp.statistics import Estimate, estimate


def test_verdicts():
    assert verdict(Estimate(0.15, 0.1, 0.2, 1.0, 9)) == "more"
    assert verdict(Estimate(-0.15, -0.2, -0.1, 1.0, 9)) == "less"
    assert verdict(Estimate(0.05, -0.1, 0.2, 1.0, 9)) == "no clear difference"
    assert verdict(estimate([0.3])) == "no clear difference"  # one value has no interval
