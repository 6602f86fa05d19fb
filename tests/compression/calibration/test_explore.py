import pytest
import torch
from torch import nn

from qimlp.compression.calibration import Source, explore, undisturbed
from tests.compression.calibration.networks import Block, Tower, linear_names, made, rows, tokens


def plan_of(model, batches, names=None):
    with undisturbed(model):
        return explore(model, names or linear_names(model), Source(batches, 10**6))


def test_layers_that_share_an_input_make_one_stage_in_the_order_in_which_they_run():
    model, batches = made("tower")
    plan = plan_of(model, batches)
    expected = []
    for i in range(3):
        expected += [tuple(f"layers.{i}.{name}" for name in "qkv"), (f"layers.{i}.out",)]
    assert [stage.names for stage in plan.stages] == [*expected, ("head",)]
    assert [stage.block for stage in plan.stages] == [f"layers.{i // 2}" for i in range(6)] + [None]
    assert {stage.calls for stage in plan.stages} == {1}


def test_the_order_is_that_of_execution_and_not_of_registration():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.late, self.early = nn.Linear(6, 6), nn.Linear(6, 6)

        def forward(self, x):
            return self.late(input=self.early(x))

    plan = plan_of(Backwards().double(), rows())
    assert [stage.names for stage in plan.stages] == [("early",), ("late",)]


def test_a_tensor_that_is_altered_in_between_is_another_input():
    class Altering(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (nn.Linear(6, 6) for _ in range(3))

        def forward(self, x):
            x = x + 1
            before = self.a(x) + self.b(x)
            return before + self.c(x.mul_(2))

    plan = plan_of(Altering().double(), rows())
    assert [stage.names for stage in plan.stages] == [("a", "b"), ("c",)]


def test_blocks_that_feed_one_another_are_linked():
    plan = plan_of(*made("tower"))
    assert plan.blocks == ("layers.0", "layers.1", "layers.2")
    assert {name: link.previous for name, link in plan.links.items()} == {
        "layers.1": "layers.0",
        "layers.2": "layers.1",
    }
    assert plan.altering == frozenset()


def test_a_sequence_in_a_sequence_is_one_chain_and_blocks_that_alter_are_known():
    plan = plan_of(*made("altering"))
    assert plan.blocks == ("0", "1.0", "1.1", "1.2", "2")
    assert set(plan.links) == {"1.0", "1.1", "1.2", "2"}
    assert plan.altering == {"1.0", "1.2"}


def test_blocks_with_work_between_them_are_not_linked():
    plan = plan_of(*made("skips"))
    assert plan.blocks == ("layers.0", "layers.1", "layers.2")
    assert plan.links == {}
    assert plan.stages[-1].names == ("twice",)
    assert plan.stages[-1].calls == 2


def test_a_list_inside_a_child_that_holds_most_of_its_layers_gives_the_blocks():
    tower = Tower(depth=2)
    tower.head = nn.Identity()
    model = nn.Sequential(tower, nn.Linear(6, 3)).double()
    plan = plan_of(model, [batch["input_ids"] for batch in tokens()])
    assert plan.blocks == ("0.layers.0", "0.layers.1", "1")


def test_a_block_with_arguments_of_no_known_kind_is_no_block():
    class Cached(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(Block() for _ in range(2))

        def forward(self, x):
            for layer in self.layers:
                x, _ = layer(x, shift=torch.zeros(1).double(), scale=object())
            return x

    plan = plan_of(Cached().double(), rows())
    assert plan.blocks == ()
    assert [stage.block for stage in plan.stages] == [None] * 4


def test_layers_that_only_some_batches_reach_are_put_where_they_run():
    model, batches = made("experts")
    batches[0][0, 0], batches[1][0, 0], batches[2][0, 0] = 1, 1, -1
    plan = plan_of(model, batches)
    assert plan.stages[0].names == ("first",)
    assert plan.stages[-1].names == ("last",)
    assert {stage.names for stage in plan.stages[1:3]} == {("experts.0",), ("experts.1",)}
    calls = {stage.names[0]: stage.calls for stage in plan.stages}
    assert calls["first"] == calls["last"] == 1
    assert calls["experts.1"] is None


def test_layers_that_no_batch_reaches_are_named():
    model, batches = made("experts")
    for batch in batches:
        batch[0, 0] = 1
    with pytest.raises(
        ValueError, match="calibration never reaches layer experts.0: skip it or give inputs"
    ):
        plan_of(model, batches)
