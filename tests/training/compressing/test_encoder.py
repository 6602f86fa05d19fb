"""How a compressed encoder is judged."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from qimlp.training.compressing.encoder import EncoderSubject, embeddings


class _Table(nn.Module):
    """An encoder whose vector of a token is a row of a table."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=self.rows[input_ids])


def _batch(*texts: list[int]) -> dict[str, Tensor]:
    width = max(map(len, texts))
    numbers = torch.tensor([text + [0] * (width - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts])
    return {"input_ids": numbers, "attention_mask": mask}


ROWS = torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0]])


def test_embeddings_are_means_over_the_tokens_that_are_there() -> None:
    found = embeddings(_Table(ROWS), [_batch([1], [1, 2, 2, 1]), _batch([2])])
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))


def test_score_is_the_mean_cosine_and_the_floor_that_of_the_mean_vector() -> None:
    subject = EncoderSubject(
        name="table", network=_Table(ROWS), tokenizer=None, held_out=(_batch([1], [2]),)
    )
    name = "cosine to the original"
    assert abs(subject.scores(subject.network)[name] - 1) < 1e-6
    turned = _Table(torch.tensor([[9.0, 9.0], [1.0, 1.0], [0.0, -1.0]]))
    assert abs(subject.scores(turned)[name] - (0.5**0.5 - 1) / 2) < 1e-6
    assert abs(subject.floor[name] - 0.5**0.5) < 1e-6


def test_without_held_out_texts_nothing_is_judged() -> None:
    subject = EncoderSubject(name="table", network=_Table(ROWS), tokenizer=None)
    assert subject.scores(subject.network) == subject.floor == {}
