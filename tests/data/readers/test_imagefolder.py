"""Folders of images as notebooks, phones and archives leave them."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qimlp.data import load
from qimlp.data.read import read_part
from qimlp.data.readers.columns import TableRequest
from qimlp.data.readers.imagefolder import find_images, read_images
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.data.sources.names import resolve


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def grey(value: int, height: int = 2, width: int = 3) -> np.ndarray:
    return np.full((height, width), value, np.uint8)


def read(folder: Path, part: str = "train") -> RawExamples:
    raw = read_part(resolve(str(folder)), part, TableRequest())
    assert raw is not None
    return raw


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "pets"
    for number in range(6):
        save(root / "train" / "dog" / f"{number}.png", grey(100 + number))
        save(root / "train" / "cat" / f"{number}.PNG", grey(number))
    save(root / "test" / "dog" / "0.png", grey(200))
    return root


def test_folder_with_train_and_test(folder):
    data = load(str(folder))
    assert (data.name, data.class_names, data.feature_shape) == ("pets", ("cat", "dog"), (2, 3))
    assert data.train.inputs[:, 0].tolist() == [*range(6), *range(100, 106)]
    assert data.train.labels.tolist() == [0] * 6 + [1] * 6
    assert data.test.labels.tolist() == [1]
    assert resolve(str(folder)).notes == ()


def test_folder_of_classes_alone(folder):
    data = load(str(folder / "train"))
    assert (len(data.train), len(data.test)) == (10, 2)
    assert "set aside" in data.test_origin


def test_colour_is_channel_first(tmp_path):
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    save(tmp_path / "a" / "0.png", pixels)
    raw = read_images([str(tmp_path / "a" / "0.png")], tmp_path)
    assert raw.feature_shape == (3, 2, 4)
    assert raw.inputs.numpy().tobytes() == pixels.transpose(2, 0, 1).tobytes()


def test_images_of_two_sizes(folder):
    save(folder / "train" / "cat" / "9.png", grey(1, 3, 3))
    with pytest.raises(ValueError, match=r"9\.png: expected an image of shape \(2, 3\), as "):
        load(str(folder))


def test_the_image_that_the_others_differ_from_is_named(folder):
    save(folder / "train" / "cat" / "0.PNG", np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(ValueError, match=r"1\.PNG: .* \(3, 2, 3\), as .*0\.PNG has, got \(2, 3\)"):
        load(str(folder))


def test_truncated_image(folder):
    file = folder / "train" / "dog" / "3.png"
    file.write_bytes(file.read_bytes()[:45])
    with pytest.raises(ValueError, match=r"3\.png: cannot be read as an image"):
        load(str(folder))


def test_what_is_no_image(folder):
    (folder / "train" / "dog" / "3.png").write_text("not an image")
    with pytest.raises(ValueError, match=r"3\.png: .*: no known image format$"):
        load(str(folder))


def test_images_without_classes(folder):
    save(folder.parent / "loose" / "0.png", grey(0))
    with pytest.raises(ValueError, match="one folder of images per class"):
        load(str(folder.parent / "loose"))


def test_unknown_class_in_test(folder):
    """By its name; its number would be one of the test folder's own classes."""
    save(folder / "test" / "bird" / "0.png", grey(0))
    with pytest.raises(ValueError, match="label 'bird' .* none of the 2 classes 'cat', 'dog'"):
        load(str(folder))


@pytest.mark.parametrize("name", [".ipynb_checkpoints", ".git", "__MACOSX", "@eaDir"])
@pytest.mark.parametrize("below", ["", "train", "train/cat"])
def test_what_systems_leave_is_no_class(folder, name, below):
    before = read(folder)
    save(folder / below / name / "0-checkpoint.png", grey(77))
    for file in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png"):
        (folder / below / file).write_text("a")
    after = read(folder)
    assert after.class_names == ("cat", "dog")
    assert after.inputs.equal(before.inputs)
    assert after.notes == ()


def test_hidden_folders_beside_loose_images(tmp_path):
    save(tmp_path / "a.png", grey(1))
    save(tmp_path / ".ipynb_checkpoints" / "a-checkpoint.png", grey(1))
    assert find_images(tmp_path).files == (str(tmp_path / "a.png"),)


def test_sub_folders_belong_to_their_class_and_it_is_said(folder):
    save(folder / "train" / "dog" / "puppies" / "old" / "9.png", grey(109))
    raw = read(folder)
    assert raw.class_names == ("cat", "dog")
    assert raw.inputs[-1, 0] == 109
    assert raw.labels is not None
    assert raw.labels[-1] == 1
    (note,) = raw.notes
    assert note.endswith("train: read 1 image in sub-folders of class folders as of that class")


