"""Distillation: what is trained, what is kept, what is refused."""

import copy

import pytest
import torch
from torch import nn

from qimlp import KroneckerLinear
from qimlp.training import Callback, NonFiniteLossError, distill


def rows(count=64, width=6, seed=0):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def network(seed=0, width=6):
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(width, 8), nn.GELU(), nn.Linear(8, 3))


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(model, before):
    return all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_linear_student_becomes_its_teacher():
    teacher = nn.Linear(6, 3)
    student = nn.Linear(6, 3)
    found = distill(student, teacher, rows(640).split(32), steps=600, lr=0.03)
    torch.testing.assert_close(student.weight, teacher.weight, rtol=0, atol=1e-3)
    torch.testing.assert_close(student.bias, teacher.bias, rtol=0, atol=1e-3)
    assert found.steps == 600
    assert found.after < 1e-5 < found.before
    assert found.measured_on == "first 8 batches"
    assert found.rejected is None
    assert str(found).startswith("distilled for 600 steps: loss ")


def test_one_pass_is_the_default_and_its_losses_are_those_of_the_batches():
    teacher, student = network(0), network(1)
    batches = rows().split(16)

    def loss():  # in the unit that the first batch gives
        with torch.no_grad():
            answers = teacher(rows())
            spread = (answers[:16] - answers[:16].mean(0)).square().mean()
            return float((student(rows()) - answers).square().mean() / spread)

    before = loss()
    found = distill(student, teacher, batches)
    assert found.steps == 4
    assert found.measured_on == "first 4 batches"
    assert found.before == pytest.approx(before, rel=1e-5)
    assert found.after == pytest.approx(loss(), rel=1e-5)


@pytest.mark.parametrize("dev", [(), rows(32, seed=1).split(16)])
def test_where_the_loss_rises_the_weights_are_as_before(dev):
    teacher, student = network(0), nn.Sequential(*network(1), nn.BatchNorm1d(3))
    before = state(student)
    found = distill(student, teacher, rows().split(16), lr=1e3, dev=dev, dropout=True)
    assert same(student, before)
    assert found.rejected > found.before == found.after
    assert found.steps == 4
    assert str(found).endswith(
        "it rose, so the weights are as they were; try a lower lr or more batches"
    )


def test_before_and_after_are_of_the_same_batches_of_a_shuffled_loader():
    data = [(row,) for row in 10 ** torch.arange(16.0)[:, None] * rows(16)]
    loader = torch.utils.data.DataLoader(data, batch_size=1, shuffle=True)
    teacher, student = nn.Linear(6, 3), nn.Linear(6, 3)
    found = distill(student, teacher, loader, lr=1e-30)
    assert found.after == found.before


@pytest.mark.parametrize("form", ["list", "iterator", "stream", "labelled", "mapping"])
def test_every_form_of_batches_gives_the_same(form):
    class Stream:
        def __iter__(self):
            return iter(rows().split(16))

        def __len__(self):
            raise TypeError("a stream has no length")

    class Named(nn.Sequential):
        def forward(self, values):
            return super().forward(values)

    batches = {
        "list": rows().split(16),
        "iterator": iter(rows().split(16)),
        "stream": Stream(),
        "labelled": [(x, torch.zeros(16)) for x in rows().split(16)],
        "mapping": [{"values": x} for x in rows().split(16)],
    }[form]
    expected, student = network(1), Named(*network(1))
    distill(expected, network(0), rows().split(16), epochs=3)
    found = distill(student, Named(*network(0)), batches, epochs=3)
    assert found.steps == 12
    assert same(student, state(expected))


def test_only_what_learns_is_trained_and_factors_are():
    teacher = network(0)
    student = copy.deepcopy(teacher)
    student[0] = KroneckerLinear.from_linear(teacher[0], in_dims=(2, 3), out_dims=(4, 2))
    student[2].requires_grad_(False)
    before = state(student)
    found = distill(student, teacher, rows().split(16), epochs=20)
    assert found.after < 0.9 * found.before
    now = student.state_dict()
    assert all(torch.equal(now[name], before[name]) for name in ("2.weight", "2.bias"))
    assert not any(torch.equal(now[name], before[name]) for name in ("0.factor_0", "0.factor_1"))


