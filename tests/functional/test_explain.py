import pytest
import torch

from qimlp import KroneckerLinear, KroneckerShape
from qimlp.functional import explain
from qimlp.ops.choose import METHODS
from tests.problems import WAYS_HERE


def test_what_is_said_is_what_is_done(monkeypatch):
    """The way `explain` names is the function that runs."""
    from qimlp.ops import linear, native

    ran = []
    functions = {"dense": "linear_dense", "two_gemm": "two_gemm", "chain": "chain"}
    for way, (room, name) in {
        "fused": (native, "linear_now"),
        **{way: (linear, name) for way, name in functions.items()},
    }.items():
        function = getattr(room, name)

        def run(*arguments, f=function, way=way, **named):
            ran.append(way)
            return f(*arguments, **named)

        monkeypatch.setattr(room, name, run)
    layers = [
        KroneckerLinear(784, 784),
        KroneckerLinear(16, 16),
        KroneckerLinear(4096, 4096, num_factors=3, rank=1),
        KroneckerLinear(4096, 4096, in_dims=(8, 8, 64), out_dims=(8, 8, 64)),
        KroneckerLinear(784, 784, rank=40),
    ]
    expected = []
    for layer in layers:
        for batch in (1, 50):
            with torch.no_grad():
                layer(torch.randn(batch, layer.in_features))
            expected.append(layer.explain(batch, needs_grad=False).chosen.method)
    assert ran == expected
    assert len(set(ran)) >= 2


def test_every_way_is_accounted_for():
    said = explain(KroneckerShape((4, 4, 7, 7), (4, 4, 7, 7)), 1024)
    ways = {said.chosen.method, *(c.method for c in said.others)}
    assert ways == set(WAYS_HERE)
    assert {way for way, _ in said.refused} == set(METHODS) - ways
    text = str(explain(KroneckerShape((28, 28), (28, 28)), 50))
    assert "not taken: dense" in text
    assert "not possible: chain, it needs at least three factors" in text


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_devices_and_precisions_are_considered(device):
    shape = KroneckerShape((64, 64), (64, 64))
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        said = explain(shape, 4096, dtype=dtype, device=device)
        assert said.chosen.seconds > 0
        assert device in str(said)


def test_the_dense_layer_is_predicted_for_the_same_chip():
    """Products of bfloat16 in hardware are faster for `nn.Linear` too."""
    from qimlp.ops import native
    from qimlp.shapes.cost import linear_seconds

    said = explain(KroneckerShape((64, 64), (64, 64)), 1024, dtype=torch.bfloat16)
    assert said.problem.torch_bf16 == native.torch_bf16()
    assert said.linear_seconds == linear_seconds(said.problem)


@pytest.mark.parametrize(
    ("shape", "batch", "error", "line"),
    [
        (
            KroneckerShape((3, 4), (4, 3)),
            -1,
            ValueError,
            "batch: expected an integer of at least 0, got -1",
        ),
        (KroneckerShape((3, 4), (4, 3)), 2.5, TypeError, "batch: expected an integer"),
        ((3, 4), 1, TypeError, "shape: expected a KroneckerShape such as"),
    ],
)
def test_what_is_asked_must_make_sense(shape, batch, error, line):
    with pytest.raises(error, match=line):
        explain(shape, batch)
    assert explain(KroneckerShape((3, 4), (4, 3)), 0).chosen.seconds > 0
