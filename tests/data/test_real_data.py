import pytest
import torch

from qimlp.data import Scaling, load

pytestmark = pytest.mark.needs_data


def describe(folder):
    data = load(str(folder), streaming=False)
    scaling = Scaling.fit("standardize", data.train, data.feature_shape)
    return data, torch.tensor(scaling.shift) / 255, torch.tensor(scaling.scale) / 255


@pytest.mark.parametrize("real_data", ["mnist"], indirect=True)
def test_mnist(real_data):
    data, mean, deviation = describe(real_data)
    assert (len(data.train), len(data.test), data.feature_shape) == (60_000, 10_000, (28, 28))
    assert data.class_names == tuple("0123456789")
    assert mean.tolist() == pytest.approx([0.1307], abs=5e-5)
    assert deviation.tolist() == pytest.approx([0.3081], abs=5e-5)
    assert data.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert torch.bincount(data.test.labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]


@pytest.mark.parametrize("real_data", ["cifar10"], indirect=True)
def test_cifar10(real_data):
    data, mean, _ = describe(real_data)
    assert (len(data.train), len(data.test), data.feature_shape) == (50_000, 10_000, (3, 32, 32))
    assert data.class_names[0] == "airplane"
    assert torch.bincount(data.test.labels).tolist() == [1000] * 10
    assert mean.tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-5)


@pytest.mark.parametrize("real_data", ["imdb"], indirect=True)
def test_texts_are_refused(real_data):
    with pytest.raises(ValueError, match="column 'text' holds text: expected numbers or images"):
        load(str(real_data))
