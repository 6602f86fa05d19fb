"""Which columns of a table hold the features and which the label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qimlp.data.features.offsets import Number
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.schema import (
    column_width,
    declared_classes,
    declared_features,
    index_columns,
    is_image,
)
from qimlp.files import shown

DEFAULT_LABEL = "label"
UNNAMED = re.compile(r"(Unnamed: \d+(\.\d+)?)?")
_OF_LIST = re.compile(r"(.*)\[(\d+)\]", re.DOTALL)


@dataclass(frozen=True)
class TableRequest:
    """What is asked of a table.

    Attributes:
        label_column: The user's choice of the label column, `"label"` by default; several columns
            where each is a target of its own.
        labels_required: Whether unlabelled data is an error.
        drop_columns: Columns that the user wants left out.
        features: Names of exactly the features to read, in this order, where a network knows
            them; other columns are left out, and said. Empty: all columns beside the label.
        offsets: What to subtract from each feature, known by the network.
        learn: Whether to look for columns that count rows and for offsets: on training data.
    """

    label_column: str | tuple[str, ...] | None = None
    labels_required: bool = True
    drop_columns: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    offsets: tuple[Number, ...] = ()
    learn: bool = False

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The label columns, chosen or by default."""
        if self.label_column is None:
            return (DEFAULT_LABEL,)
        return (self.label_column,) if isinstance(self.label_column, str) else self.label_column


