"""A two-layer BERT with random weights, made here, stands for a text encoder."""

from pathlib import Path

import torch

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "very", "a"]


def write_encoder(path: Path) -> Path:
    """Write it, 16 wide, with its tokenizer, into an existing folder."""
    import transformers

    (path / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        transformers.BertModel(config).save_pretrained(path)
    transformers.BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)}).save_pretrained(
        path
    )
    return path
