"""FSDP2 and DDP by two processes, against the same model whole: see `sharded.py`."""

import pytest

from tests.distributed.conftest import places


@pytest.mark.parametrize("what", ["fully_sharded", "from_meta", "stored", "replicated"])
def test_every_layer(what, starter, tmp_path):
    argv = ["call", "tests.distributed.sharded:check_all", what, str(tmp_path)]
    codes = starter.run(argv, places(2), 300)
    assert codes == [0, 0], starter.said(0) + starter.said(1)
