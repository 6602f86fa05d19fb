"""One vector per text from an encoder's output for its tokens."""

from torch import Tensor


def pool_tokens(hidden: Tensor, present: Tensor, pooling: str) -> Tensor:
    """Pool the vectors of a text's tokens.

    Args:
        hidden: (N, T, F), one vector per token.
        present: (N, T), 1 or true for a token, 0 or false for padding.
        pooling: `"mean"` over the tokens, or `"cls"`, the first one.

    Returns:
        (N, F), of the dtype of `hidden`.
    """
    if pooling == "cls":
        return hidden[:, 0]
    weight = present.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1)
