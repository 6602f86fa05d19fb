"""A call that is recorded is chosen as one that is replayed."""

import pytest
import torch

from qimlp.ops import choose, linear
from qimlp.ops.cuda_graphs import launches_are_recorded, recorded_launches
from qimlp.ops.triton import linear as triton_linear


@pytest.fixture
def gpu(monkeypatch):
    """The chooser as on a GPU that the kernels run on."""
    monkeypatch.setattr(triton_linear, "reason", lambda: "")
    choose.choices.cache_clear()
    yield
    choose.choices.cache_clear()


def chosen():
    sizes = ((28, 28), (28, 28), 1)
    return linear._chosen(sizes, (50, 784), torch.float32, "cuda", "auto", False, True)[0]


def test_it_ends_with_the_recording_and_with_an_error():
    assert not launches_are_recorded()
    with recorded_launches():
        assert launches_are_recorded()
    with pytest.raises(ZeroDivisionError), recorded_launches():
        raise ZeroDivisionError
    assert not launches_are_recorded()


@pytest.mark.usefixtures("gpu")
def test_a_recorded_call_is_fused_and_a_plain_one_beside_it_is_not():
    assert chosen() != "fused"
    with recorded_launches():
        assert chosen() == "fused"
    assert chosen() != "fused"


@pytest.mark.usefixtures("gpu")
def test_a_capable_gpu_takes_the_kernels_unasked():
    from qimlp.functional import explain
    from qimlp.shapes import KroneckerShape

    said = explain(KroneckerShape((64, 64), (64, 64)), 65536, dtype=torch.bfloat16, device="cuda")
    assert said.chosen.method == "fused"


def test_without_one_it_says_why_not():
    from qimlp.functional import explain
    from qimlp.shapes import KroneckerShape

    if triton_linear.available():
        pytest.skip("the kernels run here")
    said = explain(KroneckerShape((64, 64), (64, 64)), 65536, dtype=torch.bfloat16, device="cuda")
    assert dict(said.refused)["fused"] == triton_linear.reason()
