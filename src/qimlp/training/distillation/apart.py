"""Training one model beside another: what is changed for it, and put back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

from torch import Tensor, nn

from qimlp.compression import model_device


def take_apart_(student: nn.Module, teacher: nn.Module) -> None:
    """Give the student copies of what it shares with the teacher and training would change.

    Modules that both have are copied, but for their frozen parameters; parameters that are trained
    and buffers get storage of their own.

    Args:
        student: Changed in place.
        teacher: Stays as it is.

    Raises:
        ValueError: One of the models is, or is a part of, the other.
    """
    theirs = {id(module) for module in teacher.modules()}
    if id(student) in theirs or any(module is teacher for module in student.modules()):
        raise ValueError(
            "student and teacher: expected two models, got one that is the other or a part of it; "
            "compress a copy.deepcopy of the model and keep the model as the teacher"
        )
    storages = {_storage(tensor) for tensor in chain(teacher.parameters(), teacher.buffers())}
    copied: dict[int, Any] = {id(p): p for p in teacher.parameters() if not p.requires_grad}
    for module in [each for each in student.modules() if id(each) not in theirs]:
        for path, child in list(module.named_modules(remove_duplicate=False)):
            if path and "." not in path and id(child) in theirs:
                module.add_module(path, copy.deepcopy(child, copied))
        for name, parameter in list(module.named_parameters("", False, False)):
            if parameter.requires_grad and _storage(parameter) in storages:
                setattr(module, name, copy.deepcopy(parameter, copied))
        for name, buffer in list(module.named_buffers("", False, False)):
            if _storage(buffer) in storages:
                setattr(module, name, copy.deepcopy(buffer, copied))


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


@contextmanager
def modes_kept(student: nn.Module, teacher: nn.Module) -> Iterator[None]:
    """Put both models back into the modes, and the student where it was; it has no gradients after.

    Args:
        student: Its parameters' `requires_grad` and device are put back too.
        teacher: Another model.
    """
    modes = [(each, each.training) for model in (student, teacher) for each in model.modules()]
    learning = [(parameter, parameter.requires_grad) for parameter in student.parameters()]
    device = model_device(student)
    student.zero_grad()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, wanted in learning:
            parameter.requires_grad_(wanted)
        student.zero_grad()
        if model_device(student) != device:
            student.to(device)


@contextmanager
def weights_kept_on_failure(model: nn.Module) -> Iterator[Callable[[], None]]:
    """Put a model's weights back where training ends in an error.

    Args:
        model: Any module.

    Yields:
        What puts them back without an error.
    """
    kept: Mapping[str, Tensor] = {
        name: tensor.detach().clone()
        for name, tensor in chain(model.named_parameters(), model.named_buffers())
        if not isinstance(tensor, nn.Parameter) or tensor.requires_grad
    }

    def put_back() -> None:
        now = dict(chain(model.named_parameters(), model.named_buffers()))
        for name, tensor in kept.items():
            now[name].data.copy_(tensor)

    done = False
    try:
        yield put_back
        done = True
    finally:
        if not done:
            put_back()
