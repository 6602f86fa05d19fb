"""Which launches the tuner tries, and when it must not."""

from types import SimpleNamespace

import pytest
import torch

from tests.ops.triton_here import skip_without_triton

skip_without_triton()

from qimlp.ops.triton import tuning as triton_tuning  # noqa: E402 - needs Triton


def tiles(p, q, r, s, dtype=torch.bfloat16):
    return {"x": SimpleNamespace(dtype=dtype), "PP": p, "QQ": q, "RR": r, "SS": s}


def warps(choices):
    return {choice.num_warps for choice in choices}


def test_a_wide_intermediate_takes_the_warps_of_its_size():
    assert triton_tuning.largest_tile(tiles(16, 128, 128, 16)) == 16 * 128
    assert warps(triton_tuning.backward_choices(tiles(16, 128, 128, 16))) == {8}
    assert 1 not in warps(triton_tuning.forward_choices(tiles(16, 64, 64, 16)))
    assert 1 in warps(triton_tuning.forward_choices(tiles(32, 32, 32, 32)))


def test_choices_of_one_shape_are_among_all():
    for choices in (triton_tuning.forward_choices, triton_tuning.backward_choices):
        everything = {str(choice) for choice in choices(None)}
        for dtype in (torch.bfloat16, torch.float32):
            for size in (16, 32, 64, 128):
                some = choices(tiles(size, size, size, size, dtype))
                assert some
                assert {str(choice) for choice in some} <= everything


def test_nothing_is_tuned_while_launches_are_recorded(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(RuntimeError, match="call the layer once before, on a batch of this size"):
        triton_tuning._time(lambda: None, (0.5, 0.2, 0.8))
