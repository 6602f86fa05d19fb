import os
from pathlib import Path

import pytest

from qimlp.data import load
from qimlp.data.sources.names import absolute_source, resolve


@pytest.fixture(autouse=True)
def without_variable(monkeypatch):
    monkeypatch.delenv("QIMLP_DATA", raising=False)


@pytest.mark.parametrize("name", ["imdb", "20newsgroups"])
def test_sets_of_texts(name):
    with pytest.raises(ValueError, match="say how they become features .text: tfidf or encoder"):
        resolve(name)


def test_the_data_folder_comes_from_argument_or_variable(image_folder_of_parquet, monkeypatch):
    root = image_folder_of_parquet.parent
    assert resolve("shapes", root).name == "shapes"
    monkeypatch.setenv("QIMLP_DATA", str(root))
    found = resolve("shapes")
    assert [Path(file).name for file in found.train] == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]
    assert len(found.test) == 1
    assert found.num_bytes == sum(file.stat().st_size for file in (root / "shapes").iterdir())
    with pytest.raises(FileNotFoundError, match=r"the data folder .* holds none"):
        resolve("shapes", image_folder_of_parquet)


def test_known_names_fall_back_to_the_hub(tmp_path):
    found = resolve("mnist", tmp_path)
    assert (found.kind, found.train) == ("hub", ("ylecun/mnist",))
    assert resolve("someone/letters").train == ("someone/letters",)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing", "no data set 'nothing'.*'digits', 'mnist', 'cifar10'.*QIMLP_DATA"),
        ("data/missing.csv", "no data set 'data/missing.csv'"),
        ("", "no data set ''"),
        ("./dta/train.csv", "no such file or folder"),
        ("dta/train.tsv", "no such file or folder"),
        ("missing.parquet", "no such file or folder"),
        ("../someone/letters", "no such file or folder"),
        ("~/letters", "no such file or folder"),
        ("dta\\letters", "no such file or folder"),
        ("C:/letters", "no such file or folder"),
        ("here/letters", "no such file or folder"),
        ("someone/more/letters", "no such file or folder"),
        ("someone/letters.xlsx", "no such file or folder"),
        ("some one/letters", "no such file or folder"),
    ],
)
def test_nothing_of_that_name(source, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        resolve(source)


def test_data_folder_that_is_none(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"the data folder, .*gone, is not a folder"):
        resolve("mnist", tmp_path / "gone")
    monkeypatch.setenv("QIMLP_DATA", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match=r"that QIMLP_DATA names, .*gone, is not a folder"):
        resolve("mnist")


def test_layouts_that_cannot_be_read(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"expected train-\*\.parquet.*it holds 'notes.txt'"):
        resolve(str(tmp_path))
    with pytest.raises(ValueError, match=r"expected a \.csv, \.parquet or \.npz file.*'\.txt'"):
        resolve(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize("source", ["passwd", "./passwd", "somewhere/passwd"])
def test_a_file_without_an_ending_is_there_all_the_same(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "somewhere").mkdir()
    (tmp_path / source).write_text("root")
    with pytest.raises(
        ValueError, match=r"passwd: expected a \.csv, .*; got one without an ending"
    ):
        resolve(source)
    (tmp_path / "mnist").touch()
    assert resolve("mnist").kind == "hub"


def test_only_a_test_split_is_not_enough_to_train(image_folder_of_parquet):
    for file in image_folder_of_parquet.glob("train-*"):
        file.unlink()
    with pytest.raises(ValueError, match="expected a train split"):
        load(str(image_folder_of_parquet))


def test_a_file_needs_no_data_folder(write_csv, monkeypatch):
    monkeypatch.setenv("QIMLP_DATA", "gone")
    assert resolve(str(write_csv("a,label\n"))).kind == "csv"


def test_a_folder_here_that_is_not_in_the_data_folder(
    tmp_path, image_folder_of_parquet, monkeypatch
):
    monkeypatch.chdir(image_folder_of_parquet.parent)
    (tmp_path / "empty").mkdir()
    assert resolve("shapes", tmp_path / "empty").name == "shapes"


def test_local_paths_become_absolute_and_names_stay(tmp_path, image_folder_of_parquet, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").touch()
    here = image_folder_of_parquet.parent.relative_to(tmp_path) / "shapes"
    assert absolute_source("a.csv") == str(tmp_path / "a.csv")
    assert absolute_source(str(here)) == str(image_folder_of_parquet)
    assert absolute_source(".") == str(tmp_path.resolve())
    monkeypatch.chdir(image_folder_of_parquet.parent)
    assert absolute_source("shapes") == str(image_folder_of_parquet)
    assert absolute_source("shapes", image_folder_of_parquet.parent) == "shapes"
    for name in ("digits", "mnist", "someone/letters", "none.csv", ""):
        assert absolute_source(name) == name


@pytest.mark.timeout(20)
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz", ".png", ""])
def test_pipes_and_devices_are_never_opened(suffix, tmp_path):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(ValueError, match=rf"{name}{suffix}: .*got a pipe, socket or device"):
            load(str(tmp_path / f"{name}{suffix}"))


@pytest.mark.timeout(20)
def test_pipes_and_devices_in_a_folder_are_never_opened(image_folder_of_parquet):
    folder = image_folder_of_parquet
    os.mkfifo(folder / "train-pipe.parquet")
    (folder / "test-zero.parquet").symlink_to("/dev/zero")
    assert len(load(str(folder)).train) == 30
    for file in folder.iterdir():
        file.unlink()
    os.mkfifo(folder / "train.csv")
    os.mkfifo(folder / "a.png")
    with pytest.raises(ValueError, match="expected train-.*; it holds 'a.png', 'train.csv'"):
        load(str(folder))


@pytest.mark.parametrize(
    "source",
    ["a\0b", "a\0b.csv", "x" * 5000 + ".csv", "d/" * 3000, "~no-such-user/a.csv", "\n", " "],
)
def test_absurd_names_are_one_short_line(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="no data set") as caught:
        load(source)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    assert absolute_source(source) == source


def test_a_folder_called_like_a_table(tmp_path):
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(ValueError, match=r"x\.csv: expected train-.*; it holds none"):
        load(str(tmp_path / "x.csv"))


def test_a_data_folder_with_an_absurd_name():
    with pytest.raises(FileNotFoundError, match=r"the data folder, xxx.*, is not a folder") as e:
        resolve("mnist", "x" * 5000)
    assert len(str(e.value)) < 400


def test_a_place_named_in_full_may_have_moved(tmp_path):
    missing = tmp_path / "gone.csv"
    with pytest.raises(FileNotFoundError) as caught:
        load(str(missing))
    assert str(caught.value) == (
        f"no data set '{missing}': there is no such file or folder; if it was moved, name its new "
        "place, or put a link to it there"
    )
