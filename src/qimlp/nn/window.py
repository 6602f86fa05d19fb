"""The windows that a convolution sees, as the rows of a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own custom

#: Numbers that are laid out at once, where the caller does not say: 64 MiB of float32.
MOST_NUMBERS = 2**24


@dataclass(frozen=True)
class Window:
    """How a convolution without groups moves over images.

    Attributes:
        kernel_size: Height and width of the kernel.
        stride: Step down and to the right.
        padding: Pixels added left, right, above and below, the order of `F.pad`.
        dilation: Distance of the kernel's pixels, down and to the right.
        padding_mode: What is added: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
    """

    kernel_size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    padding_mode: str = "zeros"

    @classmethod
    def of(cls, conv: nn.Conv2d) -> Window:
        """Return the window of a convolution.

        Args:
            conv: A convolution; its groups are not looked at.
        """
        height, width = conv.kernel_size
        down, right = conv.dilation
        left = top = 0
        if conv.padding == "same":  # as torch has it: the odd pixel goes right and below
            across, along = right * (width - 1), down * (height - 1)
            left, top = across // 2, along // 2
            sides = left, across - left, top, along - top
        elif isinstance(conv.padding, str):
            sides = 0, 0, 0, 0
        else:
            top, left = conv.padding
            sides = left, left, top, top
        stride = (conv.stride[0], conv.stride[1])
        return cls((height, width), stride, sides, (down, right), conv.padding_mode)

    def padded(self, x: Tensor) -> Tensor:
        """Add the padding to images of shape (N, C, H, W)."""
        if not any(self.padding):
            return x
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return F.pad(x, self.padding, mode=mode)

    def convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None, groups: int = 1) -> Tensor:
        """Convolve images with another kernel of the same size.

        Args:
            x: Images of shape (N, C, H, W) or (C, H, W), not padded.
            kernel: Of shape (out, C / groups, kernel height, kernel width).
            bias: Of shape (out,).
            groups: Parts of the channels that are convolved apart.

        Returns:
            Images with `out` channels.
        """
        left, right, top, bottom = self.padding
        sides: tuple[int, int] = (top, left)
        if self.padding_mode != "zeros" or (left, top) != (right, bottom):
            x, sides = self.padded(x), (0, 0)
        return F.conv2d(x, kernel, bias, self.stride, sides, self.dilation, groups)

    def size(self, x: Tensor) -> tuple[int, int]:
        """Height and width of the output for padded images."""
        rows, columns = (
            (have - step * (length - 1) - 1) // stride + 1
            for have, length, stride, step in zip(
                x.shape[-2:], self.kernel_size, self.stride, self.dilation, strict=True
            )
        )
        return rows, columns

    def rows(self, x: Tensor) -> Tensor:
        """Lay out what the kernel sees at every place.

        Args:
            x: Padded images of shape (N, C, H, W).

        Returns:
            Shape (N * out_height * out_width, C * kernel_height * kernel_width), image by image.
        """
        channels = x.shape[1]
        if self.kernel_size == (1, 1):
            down, right = self.stride
            return x[:, :, ::down, ::right].permute(0, 2, 3, 1).reshape(-1, channels)
        seen = F.unfold(x, self.kernel_size, self.dilation, 0, self.stride)
        return seen.transpose(1, 2).reshape(-1, channels * prod(self.kernel_size))

    def parts(self, x: Tensor, most: int = MOST_NUMBERS) -> Sequence[Tensor]:
        """Split images so that the rows of each part take little memory.

        Args:
            x: Padded images of shape (N, C, H, W).
            most: Numbers in the rows of a part; more only where one image has more.

        Returns:
            Parts of `x`, in order; one where the kernel has a single pixel.
        """
        pixels = prod(self.kernel_size)
        if pixels == 1:
            return (x,)
        each = prod(self.size(x)) * x.shape[1] * pixels
        return torch.split(x, max(most // max(each, 1), 1))
