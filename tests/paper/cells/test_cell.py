import pickle
from dataclasses import replace

from qimlp.paper.cells import cell as cell_module
from qimlp.paper.cells.cell import Cell
from qimlp.settings import TrainSettings


def test_settings_come_from_the_recipe_and_the_changes(variant):
    settings = Cell(variant, 3).settings(device="cpu", threads=1)
    assert (settings.recipe, settings.seed, settings.watch_test) == ("tuned", 3, True)
    assert (settings.epochs, settings.scaling, settings.label_smoothing) == (2, "standardize", 0.1)


def test_the_key_tells_numbers_apart_and_nothing_else(variant, monkeypatch):
    key = Cell(variant, 0).key()
    assert key == Cell(replace(variant, note="other words", seeds=3), 0).key()
    assert key != Cell(variant, 1).key()
    assert key != Cell(replace(variant, changes={**variant.changes, "lr": 0.5}), 0).key()
    assert key != Cell(replace(variant, column="paper"), 0).key()
    monkeypatch.setattr(cell_module, "CODE_VERSION", cell_module.CODE_VERSION + 1)
    assert key != Cell(variant, 0).key()


def test_younger_settings_at_their_default_leave_keys_as_they_were(variant):
    key = Cell(variant, 0).key()
    defaults = TrainSettings(data="digits").model_dump()
    younger = ("finetune", "encoder_lr", "restarts", "optimizer", "terms_by", "width")
    same = {**variant.changes, **{name: defaults[name] for name in younger}}
    assert Cell(replace(variant, changes=same), 0).key() == key
    texts = {**variant.changes, "text": "encoder"}
    keys = {
        Cell(replace(variant, changes={**texts, **more}), 0).key()
        for more in ({}, {"finetune": True}, {"finetune": True, "encoder_lr": 1e-5})
    }
    assert len(keys) == 3


def test_a_variant_cannot_be_changed_but_travels(variant):
    again = pickle.loads(pickle.dumps(variant))  # noqa: S301 - what multiprocessing does
    assert again == variant
    assert dict(again.changes) == dict(variant.changes)
