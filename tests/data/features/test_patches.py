import pytest
import torch

from qimlp.data.features.patches import column_order, patch_order


def positions(order, shape):
    """(channel, row, column) of every pixel in its new place."""
    height, width = shape[-2:]
    return torch.stack([order // (height * width), order // width % height, order % width])


@pytest.mark.parametrize(
    ("shape", "dims"),
    [
        ((28, 28), (7, 7, 16)),
        ((28, 28), (4, 7, 4, 7)),
        ((28, 28), (28, 28)),
        ((28, 28), (784,)),
        ((3, 32, 32), (48, 64)),
        ((3, 32, 32), (12, 16, 16)),
        ((3, 32, 32), (12, 4, 4, 16)),
        ((3, 4, 2), (6, 4)),
    ],
)
def test_every_body_is_a_box_from_coarse_to_fine(shape, dims):
    order = patch_order(shape, dims)
    assert torch.equal(order.sort().values, torch.arange(order.numel()))
    grid = positions(order, shape)
    channels = (1, *shape)[-3]
    assert torch.equal(grid[0], torch.arange(channels).repeat_interleave(order.numel() // channels))
    # The pixels that share all bodies but the last are one solid box.
    patches = grid[1:].view(2, -1, dims[-1])[:, : order.numel() // channels // dims[-1]]
    extent = patches.amax(dim=2) - patches.amin(dim=2) + 1
    assert bool((extent.prod(dim=0) == dims[-1] // (channels if len(dims) == 1 else 1)).all())


def test_mnist_in_three_bodies_by_hand():
    order = patch_order((28, 28), (7, 7, 16))
    assert order[:16].tolist() == [28 * row + column for row in range(4) for column in range(4)]
    assert order[16].item() == 4  # the next patch of the first band of rows
    assert order[7 * 16].item() == 4 * 28  # the second band of rows


def test_an_image_without_such_boxes_is_refused():
    with pytest.raises(ValueError, match="patches are for images .* shape \\(64,\\)"):
        patch_order((64,), (8, 8))
    with pytest.raises(ValueError, match="16x192 cannot be boxes of an image of 3 x 32 x 32"):
        patch_order((3, 32, 32), (16, 192))


def test_columns_by_hand():
    assert column_order((2, 3)).tolist() == [0, 3, 1, 4, 2, 5]
    assert column_order((2, 2, 2)).tolist() == [0, 2, 1, 3, 4, 6, 5, 7]  # channel by channel
    with pytest.raises(ValueError, match="columns are for images .* shape \\(64,\\)"):
        column_order((64,))
