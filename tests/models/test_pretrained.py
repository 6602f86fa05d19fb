import json
import sys

import pytest
import torch

from qimlp import MLP, QiMLP
from qimlp.models import load_pretrained


@pytest.fixture
def saved(tmp_path):
    net = QiMLP([(2, 3), (3, 2), (2, 2)], rank=2)
    return net, net.save_pretrained(tmp_path / "net")


def test_round_trip(saved):
    net, folder = saved
    x = torch.randn(3, 6)
    assert {p.name for p in folder.iterdir()} == {"config.json", "model.safetensors"}
    for again in (
        QiMLP.from_pretrained(folder),
        QiMLP.from_pretrained(str(folder)),
        load_pretrained(folder),
    ):
        assert isinstance(again, QiMLP)
        assert torch.equal(again(x), net(x))


def test_dtype_is_kept(tmp_path):
    MLP([3, 2]).double().save_pretrained(tmp_path)
    assert load_pretrained(tmp_path)(torch.randn(1, 3, dtype=torch.float64)).dtype == torch.float64


def test_saving_again_replaces(saved):
    net, folder = saved
    with torch.no_grad():
        net.layers[0].factors[0].zero_()
    net.save_pretrained(folder)
    assert not QiMLP.from_pretrained(folder).layers[0].factors[0].any()
    assert len(list(folder.iterdir())) == 2


def test_a_save_that_fails_leaves_the_old_file(saved, monkeypatch):
    net, folder = saved
    before = (folder / "model.safetensors").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space left"):
        net.save_pretrained(folder)
    assert (folder / "model.safetensors").read_bytes() == before
    assert len(list(folder.iterdir())) == 2


def test_damaged_folders(saved):
    _, folder = saved
    with pytest.raises(FileNotFoundError, match="expected a folder"):
        QiMLP.from_pretrained(folder / "nowhere")
    with pytest.raises(ValueError, match="expected kind 'mlp', got 'qimlp'"):
        MLP.from_pretrained(folder)
    weights, config = folder / "model.safetensors", folder / "config.json"
    content, text = weights.read_bytes(), config.read_text()
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        load_pretrained(folder)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match="network's weights"):
        load_pretrained(folder)
    weights.write_bytes(content)
    config.write_text(json.dumps(json.loads(text) | {"rank": 1}))
    with pytest.raises(ValueError, match=r"factor_0: expected shape \(1, 3, 2\), got \(2, 3, 2\)"):
        load_pretrained(folder)
    config.write_text(json.dumps(json.loads(text) | {"__class__": "os.system"}))
    with pytest.raises(ValueError, match="unknown keys"):
        load_pretrained(folder)
    config.write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        load_pretrained(folder)


def test_the_hub_mixin_reads_such_a_folder(saved):
    hub = pytest.importorskip("huggingface_hub")
    net, folder = saved

    class Published(hub.PyTorchModelHubMixin, QiMLP):
        pass

    again = Published.from_pretrained(folder)
    x = torch.randn(2, 6)
    assert torch.equal(again(x), net(x))


def test_a_hub_name_without_the_hub_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r'pip install "qimlp\[hub\]"'):
        QiMLP.from_pretrained("owner/name")


def test_a_name_that_the_hub_does_not_give(monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("qimlp.models.pretrained.unreachable", lambda _: None)

    def refuse(*_, **__):
        raise ConnectionError

    monkeypatch.setattr(hub, "snapshot_download", refuse)
    with pytest.raises(FileNotFoundError, match="neither a folder here nor reachable on the hub"):
        QiMLP.from_pretrained("owner/name")


@pytest.mark.parametrize("name", ["./model", "../model", "runs/model", "owner/model.safetensors"])
def test_a_mistyped_path_is_not_sent_to_the_hub(name, tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")

    def ask(*_, **__):
        raise AssertionError("a request")

    monkeypatch.setattr(hub, "snapshot_download", ask)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(FileNotFoundError, match="expected a folder with config.json"):
        QiMLP.from_pretrained(name)


def test_offline_reads_the_hubs_cache_alone(monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def only_here(name, **options):
        asked.append(options["local_files_only"])
        raise FileNotFoundError

    monkeypatch.setattr(hub, "snapshot_download", only_here)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"on the hub \(HF_HUB_OFFLINE is set\)"):
        QiMLP.from_pretrained("owner/name")
    assert asked == [True]
