"""R2 of a line for rows that are left out, against leaving each out."""

import pytest
import torch

from qimlp.tasks import linear_r2


def rows(noise, n=40):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    weight = torch.tensor([[2.0], [-1.0], [0.5]], dtype=torch.float64)
    y = 5 + x @ weight + noise * torch.randn(n, 1, generator=generator, dtype=torch.float64)
    return x, y


def test_as_if_each_row_were_left_out():
    x, y = rows(noise=1.0)
    errors = []
    penalty = 0.01 * ((x - x.mean(0)).T @ (x - x.mean(0))).diagonal().mean()
    for row in range(len(x)):
        others = torch.arange(len(x)) != row
        # The mean of all inputs stays the origin, and the penalty the one of all rows.
        a = torch.cat((torch.ones(len(x), 1), x - x.mean(0)), dim=1)
        known, target = a[others], y[others]
        ridge = penalty * torch.diag(torch.tensor([0.0, 1, 1, 1], dtype=torch.float64))
        fitted = torch.linalg.solve(known.T @ known + ridge, known.T @ target)
        errors.append(float(y[row] - a[row] @ fitted))
    expected = 1 - sum(e**2 for e in errors) / float((y - y.mean()).square().sum())
    assert linear_r2(x, y) == pytest.approx(expected, rel=1e-6)


def test_noise_lowers_it():
    values = [linear_r2(*rows(noise)) for noise in (0.0, 1.0, 4.0)]
    assert values[0] > 0.99 > values[1] > 0.6 > values[2]


def test_noise_alone_and_constant_targets_are_not_explained():
    x, _ = rows(0.0)
    assert linear_r2(x, torch.randn(40, 1, generator=torch.Generator().manual_seed(2))) < 0.1
    assert linear_r2(x, torch.ones(40, 1)) == 0.0
    assert linear_r2(x[:1], torch.ones(1, 1)) == 0.0


def test_the_unit_of_weights_does_not_count():
    x, y = rows(1.0)
    weights = torch.arange(40.0) % 3
    assert linear_r2(x, y, weights) == pytest.approx(linear_r2(x, y, 7 * weights))
    assert linear_r2(x, y, torch.ones(40)) == pytest.approx(linear_r2(x, y))
