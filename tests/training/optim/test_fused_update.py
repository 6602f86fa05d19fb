"""The prepared update is torch's AdamW, bit for bit."""

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from qimlp.training.optim.fused_update import FusedUpdate, can_update
from qimlp.training.optim.stored import load_optimizer, optimizer_groups, optimizer_tensors

SHAPES = ((1, 28, 28), (2, 5, 7), (1, 3), (1,))


class Weights(nn.Module):
    """Parameters of awkward sizes, and one that has no gradient."""

    def __init__(self):
        super().__init__()
        random = torch.Generator().manual_seed(0)
        drawn = [nn.Parameter(torch.randn(shape, generator=random)) for shape in SHAPES]
        self.used = nn.ParameterList(drawn)
        self.unused = nn.Parameter(torch.ones(3))


def optimizer_of(model, **options):
    groups = [
        {"params": [*model.used[:2]], "lr": 0.01, "weight_decay": 0.1},
        {"params": [*model.used[2:]], "lr": 0.03},
        {"params": [model.unused]},
    ]
    return AdamW(groups, lr=0.5, betas=(0.9, 0.99), weight_decay=0.0, fused=True, **options)


def set_gradients(model, step):
    random = torch.Generator().manual_seed(step)
    for parameter in model.used:
        parameter.grad = torch.randn(parameter.shape, generator=random) * 10.0**-step


def take_steps(model, optimizer, update, steps):
    for step in steps:
        set_gradients(model, step)
        for group in optimizer.param_groups:
            group["lr"] *= 0.9  # as a schedule does
        update()


def plain(optimizer):
    def update():
        optimizer.step()
        optimizer.zero_grad()

    return update


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_it_is_torchs_step():
    ours, theirs = Weights(), Weights()
    our_optimizer, their_optimizer = optimizer_of(ours), optimizer_of(theirs)
    take_steps(ours, our_optimizer, FusedUpdate(our_optimizer), range(12))
    take_steps(theirs, their_optimizer, plain(their_optimizer), range(12))
    assert_same(ours.state_dict(), theirs.state_dict())
    stored = optimizer_tensors(our_optimizer, ours)
    assert_same(stored, optimizer_tensors(their_optimizer, theirs))
    assert stored["used.0.step"].item() == 12
    assert len(stored) == 3 * len(SHAPES)
    assert all(parameter.grad is None for parameter in ours.parameters())


def test_it_goes_on_from_a_stored_state():
    ours, theirs = Weights(), Weights()
    their_optimizer, before = optimizer_of(theirs), optimizer_of(ours)
    take_steps(theirs, their_optimizer, plain(their_optimizer), range(9))
    take_steps(ours, before, FusedUpdate(before), range(4))
    stored = {name: t.clone() for name, t in optimizer_tensors(before, ours).items()}
    after = optimizer_of(ours)
    load_optimizer(after, ours, stored, optimizer_groups(before), stepped=True)
    take_steps(ours, after, FusedUpdate(after), range(4, 9))
    assert_same(ours.state_dict(), theirs.state_dict())


def test_gradients_come_and_go():
    ours, theirs = Weights(), Weights()
    our_optimizer, their_optimizer = optimizer_of(ours), optimizer_of(theirs)
    update = FusedUpdate(our_optimizer)
    for step, missing, extra in ((0, 0, 0), (1, 0, 0), (2, 1, 0), (3, 0, 1), (4, 0, 1), (5, 0, 0)):
        for model in (ours, theirs):
            set_gradients(model, step)
            if missing:
                model.used[0].grad = None
            if extra:
                model.unused.grad = torch.ones(3)
        update()
        plain(their_optimizer)()
    assert_same(ours.state_dict(), theirs.state_dict())
    stored = optimizer_tensors(our_optimizer, ours)
    assert_same(stored, optimizer_tensors(their_optimizer, theirs))
    counts = [stored[f"{name}.step"].item() for name in ("used.0", "used.1", "unused")]
    assert counts == [5, 6, 2]


def test_it_takes_fused_adamw_alone():
    model = Weights()
    assert can_update(optimizer_of(model))
    for other in (
        optimizer_of(model, amsgrad=True),
        AdamW(model.parameters()),
        Adam(model.parameters(), fused=True, weight_decay=0.1),
        SGD(model.parameters()),
    ):
        assert not can_update(other)
