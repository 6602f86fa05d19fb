"""The groups of settings: one flat form on disk, and every name a field has had."""

import json
import pickle
from pathlib import Path

import pytest

from qimlp.settings import (
    FIELDS,
    GROUPS,
    OLD_NAMES,
    ComputeSettings,
    NetworkSettings,
    TrainSettings,
    resolve_settings,
)

STORED = Path(__file__).parent / "data"
"""What a run of the first version wrote: 48 fields, some under names they no longer have."""

LATER = {
    "process_timeout": 600,
    "task": "auto",
    "drop_columns": [],
    "categorical": [],
    "resize": None,
    "class_weights": "none",
    "loss": "mse",
    "quantiles": [0.05, 0.5, 0.95],
    "width": None,
    "steps": None,
    "ties": "first",
    "members": 4,
    "embedding_dim": 16,
    "linear_skip": False,
    "keep_last": None,
    "track": "none",
}


def stored(name):
    return json.loads((STORED / name).read_text())


def test_no_class_of_settings_is_large_and_every_field_is_described():
    classes = [TrainSettings, *GROUPS.values()]
    assert all(len(group.model_fields) <= 16 for group in classes)
    assert len(FIELDS) == 1 + sum(len(group.model_fields) for group in GROUPS.values())
    for name, field in FIELDS.items():
        assert len(field.description or "") > 10, name


def test_written_flat_and_read_again():
    settings = resolve_settings({"rank": 2, "dims": "4x4,2x5", "label_column": ["a", "b"]})
    flat = json.loads(settings.model_dump_json())
    assert list(flat) == list(FIELDS)
    assert flat == settings.model_dump(mode="json")
    assert (flat["dims"], flat["label_column"]) == ([[4, 4], [2, 5]], ["a", "b"])
    assert TrainSettings.model_validate_json(json.dumps(flat)) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - our own
    assert hash(TrainSettings.model_validate(flat)) == hash(settings)


def test_settings_of_the_first_version_are_read():
    first = stored("first_settings.json")
    settings = resolve_settings(first)
    assert settings.network.warm_start == "ridge"
    assert settings.network.warm_start_penalty == 0.5
    assert settings.network.restart_epochs == 3
    names = {old: new for new, old in OLD_NAMES.items()}
    renamed = {names.get(name, name): value for name, value in first.items()}
    assert settings.model_dump(mode="json") == {**renamed, **LATER}


def test_a_run_that_the_first_version_broke_off_may_go_on():
    settings = resolve_settings(stored("first_settings.json"))
    first = stored("first_numeric.json")
    assert settings.changed_since(first) == []
    assert settings.changed_since(settings.numeric()) == []
    assert settings.changed_since({**first, "start_epochs": 4, "lr": 0.5}) == [
        "lr",
        "restart_epochs",
    ]
    assert settings.changed_since({**first, "width": 256}) == ["width"]
    assert settings.replace(loss="huber").changed_since(first) == ["loss"]
    assert settings.changed_since({**first, "novel": 1}) == ["novel"]
    assert "lr" in settings.changed_since(None)


def test_where_and_how_it_runs_decides_no_numbers():
    settings = resolve_settings({"data": "flowers.csv"})
    elsewhere = settings.replace(
        data_dir="/data", device="cpu", threads=3, log_every=1, keep_last=2
    )
    assert settings.changed_since(elsewhere.numeric()) == []
    assert settings.numeric() == elsewhere.numeric()


@pytest.mark.parametrize(("new", "old"), OLD_NAMES.items())
def test_old_names_are_read_everywhere(new, old):
    value = {"warm_start": "svm"}.get(new, 3)
    settings = resolve_settings({old: value}, file={new: FIELDS[new].default})
    assert settings == resolve_settings({new: value})
    assert getattr(settings, old) == getattr(settings, new) == value
    assert settings.replace(**{old: FIELDS[new].default}) == resolve_settings()
    with pytest.raises(ValueError, match=f"^somewhere: {old} is the old name of {new}"):
        resolve_settings({old: value, new: value}, source="somewhere")


def test_a_field_is_read_from_its_group_or_from_the_whole():
    settings = resolve_settings({"epochs": 7})
    assert settings.optimisation.epochs == settings.epochs == 7
    with pytest.raises(AttributeError, match="epoch"):
        _ = settings.epoch


def test_copies_are_checked():
    settings = resolve_settings()
    assert (
        settings.replace(epochs=3).epochs == settings.model_copy(update={"epochs": 3}).epochs == 3
    )
    with pytest.raises(ValueError, match="epochs"):
        settings.replace(epochs=0)
    with pytest.raises(ValueError, match="epoch"):
        settings.model_copy(update={"epoch": 3})


def test_made_of_groups_and_fields():
    made = TrainSettings(network=NetworkSettings(model="3b", rank=2), compute=ComputeSettings())
    assert made == TrainSettings.model_validate({"model": "3b", "rank": 2})
    mixed = TrainSettings.model_validate({"network": made.network, "rank": 4})
    assert (mixed.model, mixed.rank) == ("3b", 4)


def test_some_fields_of_the_flat_form():
    settings = resolve_settings()
    assert settings.model_dump(include={"lr", "rank"}) == {"rank": 1, "lr": 0.03}
    assert "lr" not in settings.model_dump(exclude={"lr"})


def test_one_label_column_is_a_name_and_several_are_a_list():
    assert resolve_settings({"label_column": ["y"]}).label_column == "y"
    several = resolve_settings({"label_column": ("y", "z, w"), "task": "regression"})
    assert several.dataset.label_columns == ("y", "z, w")
    assert resolve_settings({"label_column": []}).dataset.label_columns == ()
    assert resolve_settings({"drop_columns": "id"}).dataset.drop_columns == ("id",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"label_column": ["a", "b"], "task": "classification"}, "one column for task class.* 2"),
        ({"label_column": ["a", "a"]}, "expected different columns, got a, a"),
        ({"label_column": "a", "drop_columns": ["a"]}, "'a' is a label_column"),
        ({"task": "classification", "loss": "huber"}, "huber is for regression"),
        ({"task": "regression", "class_weights": "balanced"}, "balanced: expected none"),
        ({"terms_by": "svm"}, "expected text tfidf, got None"),
        ({"finetune": True}, "expected text encoder, got None"),
        (
            {"finetune": True, "text": "encoder", "order": "columns"},
            "or spectral, got columns",
        ),
        ({"finetune": True, "text": "encoder", "dtype": "bfloat16"}, "expected dtype float32"),
        ({"finetune": True, "text": "encoder", "captured_step": "on"}, "captured_step off, got on"),
    ],
)
def test_what_does_not_go_together(options, words):
    with pytest.raises(ValueError, match=words):
        resolve_settings(options)
