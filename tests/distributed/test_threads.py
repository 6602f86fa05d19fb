import pytest
import torch

from qimlp.distributed import cpu_threads


@pytest.mark.parametrize("count", [1, None])
def test_as_many_threads_as_asked_for_and_then_as_before(count):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with cpu_threads(count):
        assert torch.get_num_threads() == (count or 2)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
