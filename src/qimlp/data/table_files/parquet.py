"""Read a table from Parquet files: columns as their types say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qimlp.data.extras import import_extra
from qimlp.data.readers.arrow import column_numbers, list_lengths
from qimlp.data.readers.error_messages import listed, unreadable
from qimlp.data.readers.parquet import open_parquet
from qimlp.data.readers.schema import declared_classes, declared_features, index_columns
from qimlp.data.table_files.delimited import check_names
from qimlp.files import printable


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """A table of Parquet files.

    Attributes:
        frame: `pandas.DataFrame`; a column of lists of N numbers is N columns.
        index: Columns that the file calls an index of its rows.
        class_names: Names of classes by column, where the file says.
    """

    frame: Any
    index: tuple[str, ...]
    class_names: dict[str, tuple[str, ...]]


def read_parquet_table(files: Sequence[str]) -> ParquetTable:
    """Read Parquet files that hold one table in pieces.

    Args:
        files: At least one location.

    Returns:
        The table.

    Raises:
        OSError: If a file is no regular one or may not be read.
        ValueError: If a file is truncated or corrupt, or columns differ.
    """
    pyarrow = import_extra("pyarrow")
    parts: list[Any] = []
    for location in files:
        with open_parquet(location) as file:
            check_names(tuple(file.schema_arrow.names), printable(location))
            parts.append(file.read())
        if parts[-1].schema.names != parts[0].schema.names:
            raise ValueError(
                f"{printable(location)}: its columns {listed(parts[-1].schema.names)} differ from "
                f"those of {printable(files[0])}: {listed(parts[0].schema.names)}"
            )
    origin = printable(files[0])
    schema = parts[0].schema
    declared = declared_features(schema, origin)
    classes = {name: declared_classes(declared, name, origin) for name in schema.names}
    try:
        table = _without_lists(pyarrow.concat_tables(parts, promote_options="permissive"), origin)
        frame = table.to_pandas(ignore_metadata=True)
    except (pyarrow.ArrowException, UnicodeDecodeError, OverflowError) as error:
        raise unreadable(origin, "a table", error) from None
    return ParquetTable(
        frame,
        index_columns(schema, origin),
        {name: names for name, names in classes.items() if names is not None},
    )


def _without_lists(table: Any, origin: str) -> Any:
    """The table with a column for each place in its lists of numbers."""
    pyarrow = import_extra("pyarrow")
    columns: dict[str, Any] = {}
    for field in table.schema:
        column = table.column(field.name)
        if not _is_list_of_numbers(field.type) or not len(column):
            columns[field.name] = column
            continue
        width = int(list_lengths(column.combine_chunks().slice(0, 1))[0])
        values = column_numbers(column, field.name, max(width, 1), origin)
        for place in range(values.shape[1]):
            columns[f"{field.name}[{place}]"] = pyarrow.array(values[:, place])
    check_names(tuple(columns), origin)
    return pyarrow.table(columns)


def _is_list_of_numbers(kind: Any) -> bool:
    types = import_extra("pyarrow").types
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(
        is_list and (types.is_integer(kind.value_type) or types.is_floating(kind.value_type))
    )
