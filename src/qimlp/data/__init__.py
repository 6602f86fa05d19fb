"""Read data sets, split and scale them, and iterate over batches.

Files are read with packages of the `[train]` extra, which are imported only then.
"""

from qimlp.data.batching.batches import Batches, InMemoryBatches
from qimlp.data.batching.seeds import permutation
from qimlp.data.batching.split import DevSplit, dev_rows, split_dev
from qimlp.data.batching.step_batches import StepBatches
from qimlp.data.batching.token_batches import TokenBatches
from qimlp.data.dataset import OFFICIAL_TEST, DataSet, TensorSplit
from qimlp.data.features.encoder import Encoder, listening
from qimlp.data.features.encoder_files import PACKAGED, load_encoder
from qimlp.data.features.grid.order import grid_order, grid_shape
from qimlp.data.features.offsets import Number, centred, learn_offsets
from qimlp.data.features.ordering import spectral_order
from qimlp.data.features.patches import column_order, patch_order
from qimlp.data.features.scaling import Scaling
from qimlp.data.features.tfidf import TermWeights
from qimlp.data.features.tokens import Tokenizer, trimmed
from qimlp.data.inputs import Inputs, load_inputs
from qimlp.data.loading import load
from qimlp.data.readers.columns import feature_source
from qimlp.data.readers.error_messages import first_line
from qimlp.data.sources.names import absolute_folder, absolute_path, absolute_source, resolve
from qimlp.data.streaming.batches import StreamingBatches
from qimlp.data.streaming.stream import StreamingDataSet, open_stream
from qimlp.data.table_files.dataset import TableDataSet, TablePart
from qimlp.data.table_files.features import feature_frame
from qimlp.data.table_files.inputs import TableInputs, load_table_inputs, read_column
from qimlp.data.table_files.kinds import Column, ColumnKind, describe_columns, stored_columns
from qimlp.data.table_files.loading import is_table, load_table
from qimlp.data.table_files.reading import read_table
from qimlp.data.tables.features import TableFeatures
from qimlp.data.texts import TextDataSet, load_text_inputs, load_texts

__all__ = [
    "OFFICIAL_TEST",
    "PACKAGED",
    "Batches",
    "Column",
    "ColumnKind",
    "DataSet",
    "DevSplit",
    "Encoder",
    "InMemoryBatches",
    "Inputs",
    "Number",
    "Scaling",
    "StepBatches",
    "StreamingBatches",
    "StreamingDataSet",
    "TableDataSet",
    "TableFeatures",
    "TableInputs",
    "TablePart",
    "TensorSplit",
    "TermWeights",
    "TextDataSet",
    "TokenBatches",
    "Tokenizer",
    "absolute_folder",
    "absolute_path",
    "absolute_source",
    "centred",
    "column_order",
    "describe_columns",
    "dev_rows",
    "feature_frame",
    "feature_source",
    "first_line",
    "grid_order",
    "grid_shape",
    "is_table",
    "learn_offsets",
    "listening",
    "load",
    "load_encoder",
    "load_inputs",
    "load_table",
    "load_table_inputs",
    "load_text_inputs",
    "load_texts",
    "open_stream",
    "patch_order",
    "permutation",
    "read_column",
    "read_table",
    "resolve",
    "spectral_order",
    "split_dev",
    "stored_columns",
    "trimmed",
]
