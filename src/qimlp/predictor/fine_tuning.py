"""Training a text encoder together with its head.

The start is the frozen encoder's: order and scaling are learned from its features of the train
part, as without fine-tuning. From there the network reads token numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from qimlp.data import (
    DataSet,
    Encoder,
    Scaling,
    TensorSplit,
    TextDataSet,
    Tokenizer,
    dev_rows,
    load_encoder,
    spectral_order,
)
from qimlp.distributed import connect
from qimlp.models import Pretrained, TextNetwork
from qimlp.settings import TrainSettings

_LEAST_SCALE = 0.1  # of the median over the features


@dataclass(frozen=True, eq=False)
class FineTuning:
    """Texts as token numbers, and how a network on them starts.

    Attributes:
        data: Token numbers instead of features.
        tokenizer: What made them.
        encoder: The encoder to be trained.
        scaling: Of the frozen encoder's ordered features.
        order: Their order, or None.
    """

    data: DataSet
    tokenizer: Tokenizer
    encoder: Encoder
    scaling: Scaling
    order: tuple[int, ...] | None

    def network(self, head: Pretrained) -> TextNetwork:
        """Put a head on the encoder.

        Args:
            head: Takes the encoder's features.

        Returns:
            The network on token numbers; on its first step it does what the head does on the
            frozen encoder's features.

        Raises:
            FileNotFoundError: If the encoder is not there.
        """
        _, encoder = load_encoder(self.encoder.name)
        return TextNetwork.joined(
            encoder,
            head,
            pooling=self.encoder.pooling,
            shift=self.scaling.shift,
            scale=self.scaling.scale,
            order=self.order,
        )


def prepare_fine_tuning(settings: TrainSettings, texts: TextDataSet) -> FineTuning:
    """Turn texts into token numbers; learn order and scaling on the train part.

    Args:
        settings: Encoder, order, scaling, dev fraction and seed.
        texts: The texts.

    Returns:
        What a run needs.

    Raises:
        FileNotFoundError: If the encoder is not there.
        ValueError: If texts have no labels.
    """
    chosen, dataset = settings.features, settings.dataset
    encoder = Encoder(chosen.encoder, chosen.pooling, chosen.max_tokens)
    frozen = encoder.apply(texts.train.texts, device=connect(settings.compute.device).device)
    train_labels, test_labels = texts.labels("train"), texts.labels("test")
    train, _ = dev_rows(
        train_labels, dataset.dev_fraction, seed=settings.compute.seed, by=dataset.dev_split
    )
    known, order = frozen[train], None
    if chosen.order == "spectral":
        order = tuple(spectral_order(known, centre=True).tolist())
        known = known[:, list(order)].contiguous()
    scaling = _bounded(
        Scaling.fit(chosen.scaling, TensorSplit(known, train_labels[train]), (known.shape[1],))
    )
    tokenizer = Tokenizer.of_encoder(chosen.encoder, chosen.max_tokens)
    data = DataSet(
        name=texts.name,
        train=TensorSplit(tokenizer.apply(texts.train.texts), train_labels),
        test=TensorSplit(tokenizer.apply(texts.test.texts), test_labels),
        class_names=texts.class_names,
        feature_shape=(chosen.max_tokens,),
        fingerprint=texts.fingerprint,
        test_origin=texts.test_origin,
        feature_names=texts.feature_names,
        notes=texts.notes,
    )
    return FineTuning(data, tokenizer, encoder, scaling, order)


def _bounded(scaling: Scaling) -> Scaling:
    """Scales of at least a tenth of their median.

    A feature that hardly varies while the encoder is frozen does once it is trained; divided by a
    deviation next to nothing it would drown all others.
    """
    scale = torch.tensor(scaling.scale)
    return replace(scaling, scale=tuple(scale.clamp_min(_LEAST_SCALE * scale.median()).tolist()))