def test_the_teacher_stays_where_modules_and_parameters_are_shared():
    teacher = nn.Sequential(*network(0), nn.BatchNorm1d(3, momentum=None))
    teacher(rows())  # its statistics are those of the rows
    student = nn.Sequential(teacher[0], nn.GELU(), nn.Linear(8, 3), teacher[3])
    student[2].weight = teacher[2].weight
    before = state(teacher)
    found = distill(student, teacher, rows().split(16), epochs=20, dropout=True)
    assert found.after < found.before
    assert same(teacher, before)
    assert student[3] is not teacher[3]
    assert not torch.equal(student[2].weight, teacher[2].weight)
    assert not torch.equal(student[3].running_mean, teacher[3].running_mean)


def test_frozen_parameters_stay_shared():
    teacher = network(0).requires_grad_(False)
    student = nn.Sequential(teacher[0], nn.GELU(), nn.Linear(8, 3))
    distill(student, teacher, rows().split(16))
    assert student[0].weight is teacher[0].weight


def test_modes_hooks_dtype_and_gradients_are_put_back():
    teacher, student = network(0).double(), network(1).double()
    student[0].eval()
    student[2].bias.requires_grad_(False)
    student[0].weight.grad = torch.full_like(student[0].weight, 1e6)
    seen = []
    student[0].register_forward_hook(lambda module, *_: seen.append(module.training))
    teacher.train()
    distill(student, teacher, rows().double().split(16))
    assert [module.training for module in student] == [False, True, True]
    assert all(module.training for module in teacher.modules())
    assert student[0].weight.dtype == torch.float64
    assert student[0].weight.requires_grad
    assert not student[2].bias.requires_grad
    assert student[0].weight.grad is None
    assert len(student[0]._forward_hooks) == 1
    assert not any(seen)


@pytest.mark.parametrize("dropout", [False, True])
def test_dropout_and_batch_norm_are_at_rest_unless_asked(dropout):
    teacher = network(0)
    student = nn.Sequential(nn.Dropout(0.5), *network(1), nn.BatchNorm1d(3))
    seen = []
    student[0].register_forward_hook(lambda _, given, out: seen.append(torch.equal(given[0], out)))
    distill(student, teacher, rows().split(16), dropout=dropout)
    steps = seen[5:-4]  # after a look and a measurement, before another
    assert len(steps) == 4
    assert all(steps) is not dropout
    assert bool(student[4].running_mean.abs().sum() > 0) is dropout


def test_the_best_epoch_on_dev_is_kept():
    class Spoil(Callback):
        def on_epoch(self, trainer, epoch):
            losses.append(epoch.dev["loss"])
            if epoch.epoch == 2:
                with torch.no_grad():
                    student[2].weight.add_(100)

    losses = []
    teacher, student = network(0), network(1)
    dev = rows(32, seed=1).split(16)
    found = distill(
        student, teacher, rows().split(16), epochs=4, lr=0.01, dev=dev, callbacks=[Spoil()]
    )
    assert found.measured_on == "dev"
    assert losses[3] > losses[1]
    assert found.after == pytest.approx(losses[1], rel=1e-6) == min(losses)


def test_after_an_error_the_weights_are_as_before():
    teacher, student = network(0), network(1)
    before = state(student)
    bad = rows()
    bad[40, 2] = torch.nan  # not in the first batch
    with pytest.raises(NonFiniteLossError, match="training loss became nan"):
        distill(student, teacher, bad.split(16))
    assert same(student, before)
    assert student[0].weight.requires_grad
    assert student[0].weight.grad is None


