import urllib.error
import urllib.request

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest

from qimlp.data import load, open_stream


@pytest.fixture
def hub(monkeypatch, image_folder_of_parquet):
    """A hub that holds `someone/shapes`; no request leaves the machine."""
    files = {
        part: [str(file) for file in sorted(image_folder_of_parquet.glob(f"{part}-*"))]
        for part in ("train", "test")
    }

    def only_that(hub_id):
        if hub_id != "someone/shapes":
            raise ConnectionError(f"no {hub_id}\nsecond line")

    def load_dataset(hub_id):
        only_that(hub_id)
        splits = {}
        for part, pieces in files.items():
            table = pq.ParquetDataset(pieces).read()
            splits[part] = datasets.Dataset(datasets.table.InMemoryTable(table))
        return splits

    class Builder:
        def __init__(self, hub_id):
            only_that(hub_id)
            self.config = type("Config", (), {"data_files": files})

    class Answer:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(datasets, "load_dataset_builder", Builder)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Answer())
    monkeypatch.delenv("QIMLP_DATA", raising=False)


@pytest.mark.usefixtures("hub")
def test_read_from_the_hub(pixels):
    data = load("someone/shapes")
    assert (data.name, data.class_names) == ("shapes", ("a", "b", "c"))
    np.testing.assert_array_equal(data.train.inputs.numpy(), pixels[:30].reshape(30, 20))
    np.testing.assert_array_equal(data.test.inputs.numpy(), pixels[30:].reshape(10, 20))


@pytest.mark.usefixtures("hub")
def test_stream_from_the_hub():
    data = open_stream("someone/shapes")
    assert sum(rows for _, rows in data.train_files) == 30
    assert data.feature_shape == (4, 5)


@pytest.mark.usefixtures("hub")
def test_refusal_by_the_hub_is_one_line():
    with pytest.raises(
        FileNotFoundError, match=r"ylecun/mnist is no .* log-in, .*--data-dir or QIMLP_DATA"
    ) as e:
        load("mnist")
    assert "mnist/train-*.parquet" in str(e.value)
    assert "\n" not in str(e.value)


def test_unreachable_hub(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"Name or service.*cifar10/train-"):
        load("cifar10", data_dir=tmp_path)


@pytest.mark.parametrize(
    "variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"]
)
def test_no_request_where_the_user_forbids_them(variable, monkeypatch, tmp_path):
    def ask(*_, **__):
        raise AssertionError("a request")

    monkeypatch.setattr(urllib.request, "urlopen", ask)
    monkeypatch.setattr(datasets, "load_dataset", ask)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setenv(variable, "1")
    for name in ("mnist", "someone/letters"):
        with pytest.raises(FileNotFoundError, match=rf"hub \({variable} is set\)"):
            load(name, data_dir=tmp_path)
