import pytest
import torch

from qimlp import KroneckerShape, QiMLP
from qimlp.functional import init_bias_factors, init_factors, kron_bias, kron_dense
from qimlp.shapes import PAPER_NETWORKS


@pytest.mark.parametrize("start", ["normal", "orthogonal"])
@pytest.mark.parametrize("rank", [1, 4])
@pytest.mark.parametrize(
    "dims",
    [
        ((28, 28), (28, 28)),
        ((48, 64), (2, 5)),
        ((7, 7, 16), (16, 7, 7)),
        ((4, 7, 4, 7), (7, 4, 7, 4)),
    ],
)
def test_variance_of_the_weight(dims, rank, start):
    shape = KroneckerShape(*dims, rank)
    gain, generator = 1.5, torch.Generator().manual_seed(0)
    squares = [
        kron_dense(
            init_factors(shape, gain=gain, start=start, generator=generator, dtype=torch.float64)
        )
        .square()
        .mean()
        for _ in range(40)
    ]
    expected = gain**2 / shape.in_features
    assert torch.stack(squares).mean() == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("rank", [1, 4])
@pytest.mark.parametrize("init", ["normal", "orthogonal"])
@pytest.mark.parametrize("bodies", [2, 3, 4])
def test_activations_keep_their_scale_through_the_papers_deepest_network(bodies, init, rank):
    """Second moment of every layer's output, five layers, mean over ten starts: near one."""
    torch.manual_seed(0)
    moments = []
    for _ in range(10):
        net = QiMLP(PAPER_NETWORKS["cifar10"][bodies], rank=rank, init=init)
        x = torch.randn(128, net.in_features)
        seen = []
        for layer in net.layers:
            x = layer(x)
            if layer in net.kronecker_layers:
                seen.append(x.detach().square().mean())
        moments.append(torch.stack(seen))
    hidden = torch.stack(moments).mean(0)[:-1]
    assert len(hidden) == 4
    assert hidden.min() > 0.6
    assert hidden.max() < 1.6


@pytest.mark.parametrize("start", ["normal", "orthogonal"])
def test_a_generator_makes_it_repeatable(start):
    shape = KroneckerShape((3, 4), (5, 2), 2)
    a, b, c = (
        init_factors(shape, start=start, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(f, g) for f, g in zip(a, b, strict=True))
    assert not torch.equal(a[0], c[0])


def test_bias_starts_at_zero_with_a_gradient_that_is_not():
    factors = [f.requires_grad_() for f in init_bias_factors(KroneckerShape((2, 2, 2), (3, 4, 5)))]
    bias = kron_bias(factors)
    assert bias.shape == (60,)
    assert not bias.any()
    bias.sum().backward()
    assert factors[0].grad.abs().min() > 0
    zeros = [f for f in factors if not f.any()]
    assert len(zeros) == 1


def test_unknown_start():
    with pytest.raises(ValueError, match="init: expected one of normal, orthogonal, got 'zero'"):
        init_factors(KroneckerShape((2,), (2,)), start="zero")
