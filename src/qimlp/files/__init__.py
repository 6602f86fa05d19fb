"""Files: read within limits, written whole or not at all, and values shown in messages."""

from qimlp.files.json_reader import parse_json, read_json, read_json_lines, read_json_object
from qimlp.files.messages import printable, shown
from qimlp.files.read import open_regular, read_bytes, require_regular
from qimlp.files.schema import validated
from qimlp.files.temporary import remove_leftovers, remove_leftovers_of, temporary_beside
from qimlp.files.toml_reader import read_toml
from qimlp.files.write import (
    discard,
    sync_file,
    whole_folder,
    write_bytes,
    write_json,
    write_json_lines,
    write_text,
)

__all__ = [
    "discard",
    "open_regular",
    "parse_json",
    "printable",
    "read_bytes",
    "read_json",
    "read_json_lines",
    "read_json_object",
    "read_toml",
    "remove_leftovers",
    "remove_leftovers_of",
    "require_regular",
    "shown",
    "sync_file",
    "temporary_beside",
    "validated",
    "whole_folder",
    "write_bytes",
    "write_json",
    "write_json_lines",
    "write_text",
]
