"""Settings: what a run learns, and from which data."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from qimlp.files import shown
from qimlp.settings.group import SettingsGroup

_Pixels = Annotated[int, Field(ge=1, le=8192)]
_Name = Annotated[str, Field(min_length=1)]


def _one_or_several(value: Any) -> Any:
    """Take a list of one name for the name itself, and one of none for no name."""
    if isinstance(value, list | tuple) and len(value) < 2:
        return value[0] if value else None
    return value


def _as_list(value: Any) -> Any:
    """Take one name for a list of one."""
    return (value,) if isinstance(value, str) else value


def _height_and_width(value: Any) -> Any:
    """Turn `"28x28"` into two numbers."""
    if not isinstance(value, str) or value == "common":
        return value
    parts = value.split("x")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise ValueError(
            f"resize: expected height and width, such as 28x28, or common, got {shown(value, 80)}"
        )
    return tuple(int(part) for part in parts)


class DataSettings(SettingsGroup):
    """What a run learns, and from which data."""

    data: str = Field(
        default="digits",
        min_length=1,
        description="What to train on: digits, mnist, cifar10, imdb, 20newsgroups, another folder "
        "of --data-dir, or a path: a table (a .csv, .tsv, .csv.gz, .parquet or .xlsx file), a .npz "
        "file, a folder of Parquet or image files.",
    )
    data_dir: str | None = Field(
        default=None,
        description="Folder that holds named data sets; where it is not given, the environment "
        "variable QIMLP_DATA names it.",
    )
    label_column: Annotated[_Name | tuple[_Name, ...] | None, BeforeValidator(_one_or_several)] = (
        Field(
            default=None,
            description="Column of a table that holds the label, or the number to predict; given "
            "several times, several numbers are predicted at once. By default label; model table "
            "guesses it, and says so.",
        )
    )
    drop_columns: Annotated[tuple[_Name, ...], BeforeValidator(_as_list)] = Field(
        default=(), description="Column of a table to leave out; may be given several times."
    )
    categorical: Annotated[tuple[_Name, ...], BeforeValidator(_as_list)] = Field(
        default=(),
        description="Model table: column whose values are categories though they are numbers, or "
        "many texts; may be given several times.",
    )
    task: Literal["auto", "classification", "regression"] = Field(
        default="auto",
        description="What is learned: classification, regression, or auto: as the labels are.",
    )
    resize: Annotated[
        tuple[_Pixels, _Pixels] | Literal["common"] | None, BeforeValidator(_height_and_width)
    ] = Field(
        default=None,
        description="Height and width that images are brought to, such as 28x28, or common: the "
        "most common size of the training images; by default all must have one size.",
    )
    streaming: bool | None = Field(
        default=None,
        description="Read Parquet files as they are needed, or load them whole; where neither is "
        "given, by their size.",
    )
    dev_fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of the training examples kept aside as the dev part, which decides "
        "which epoch is best.",
    )
    dev_split: Literal["random", "blocks"] = Field(
        default="random",
        description="How the dev part is drawn: random, or blocks: one unbroken run of rows of "
        "each class, for data in which neighbouring rows are related.",
    )

    @model_validator(mode="after")
    def _check_columns(self) -> "DataSettings":
        columns = self.label_columns
        if len(set(columns)) < len(columns):
            raise ValueError(f"label_column: expected different columns, got {', '.join(columns)}")
        if len(columns) > 1 and self.task == "classification":
            raise ValueError(
                f"label_column: expected one column for task classification, got {len(columns)}"
            )
        both = [name for name in columns if name in self.drop_columns]
        if both:
            raise ValueError(f"drop_columns: {both[0]!r} is a label_column; leave out one of them")
        return self

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The named label columns, in order; none where the data says itself which it is."""
        if self.label_column is None:
            return ()
        return (self.label_column,) if isinstance(self.label_column, str) else self.label_column

    @property
    def data_name(self) -> str:
        """Short name of the data: the source itself, or the stem of a path."""
        path = Path(self.data)
        path = path.with_suffix("") if path.suffix == ".gz" else path
        return path.stem or path.resolve().name