@dataclass(frozen=True)
class Columns:
    """Roles of a table's columns.

    Attributes:
        image: Column of encoded images, if there is one: it alone holds the features.
        features: Columns that hold the features, when there is no image.
        labels: Label column, or several columns of targets; empty for unlabelled data.
        class_names: Names of the classes, where the file says.
        widths: For each column of features 0 for one number a row, or the length of its lists;
            empty where all hold numbers.
        offsets: What to subtract from each feature; empty for nothing.
        notes: What the user should know about columns that were left out, one line each.
        categories: For each column of features the texts that each become a feature, 1 where a
            row holds it and 0 elsewhere; empty for numbers, and where all hold numbers.
    """

    image: str | None
    features: tuple[str, ...]
    labels: tuple[str, ...]
    class_names: tuple[str, ...] | None
    widths: tuple[int, ...] = ()
    offsets: tuple[Number, ...] = ()
    notes: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()

    @property
    def read(self) -> list[str]:
        """Columns to read."""
        features = self.features if self.image is None else (self.image,)
        return [*features, *self.labels]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for every feature: that of its column, with a place in its lists or a category."""
        names: list[str] = []
        for name, width, texts in self.feature_columns:
            if texts:
                names += [f"{name}={text}" for text in texts]
            else:
                names += [f"{name}[{place}]" for place in range(width)] if width else [name]
        return tuple(names)

    @property
    def feature_columns(self) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
        """Name, width and categories of every column of features."""
        categories = self.categories or ((),) * len(self.features)
        return tuple(zip(self.features, self.column_widths, categories, strict=True))

    @property
    def column_widths(self) -> tuple[int, ...]:
        """`widths`, one for every column."""
        return self.widths or (0,) * len(self.features)


def pick_labels(names: list[str], request: TableRequest, origin: str) -> tuple[str, ...]:
    """Find the label columns, and check the names of all.

    Args:
        names: The table's columns.
        request: The user's choice.
        origin: File, for messages.

    Returns:
        The label columns; none where the data lacks one and needs none.

    Raises:
        ValueError: Column names repeat, or one of the request is missing.
    """
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValueError(f"{origin}: column names must differ, these repeat: {listed(repeated)}")
    absent = [name for name in request.drop_columns if name not in names]
    if absent and not request.features:
        raise ValueError(
            f"{origin}: has no column {listed(absent)} to drop; its columns are {listed(names)}"
        )
    wanted = request.label_columns
    dropped = [name for name in wanted if name in request.drop_columns]
    if dropped:
        raise ValueError(f"{origin}: the label column {shown(dropped[0], 60)} cannot be dropped")
    missing = [name for name in wanted if name not in names]
    if not missing:
        return wanted
    if request.labels_required:
        raise ValueError(
            f"{origin}: has no label column {shown(missing[0], 60)}; its columns are "
            f"{listed(names)}: name the one that holds the labels (--label-column)"
        )
    return ()


def choose_features(
    names: Iterable[str], labels: Sequence[str], request: TableRequest, origin: str
) -> tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    """Tell which columns are features by their names alone.

    Args:
        names: The table's columns.
        labels: The label columns.
        request: Features that are known, and columns to drop.
        origin: File, for messages.

    Returns:
        The columns, their widths where these are known, and notes.

    Raises:
        ValueError: A known feature is missing, or no column is left.
    """
    # Of unlabelled data some targets may be there: they are no features.
    others = [name for name in names if name not in {*labels, *request.label_columns}]
    if request.features:
        return _known_features(others, request.features, origin)
    others = [name for name in others if name not in request.drop_columns]
    unnamed = [name for name in others if UNNAMED.fullmatch(name)]
    kept = tuple(name for name in others if name not in unnamed)
    if not kept:
        raise ValueError(
            f"{origin}: has no feature column beside the label column {listed(tuple(labels))}"
        )
    notes: tuple[str, ...] = ()
    if unnamed:
        notes = (
            f"{origin}: left out {listed(unnamed)}: a column without a name is a row number that "
            "pandas wrote (to_csv(index=False) writes none); name it to keep it",
        )
    return kept, (), notes


def columns_of(schema: Any, request: TableRequest, origin: str) -> Columns:
    """Read the roles of columns off an Arrow schema and its metadata.

    Args:
        schema: `pyarrow.Schema`.
        request: What is asked of the table.
        origin: File, for messages.

    Returns:
        The roles. Beside an image column, columns other than the label are left out.

    Raises:
        ValueError: Columns are missing or do not hold features.
    """
    labels = pick_labels(list(schema.names), request, origin)
    declared = declared_features(schema, origin)
    class_names = declared_classes(declared, labels[0] if len(labels) == 1 else None, origin)
    others = [field for field in schema if field.name not in labels]
    images = [
        field.name
        for field in others
        if is_image(field, declared) and field.name not in request.drop_columns
    ]
    if len(images) > 1:
        raise ValueError(f"{origin}: expected one image column, got {listed(images)}")
    if images:
        return Columns(images[0], (), labels, class_names, notes=_beside(others, images[0], origin))
    index = [] if request.features else list(index_columns(schema, origin))
    left = [name for name in schema.names if name not in index or name in labels]
    index = [name for name in index if name not in (*labels, *request.drop_columns)]
    features, widths, notes = choose_features(left, labels, request, origin)
    if index:
        said = f"{origin}: left out {listed(index)}: the file calls it an index of its rows"
        notes = (f"{said} (reset_index() in pandas makes it a column)", *notes)
    categories = known_categories(features, request)
    kinds = [
        0 if texts else column_width(schema.field(name), origin, text=request.learn)
        for name, texts in zip(features, categories or ((),) * len(features), strict=True)
    ]
    if not any(widths):
        widths = tuple(kinds) if min(kinds) < 0 else ()
    return Columns(None, features, labels, class_names, widths, request.offsets, notes, categories)


def _known_features(
    names: list[str], wanted: tuple[str, ...], origin: str
) -> tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    """Columns of the wanted features, in their order."""
    there = set(names)
    widths: dict[str, int] = {}
    missing = []
    for name in wanted:
        column, part = feature_source(name, there) or (name, None)
        width = widths.get(column, 0)
        if column not in there or (isinstance(part, int) and part != width):
            missing.append(name)
        else:
            widths[column] = 0 if part is None else width + 1
    extra = [name for name in names if name not in widths]
    if missing:
        raise ValueError(
            f"{origin}: its columns differ from the training data's: "
            f"missing {listed(missing)}; not expected {listed(extra)}"
        )
    notes: tuple[str, ...] = ()
    if extra:
        notes = (f"{origin}: left out {listed(extra)}, not among the columns of training",)
    return tuple(widths), tuple(widths.values()), notes


def _beside(others: list[Any], image: str, origin: str) -> tuple[str, ...]:
    extra = [field.name for field in others if field.name != image]
    if not extra:
        return ()
    return (f"{origin}: left out {listed(extra)}: the column {shown(image, 60)} holds the images",)


def feature_source(feature: str, names: Collection[str]) -> tuple[str, str | int | None] | None:
    """Tell which column of a table a feature is made of.

    Args:
        feature: Its name, as `Columns.feature_names` builds it.
        names: The table's columns.

    Returns:
        The column, and the category or the place in its lists, `None` for the number itself;
        `None` where there is no such column.
    """
    if feature in names:
        return feature, None
    in_list = _OF_LIST.fullmatch(feature)
    if in_list and in_list[1] in names:
        return in_list[1], int(in_list[2])
    for place, letter in enumerate(feature):
        if letter == "=" and feature[:place] in names:
            return feature[:place], feature[place + 1 :]
    return None


def known_categories(columns: Sequence[str], request: TableRequest) -> tuple[tuple[str, ...], ...]:
    """Tell the categories of columns by the names of known features.

    Args:
        columns: Columns that hold features.
        request: Features that are known, if any are.

    Returns:
        Categories of each column, empty for one of numbers; none at all where all are.
    """
    found: dict[str, list[str]] = {name: [] for name in columns}
    for feature in request.features:
        source = feature_source(feature, found)
        if source is not None and isinstance(source[1], str):
            found[source[0]].append(source[1])
    return tuple(map(tuple, found.values())) if any(found.values()) else ()
