"""The captured step: equal to plain steps on a GPU; without one, what it refuses and restores."""

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy

import qimlp
from qimlp.training.steps.captured import CapturedStep
from qimlp.training.steps.snapshot import StepSnapshot

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def network(seed=0):
    torch.manual_seed(seed)
    return qimlp.MLP([16, 16, 3], activation="gelu", dropout=0.5)


def batches(count, rows=8, device="cpu"):
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        inputs = torch.randn(rows, 16, generator=generator).to(device)
        yield inputs, torch.randint(3, (rows,), generator=generator).to(device)


def step(model, optimizer, inputs, labels):
    optimizer.zero_grad()
    loss = cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def test_without_cuda_one_line_says_what_to_do():
    model = network()
    optimizer = torch.optim.AdamW(model.parameters())
    with pytest.raises(ValueError, match=r"^a captured step needs .* it is on cpu; train without"):
        CapturedStep(model, optimizer, lambda x, y: model(x).sum())


@pytest.mark.parametrize("steps_before", [0, 2])
def test_snapshot_puts_a_run_back_where_it_was(steps_before):
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for batch in batches(steps_before):
        step(model, optimizer, *batch)
    weights = {name: t.clone() for name, t in model.state_dict().items()}
    snapshot = StepSnapshot(model, optimizer)
    after = [step(model, optimizer, *batch) for batch in batches(3)]
    assert not torch.equal(next(model.parameters()), next(iter(weights.values())))
    addresses = [p.data_ptr() for p in model.parameters()]
    snapshot.restore()
    assert [p.data_ptr() for p in model.parameters()] == addresses
    assert all(p.grad is None for p in model.parameters())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, weights[name])
    assert [step(model, optimizer, *batch) for batch in batches(3)] == after  # dropout too


@needs_cuda
def test_another_optimizer_is_refused():
    model = network().cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TypeError, match="needs Adam or AdamW, got SGD"):
        CapturedStep(model, optimizer, lambda x, y: model(x).sum())


@needs_cuda
def test_captured_steps_equal_plain_steps():
    torch.manual_seed(0)
    plain = qimlp.QiMLP([(4, 4), (4, 4), (3, 1)]).cuda()
    captured = copy.deepcopy(plain)
    losses = []
    for model in (plain, captured):
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, fused=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
        take = None
        if model is captured:
            take = CapturedStep(model, optimizer, lambda x, y: cross_entropy(captured(x), y))
        losses.append([])
        for index, batch in enumerate([*batches(6, 8, "cuda"), *batches(2, 5, "cuda")] * 2):
            loss = step(model, optimizer, *batch) if take is None else take(*batch).item()
            losses[-1].append(loss)
            if index < 9:
                schedule.step()
    # A recorded step holds its learning rate in float32, a plain one in float64.
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-5, atol=1e-6)
    for one, other in zip(plain.parameters(), captured.parameters(), strict=True):
        torch.testing.assert_close(one, other)
