import json

import pytest
import torch

from qimlp.data import Scaling, TensorSplit


def images(*shape: int) -> TensorSplit:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (9, *shape), generator=generator).to(torch.uint8)
    return TensorSplit(pixels.flatten(1), torch.arange(9) % 2)


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("none", 0.0, 255.0), ("unit", 0.0, 1.0), ("symmetric", -1.0, 1.0)]
)
def test_pixels_use_the_whole_range_of_their_type(kind, low, high):
    scaling = Scaling.fit(kind, images(3, 2), (3, 2))
    scaled = scaling.apply(torch.tensor([[0, 255, 0, 255, 0, 255]], dtype=torch.uint8))
    assert scaled.dtype == torch.float32
    assert scaled.tolist() == [[low, high] * 3]


@pytest.mark.parametrize(("shape", "groups"), [((4, 5), 1), ((3, 4, 5), 3), ((20,), 20)])
@pytest.mark.parametrize("chunk", [1, 2**18])
def test_standardize_per_image_channel_or_feature(shape, groups, chunk, monkeypatch):
    monkeypatch.setattr("qimlp.data.features.scaling._CHUNK_ELEMENTS", chunk)
    split = images(*shape)
    scaling = Scaling.fit("standardize", split, shape)
    assert len(scaling.shift) == groups
    grouped = split.inputs.double().reshape(9, groups, -1)
    mean = grouped.mean(dim=(0, 2), keepdim=True)
    deviation = grouped.std(dim=(0, 2), keepdim=True, correction=0)
    wanted = ((grouped - mean) / deviation).flatten(1)
    torch.testing.assert_close(scaling.apply(split.inputs).double(), wanted, rtol=0, atol=1e-5)


def test_constant_feature_becomes_zero_not_nan():
    split = TensorSplit(torch.tensor([[1.0, 5.0], [3.0, 5.0]]), torch.tensor([0, 1]))
    for kind in ("unit", "standardize"):
        scaled = Scaling.fit(kind, split, (2,)).apply(split.inputs)
        assert scaled[:, 1].tolist() == [0.0, 0.0]
    assert Scaling.fit("standardize", split, (2,)).apply(split.inputs)[:, 0].tolist() == [-1.0, 1.0]


def test_range_of_a_table_is_per_feature_and_of_float_images_common():
    split = TensorSplit(torch.tensor([[0.0, 10.0], [4.0, 30.0]]), torch.tensor([0, 1]))
    assert Scaling.fit("unit", split, (2,)).scale == (4.0, 20.0)
    assert Scaling.fit("symmetric", split, (1, 2)).scale == (15.0,)


def test_apply_leaves_its_input_alone():
    inputs = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    scaling = Scaling("standardize", 2, (1.0,), (2.0,))
    assert scaling.apply(inputs).tolist() == [[0.0, 0.5], [1.0, 1.5]]
    assert inputs.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert scaling.apply(inputs.t()).tolist() == [[0.0, 1.0], [0.5, 1.5]]


def test_round_trip_through_json():
    scaling = Scaling.fit("standardize", images(3, 2, 2), (3, 2, 2))
    assert Scaling.from_dict(json.loads(json.dumps(scaling.to_dict()))) == scaling


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "log"}, "unknown scaling 'log'"),
        ({"scale": [0.0]}, "positive"),
        ({"shift": [float("nan")]}, "finite"),
        ({"shift": []}, "as many shifts as scales"),
        ({"shift": [0.0] * 3, "scale": [1.0] * 3}, "dividing 4 features"),
        ({"extra": 1}, "expected keys"),
        ({"shift": None}, "wrong type"),
    ],
)
def test_bad_descriptions(change, message):
    good = {"kind": "unit", "in_features": 4, "shift": [0.0], "scale": [1.0]}
    with pytest.raises(ValueError, match=message):
        Scaling.from_dict({**good, **change})


def test_wrong_shapes():
    with pytest.raises(ValueError, match="does not fit"):
        Scaling.fit("unit", images(3, 2), (7,))
    with pytest.raises(ValueError, match=r"expected inputs \(N, 4\)"):
        Scaling("unit", 4, (0.0,), (1.0,)).apply(torch.zeros(2, 5))
    with pytest.raises(ValueError, match="unknown scaling"):
        Scaling.fit("minmax", images(3, 2), (3, 2))
