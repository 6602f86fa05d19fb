"""Read data sets, split and scale them, and iterate over batches.

Files are read with packages of the ``[train]`` extra, which are imported only then.
"""

from qimlp.data.batches import Batches, InMemoryBatches
from qimlp.data.dataset import DataSet, TensorSplit
from qimlp.data.inputs import Inputs, load_inputs
from qimlp.data.load import load
from qimlp.data.scaling import Scaling
from qimlp.data.split import split_dev
from qimlp.data.stream_batches import StreamingBatches
from qimlp.data.streaming import StreamingDataSet, open_stream

__all__ = [
    "Batches",
    "DataSet",
    "InMemoryBatches",
    "Inputs",
    "Scaling",
    "StreamingBatches",
    "StreamingDataSet",
    "TensorSplit",
    "load",
    "load_inputs",
    "open_stream",
    "split_dev",
]
