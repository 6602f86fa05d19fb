import pytest
import torch
from torch import nn
from torch.nn.functional import elu

from qimlp.compression.calibration import Source, Walk, explore, undisturbed
from tests.compression.calibration.networks import (
    every_network,
    linear_names,
    made,
    rows,
    tokens,
)

PLENTY = 10**7
FEW = 500
"""Bytes of one or two batches, so that none of the networks' inputs can be kept."""


def walk_of(model, batches, replaced, limit):
    source = Source(batches, PLENTY)
    plan = explore(model, linear_names(model), source)
    return plan, Walk(model, plan, source, limit, replaced)


def inputs_by_walking(model, batches, replaced, *, limit=PLENTY, leaving=True):
    """All inputs of every stage, after its block's other stages were shown alone."""
    seen = {}
    with undisturbed(model):
        plan, walk = walk_of(model, batches, replaced, limit)
        for number, stage in enumerate(plan.stages):
            rest = plan.stages[number + 1 :]
            last = not any(each.block == stage.block for each in rest)
            found = seen.setdefault(stage.names[0], [])
            for _ in walk.batches(
                [stage], lambda _, x, to=found: to.append(x.clone()), leaving=leaving and last
            ):
                pass
    return {name: torch.cat([x.reshape(-1, x.shape[-1]) for x in xs]) for name, xs in seen.items()}


def inputs_by_running(model, batches, replaced):
    """The same from hooks on the whole model, with the replacements really in it."""
    seen = {}
    for name, answer in replaced.items():
        model.get_submodule(name).forward = answer
    for name in linear_names(model):
        model.get_submodule(name).register_forward_pre_hook(
            lambda _, args, name=name: seen.setdefault(name, []).append(args[0].detach().clone())
        )
    for batch in batches:
        model(**batch) if isinstance(batch, dict) else model(batch.clone())
    return seen


@every_network
@pytest.mark.parametrize("limit", [PLENTY, FEW], ids=["kept", "run again"])
@pytest.mark.parametrize("leaving", [True, False])
@pytest.mark.parametrize("replace", [False, True])
def test_every_stage_is_shown_what_the_whole_model_gives_it(name, limit, leaving, replace):
    model, batches = made(name)
    masked = [batch["attention_mask"].bool() for batch in batches] if name == "tower" else None
    half = linear_names(model)[::2] if replace else []
    replaced = {
        each: nn.Linear(m.in_features, m.out_features).double().forward
        for each in half
        for m in [model.get_submodule(each)]
    }
    got = inputs_by_walking(model, batches, replaced, limit=limit, leaving=leaving)
    expected = inputs_by_running(model, batches, replaced)
    assert set(got) <= set(expected)
    for layer, found in got.items():
        wanted = expected[layer]
        if masked:
            wanted = [x[mask] for x, mask in zip(wanted, masked, strict=True)]
        wanted = torch.cat([x.reshape(-1, x.shape[-1]) for x in wanted])
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_a_stage_runs_its_block_and_no_more_of_the_model():
    model, batches = made("tower")
    runs = {name: 0 for name, _ in model.named_modules()}
    for name, module in model.named_modules():
        module.register_forward_pre_hook(lambda *_, name=name: runs.update({name: runs[name] + 1}))
    inputs_by_walking(model, batches, {})
    assert runs["embed"] == 1 + 3 + 3  # a first look, the first block, the head behind the blocks
    # its own first stage, whose end is seen at once, and its last, on the way to the next block
    assert runs["layers.1"] == 1 + 3 + 3 + 3
    assert runs["layers.1.out"] == 1 + 3 + 3


def test_batches_of_an_iterator_are_enough():
    model, batches = made("tower")
    got = inputs_by_walking(model, iter(batches), {})
    expected = inputs_by_walking(model, batches, {})
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_hooks_of_a_block_that_change_its_arguments_run_once():
    model, batches = made("altering")
    model[1][1].register_forward_pre_hook(lambda _, args: (args[0] + 1,))
    model[0].register_forward_hook(lambda _, args, out: 2 * out)
    got = inputs_by_walking(model, batches, {})
    expected = inputs_by_running(model, batches, {})
    for name, found in got.items():
        torch.testing.assert_close(found, torch.cat(expected[name]))


def test_no_hook_stays():
    model, batches = made("tower")
    inputs_by_walking(model, batches, {})
    for module in model.modules():
        assert not module._forward_pre_hooks
        assert not module._forward_hooks
        assert "forward" not in vars(module)


def test_a_model_whose_forward_fails_is_left_without_hooks():
    model, batches = made("tower")
    with pytest.raises(IndexError):
        inputs_by_walking(model, [*batches, {"input_ids": torch.full((2, 3), 99)}], {})
    assert not any(module._forward_pre_hooks for module in model.modules())


class Flattening(nn.Module):
    """Experts flatten texts to tokens before their layers."""

    def __init__(self):
        super().__init__()
        self.embed, self.layer, self.pool = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, input_ids, attention_mask):
        hidden = self.layer(self.embed(input_ids).flatten(0, 1))
        return self.pool(hidden.view(*input_ids.shape, 4)[:, 0])


def test_padding_is_left_out_of_flattened_texts_and_pooled_ones_all_count():
    got = inputs_by_walking(Flattening().double(), tokens(), {})
    assert len(got["layer"]) == sum(int(batch["attention_mask"].sum()) for batch in tokens())
    assert len(got["pool"]) == 3 * 5


class Inside(nn.Module):
    """A model that makes the mask itself and gives it to its encoder."""

    def __init__(self):
        super().__init__()
        self.encoder, _ = made("tower")

    def forward(self, ids):
        return self.encoder(ids.clamp_min(0), attention_mask=(ids >= 0).long())


def test_a_mask_that_the_model_makes_itself_counts():
    batches = [
        batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -1) for batch in tokens()
    ]
    got = inputs_by_walking(Inside(), batches, {})
    expected = inputs_by_walking(made("tower")[0], tokens(), {})
    for name, found in expected.items():
        assert len(got[f"encoder.{name}"]) == len(found)


def test_rows_shown_later_do_not_change():
    model, batches = made("altering")
    assert torch.equal(elu(batches[0]), elu(rows()[0]))
    inputs_by_walking(model, batches, {})
    assert torch.equal(batches[0], rows()[0])
