"""Encode texts once, before the cells that need the features."""

from collections.abc import Callable, Sequence

from qimlp.data import Encoder, load_texts
from qimlp.distributed import connect
from qimlp.paper.campaign.run_cell import Workspace
from qimlp.paper.cells.cell import Cell


def encode_ahead(
    cells: Sequence[Cell], workspace: Workspace, on_progress: Callable[[str, float], None]
) -> None:
    """Make the features of all texts that the cells will ask a frozen encoder for.

    They are kept on disk piece by piece, so that cells side by side do not all make them, and
    what was made before an interruption stays.

    Args:
        cells: The cells to come.
        workspace: Where the data lies and which device encodes.
        on_progress: Called with the encoder's label and the done part, from 0 to 1.

    Raises:
        FileNotFoundError: If data or encoder is not there.
        OSError: If a piece cannot be written.
    """
    wanted: dict[tuple[str, Encoder], None] = {}
    for cell in cells:
        settings = cell.settings()
        features = settings.features
        if features.text == "encoder" and not features.finetune:
            encoder = Encoder(features.encoder, features.pooling, features.max_tokens)
            wanted[(settings.dataset.data, encoder)] = None
    for data, encoder in wanted:
        texts = load_texts(data, data_dir=workspace.data_dir)
        splits = (texts.train.texts, texts.test.texts)
        whole = sum(map(len, splits))
        before = 0
        for split in splits:

            def tell(done: int, _: int, before: int = before) -> None:
                on_progress(encoder.label, (before + done) / whole)  # noqa: B023 - called at once

            encoder.apply(split, device=connect(workspace.device).device, on_progress=tell)
            before += len(split)
