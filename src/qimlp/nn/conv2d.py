"""A convolution whose kernel is a sum of Kronecker products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own custom
from torch.utils.checkpoint import checkpoint

from qimlp import functional
from qimlp.functional import kron_linear
from qimlp.nn.conversion import approximate_, copy_dense_, fill_dense_
from qimlp.nn.owner import KroneckerModule, named_input
from qimlp.nn.parameters import assign_all, read
from qimlp.nn.resolve import resolve_shape
from qimlp.nn.window import Window
from qimlp.ops import check_device, check_dtype
from qimlp.shapes import as_bias_form, convolution_path, format_dims


class KroneckerConv2d(KroneckerModule):
    """An `nn.Conv2d` whose kernel, as a matrix, is a sum of Kronecker products.

    The matrix has the shape `(out_channels, in_channels * kernel_height * kernel_width)`. A layer
    of low rank, `in_dims=(1, i)` and `out_dims=(o, 1)`, and others whose first of two factors
    parts no channel, runs as two convolutions, never built; any other lays out what the kernel
    sees, a few images at a time, or builds the kernel, whichever costs less.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Height and width of the kernel, or one number for both.
        stride: As of `nn.Conv2d`.
        padding: As of `nn.Conv2d`.
        dilation: As of `nn.Conv2d`.
        bias: `"dense"` (also `True`), `"kronecker"` or `False`.
        padding_mode: As of `nn.Conv2d`.
        in_dims: Sizes that multiply up to the columns of the matrix; planned where none are given.
        out_dims: Sizes that multiply up to its rows; given together with `in_dims`.
        num_factors: Number of factors M, where no dims are given.
        rank: Number of summed Kronecker products.
        device: Where the parameters lie.
        dtype: Their dtype.

    Raises:
        TypeError: A size is no integer, or the dtype no floating-point `torch.dtype`.
        ValueError: Dims that do not fit, sizes below 1, an unknown name.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        bias: str | bool = "dense",
        padding_mode: str = "zeros",
        *,
        in_dims: Sequence[int] | None = None,
        out_dims: Sequence[int] | None = None,
        num_factors: int = 2,
        rank: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_device(device)
        check_dtype(dtype)
        how: dict[str, Any] = {
            "kernel_size": kernel_size,
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "padding_mode": padding_mode,
        }
        # It checks the arguments; on the meta device it takes no memory.
        conv = nn.Conv2d(in_channels, out_channels, **how, device="meta")
        widths = conv.weight[0].numel(), out_channels
        shape = resolve_shape("KroneckerConv2d", widths, in_dims, out_dims, num_factors, rank)
        super().__init__(shape, as_bias_form(bias), device, dtype)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = conv.kernel_size
        self.stride = conv.stride
        self.padding = conv.padding
        self.dilation = conv.dilation
        self.groups = 1
        self.padding_mode = padding_mode
        self._window = Window.of(conv)
        self._path = convolution_path(shape, in_channels)
        self.reset_parameters()

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """Shape of the dense kernel, `(out_channels, in_channels, height, width)`."""
        height, width = self._window.kernel_size
        return self.out_channels, self.in_channels, height, width

    @property
    def weight(self) -> Tensor:
        """The kernel in full, of shape `kernel_shape`; built at every read, as of `nn.Conv2d`."""
        return self.weight_matrix().reshape(self.kernel_shape)

    @weight.setter
    def weight(self, value: object) -> None:
        KroneckerModule.weight.__set__(self, value)  # type: ignore[attr-defined]

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the factors anew so that they keep the scale of the input; the bias becomes zero.

        Args:
            generator: Source of randomness; torch's own where none is given.
        """
        like = self.factors[0]
        drawn = functional.init_factors(
            self.shape, generator=generator, device=like.device, dtype=like.dtype
        )
        assign_all(self.factors, drawn)
        if self.bias_factors is not None:
            assign_all(self.bias_factors, functional.init_bias_factors(self.shape))
        elif self.bias is not None:
            self.bias.zero_()

    def forward(
        self,
        x: Tensor | None = None,
        *,
        input: Tensor | None = None,  # noqa: A002 - the name that torch gives it
    ) -> Tensor:
        """Apply the layer.

        Args:
            x: Images of shape `(N, in_channels, H, W)` or one of shape `(in_channels, H, W)`.
            input: The same under the name that `nn.Conv2d` has for it, in place of `x`.

        Returns:
            Shape `(N, out_channels, H', W')`, or without the N.

        Raises:
            TypeError: Neither is given.
            ValueError: Another shape.
        """
        if x is None:
            x = named_input(self, input)
        if x.dim() not in (3, 4) or x.shape[-3] != self.in_channels:
            raise ValueError(
                f"x: expected shape (N, {self.in_channels}, H, W) or ({self.in_channels}, H, W), "
                f"got {tuple(x.shape)}"
            )
        if x.dim() == 3:
            return self._images(x.unsqueeze(0)).squeeze(0)
        return self._images(x)

    def _images(self, x: Tensor) -> Tensor:
        if self._path == "rows":
            return self._by_rows(x)
        bias = self.bias_vector()
        if self._path == "dense":
            return self._window.convolve(x, self.weight, bias)
        first, second = read(self, "factor", 2)
        rank, out, groups = first.shape
        images, channels, height, width = x.shape
        parts = x.reshape(images * groups, channels // groups, height, width)
        kernel = second.reshape(-1, channels // groups, *self._window.kernel_size)
        inner = self._window.convolve(parts, kernel, None)
        height, width = inner.shape[2:]
        stacked = inner.reshape(images, groups * rank, self.out_channels // out * height, width)
        mixing = first.permute(1, 2, 0).reshape(out, groups * rank, 1, 1)
        if out == self.out_channels:
            return F.conv2d(stacked, mixing, bias)
        y = F.conv2d(stacked, mixing).reshape(images, self.out_channels, height, width)
        return y if bias is None else y + bias.to(y.dtype).view(-1, 1, 1)

    def _by_rows(self, x: Tensor) -> Tensor:
        padded = self._window.padded(x)
        height, width = self._window.size(padded)
        # While traced, how many images there are may be a symbol, which no split may depend on.
        traced = torch.compiler.is_compiling()
        parts = (padded,) if traced else self._window.parts(padded)
        if len(parts) > 1 and torch.is_grad_enabled():  # else every part's rows would be kept
            done = [checkpoint(self._rows, part, use_reentrant=False) for part in parts]
        else:
            done = [self._rows(part) for part in parts]
        y = torch.cat(done) if len(done) > 1 else done[0]
        return y.reshape(x.shape[0], height, width, self.out_channels).permute(0, 3, 1, 2)

    def _rows(self, x: Tensor) -> Tensor:
        count = self.shape.num_factors
        bias: Tensor | Sequence[Tensor] | None = self.bias if self.bias_form == "dense" else None
        if self.bias_form == "kronecker":
            bias = read(self, "bias_factor", count)
        return kron_linear(self._window.rows(x), read(self, "factor", count), bias)

    def approximate_(self, weight: Tensor, bias: Tensor | None = None) -> KroneckerConv2d:
        """Take the factors nearest to a dense kernel, in place.

        Args:
            weight: Shape `kernel_shape`, or the matrix.
            bias: Shape `(out_channels,)`; None counts as zero.

        Returns:
            The layer.

        Raises:
            ValueError: Shapes that do not fit, or a bias for a layer that has none.
        """
        approximate_(self, weight.flatten(1), bias)
        return self

    @classmethod
    def from_conv2d(
        cls,
        conv: nn.Conv2d,
        *,
        in_dims: Sequence[int] | None = None,
        out_dims: Sequence[int] | None = None,
        num_factors: int = 2,
        rank: int = 1,
    ) -> KroneckerConv2d:
        """Make the layer nearest to an `nn.Conv2d` in the Frobenius norm of the kernel.

        The bias is copied; what is frozen there is frozen here; nothing shares storage.

        Args:
            conv: A convolution of one group.
            in_dims: As for the constructor.
            out_dims: As for the constructor.
            num_factors: Number of factors M, where no dims are given.
            rank: Number of summed Kronecker products.

        Returns:
            A layer of the same device, dtype and mode.

        Raises:
            TypeError: Not an `nn.Conv2d`.
            ValueError: Several groups, or dims that do not fit.
        """
        if not isinstance(conv, nn.Conv2d):
            raise TypeError(f"conv: expected an nn.Conv2d, got {type(conv).__name__}")
        if conv.groups != 1:
            raise ValueError(f"conv: expected one group, got {conv.groups}")
        layer = cls(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,
            conv.stride,
            conv.padding,
            conv.dilation,
            conv.bias is not None,
            conv.padding_mode,
            in_dims=in_dims,
            out_dims=out_dims,
            num_factors=num_factors,
            rank=rank,
            device=conv.weight.device,
            dtype=conv.weight.dtype,
        )
        copy_dense_(layer, conv)
        return layer

    def to_conv2d(self) -> nn.Conv2d:
        """Make an `nn.Conv2d` that computes the same and shares no storage with this layer.

        Returns:
            A layer of the same device, dtype and mode.
        """
        like = self.factors[0]
        how: dict[str, Any] = {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "padding_mode": self.padding_mode,
            "bias": self.bias is not None,
            "device": like.device,
            "dtype": like.dtype,
        }
        conv = nn.Conv2d(self.in_channels, self.out_channels, **how)
        fill_dense_(conv, self)
        return conv

    def extra_repr(self) -> str:
        """Describe channels, window, bodies, rank, bias and parameters."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, "
            f"in_dims={format_dims(self.shape.in_dims)}, "
            f"out_dims={format_dims(self.shape.out_dims)}, rank={self.shape.rank}, "
            f"bias={self.bias_form}, parameters={self.shape.parameters(self.bias_form):,}"
        )