def test_what_is_left_out_is_said(folder):
    train = folder / "train"
    for file in ("cat/a.heic", "cat/b.HEIC", "dog/notes.txt", "dog/noending"):
        (train / file).write_text("a")
    save(train / "loose.png", grey(0))
    (train / "bird").mkdir()
    (train / "dog" / "gone.png").symlink_to("nowhere.png")
    (train / "dog" / "round.png").symlink_to("round.png")
    os.mkfifo(train / "dog" / "pipe.png")
    (train / "dog" / "more").symlink_to("../cat")
    raw = read(folder)
    assert len(raw.inputs) == 12
    (note,) = raw.notes
    assert note.startswith(f"{train}: left out ")
    for said in (
        "4 files of other kinds than BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP (.heic: 2, no ending: 1,",
        "3 other things: pipes, devices, links that lead nowhere",
        "1 link to folders",
        "1 image beside the class folders",
        "class folders without an image: 'bird'",
    ):
        assert said in note


def test_links_in_a_circle(folder):
    (folder / "train" / "self").symlink_to(".")
    (folder / "train" / "up").symlink_to("..")
    (folder / "train" / "cat" / "up").symlink_to("../..")
    raw = read(folder)
    assert raw.class_names == ("cat", "dog")
    assert "3 links to folders" in raw.notes[0]


def test_a_class_folder_may_be_a_link(folder, tmp_path):
    (folder / "train" / "dog").rename(tmp_path / "elsewhere")
    (folder / "train" / "dog").symlink_to(tmp_path / "elsewhere")
    assert read(folder).class_names == ("cat", "dog")
    assert len(read(folder).inputs) == 12


@pytest.mark.parametrize("name", ["val", "valid", "validation", "dev", "Val"])
def test_val_serves_as_the_test_part_where_there_is_none(folder, name):
    for number in range(3):
        save(folder / "test" / "cat" / "more" / f"{number}.png", grey(number))
    (folder / "test").rename(folder / name)
    data = load(str(folder))
    assert (len(data.train), len(data.test)) == (12, 4)
    assert any(
        note.endswith(f"{name} serves as the test part, for there is no other")
        for note in read(folder).notes
    )


def test_val_serves_where_the_test_folder_is_empty(folder):
    (folder / "test").rename(folder / "val")
    (folder / "test" / "dog").mkdir(parents=True)
    assert load(str(folder)).test.labels.tolist() == [1]
    assert read(folder).notes[:2] == (
        f"{folder / 'test'} holds no image",
        f"{folder / 'val'} serves as the test part, for there is no other",
    )


def test_val_without_classes_is_left_out_and_said(folder):
    shutil.rmtree(folder / "test")
    save(folder / "val" / "0.png", grey(1))
    data = load(str(folder))
    assert (len(data.train), len(data.test)) == (10, 2)
    assert "left out 'val' (images: 1)" in read(folder).notes[0]


def test_val_beside_train_and_test_is_left_out_and_said(folder):
    save(folder / "val" / "dog" / "0.png", grey(1))
    save(folder / "val" / "cat" / "0.png", grey(1))
    save(folder / "unlabelled" / "0.png", grey(1))
    raw = read(folder)
    assert len(raw.inputs) == 12
    assert raw.notes == (
        f"{folder}: left out 'val' (images: 2): the dev part is set aside from the train part",
        f"{folder}: left out what lies beside its parts: 'unlabelled'",
    )


def test_parts_by_other_names(folder):
    (folder / "train").rename(folder / "Training")
    (folder / "test").rename(folder / "Testing")
    data = load(str(folder))
    assert (data.class_names, len(data.train), len(data.test)) == (("cat", "dog"), 12, 1)


def test_classes_that_are_called_like_parts(tmp_path):
    for name in ("Dev", "Training", "Validation"):
        save(tmp_path / "jobs" / name / "0.png", grey(0))
    assert read(tmp_path / "jobs").class_names == ("Dev", "Training", "Validation")


def test_two_folders_for_one_part(folder):
    save(folder / "Training" / "cat" / "0.png", grey(0))
    with pytest.raises(ValueError, match="one folder for the train part, got 'Training', 'train'"):
        resolve(str(folder))


def test_notes_on_pixels(folder):
    Image.new("LA", (3, 2)).save(folder / "train" / "cat" / "0.PNG")
    assert read(folder).notes == (
        f"{folder / 'train'}: 1 image with transparent pixels laid on white",
    )


def test_a_name_with_escape_sequences_is_shown_escaped(folder):
    (folder / "train" / "cat" / "\x1b[31m\n.png").write_text("no image")
    with pytest.raises(ValueError, match=r"\\x1b\[31m\\n\.png: cannot be read") as caught:
        load(str(folder))
    assert str(caught.value).isprintable()


def test_an_archive_in_a_folder_of_its_own(folder, tmp_path):
    for name in ("pets", "pets/train"):
        (tmp_path / "wrap").mkdir()
        (tmp_path / name).rename(tmp_path / "wrap" / "inner")
        with pytest.raises(ValueError, match=r"one folder that holds .*: name .*/wrap/inner$"):
            resolve(str(tmp_path / "wrap"))
        (tmp_path / "wrap" / "inner").rename(tmp_path / name)
        (tmp_path / "wrap").rmdir()


def test_a_folder_that_may_not_be_read(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="Permission denied: .*pets"):
        resolve(str(folder))