def test_bad_input_is_one_line():
    teacher, student = network(0), network(1)
    batches = rows().split(16)
    meta = network(1).to("meta")
    frozen = network(1).requires_grad_(False)
    apart = nn.Sequential(*network(1).requires_grad_(False), nn.Identity())
    apart.unused = nn.Linear(1, 1)
    apart.forward = lambda x: apart[2](apart[1](apart[0](x)))
    wider = nn.Linear(6, 4)
    broken = network(0)
    nn.init.constant_(broken[0].weight, torch.inf)

    class Words(nn.Module):
        def forward(self, x):
            return "words"

    for call, kind, line in (
        (lambda: distill(student, teacher, []), ValueError, "batches: expected at least one"),
        (lambda: distill(student, student, batches), ValueError, "expected two models"),
        (lambda: distill(nn.Sequential(teacher), teacher, batches), ValueError, "a part of it"),
        (lambda: distill(frozen, teacher, batches), ValueError, "all are frozen"),
        (lambda: distill(apart, teacher, batches), ValueError, "answers that depend on"),
        (lambda: distill(wider, teacher, batches), ValueError, r"\(16, 3\), as the teacher's, got"),
        (lambda: distill(student, broken, batches), ValueError, "teacher: expected finite answers"),
        (lambda: distill(broken, student, batches), ValueError, "student: expected finite answers"),
        (lambda: distill(student, Words(), batches), TypeError, "got str; say what to match"),
        (lambda: distill(student, teacher, ["text"]), TypeError, "expected batches that are"),
        (lambda: distill(student, None, batches), TypeError, "teacher: expected an nn.Module, got"),
        (lambda: distill(student, meta, batches), ValueError, "teacher: it is on the meta device"),
        (lambda: distill(student, teacher, rows()), TypeError, r"a tensor of shape \(64, 6\); a s"),
        (lambda: distill(student, teacher, 3), TypeError, "^batches: expected an iterable of ba"),
        (
            lambda: distill(student, teacher, "imdb"),
            TypeError,
            "iterable of batches, got str; a",
        ),
        (lambda: distill(student, teacher, batches, dev=5), TypeError, "^dev: expected an iterab"),
        (lambda: distill(student, teacher, batches, outputs="x"), TypeError, "outputs: expected a"),
        (
            lambda: distill(student, teacher, batches, factor_lr_scale="x"),
            ValueError,
            "0 to 1, got",
        ),
        (lambda: distill(student, teacher, batches, steps=0), ValueError, "steps: expected 1 or"),
        (lambda: distill(student, teacher, batches, epochs=1.5), TypeError, "epochs: expected a"),
        (lambda: distill(student, teacher, batches, lr=0), ValueError, "lr: expected a number"),
        (lambda: distill(student, teacher, batches, loss="l1"), ValueError, "expected one of mse"),
        (lambda: distill(student, teacher, batches, match="x"), ValueError, "one of auto, outputs"),
    ):
        with pytest.raises(kind, match=line) as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_it_trains_where_gradients_are_off_around(around):
    teacher, student, other = network(0), network(1), network(1)
    batches = rows().split(16)
    with around():
        found = distill(student, teacher, batches)
        assert not torch.is_grad_enabled()
    assert found == distill(other, teacher, batches)
    assert same(student, state(other))
    assert not any(parameter.is_inference() for parameter in student.parameters())


@pytest.mark.parametrize(("noise", "expected"), [(0.5, 1e-3), (0.02, 2e-4)])
def test_the_default_rate_shrinks_with_the_error_of_a_near_student(noise, expected):
    class Seen(Callback):
        def on_start(self, trainer):
            rates.append(trainer.optimisation.lr)

    rates = []
    teacher = nn.Linear(6, 3)
    student = copy.deepcopy(teacher)
    batch = rows()
    with torch.no_grad():
        answers = teacher(batch)
        scale = noise * (answers - answers.mean(0)).norm() / answers.numel() ** 0.5
        student.bias.add_(scale)
    distill(student, teacher, [batch], callbacks=[Seen()])
    assert rates == [pytest.approx(expected, rel=1e-4)]
