"""Settings: how raw examples become the network's input."""

from typing import Literal

from pydantic import Field, model_validator

from qimlp.settings.group import SettingsGroup


class FeatureSettings(SettingsGroup):
    """How raw examples become the network's input."""

    scaling: Literal["none", "unit", "symmetric", "standardize", "overall"] = Field(
        default="standardize",
        description="How features are scaled: none; unit, to [0, 1]; symmetric, to [-1, 1]; "
        "standardize, each to mean 0 and standard deviation 1; overall, the same for all features "
        "together.",
    )
    text: Literal["tfidf", "encoder"] | None = Field(
        default=None,
        description="How texts become features: tfidf (TF-IDF weights of terms) or encoder (the "
        "output of a pretrained text encoder).",
    )
    terms: int = Field(default=5000, ge=2, lt=2**31, description="Number of TF-IDF terms.")
    terms_by: Literal["frequency", "svm"] = Field(
        default="frequency",
        description="Which TF-IDF terms are kept: the most frequent ones (frequency), or those "
        "that linear support vector machines of the train part weigh most (svm).",
    )
    encoder: str = Field(
        default="bert-base-uncased",
        min_length=1,
        description="Text encoder: a name on the Hugging Face hub, or a folder.",
    )
    pooling: Literal["mean", "cls"] = Field(
        default="mean",
        description="How an encoder's output becomes one vector: the mean over all tokens, or the "
        "first token's (cls).",
    )
    max_tokens: int = Field(
        default=256, ge=3, lt=2**31, description="Tokens of each text that the encoder reads."
    )
    finetune: bool = Field(
        default=False,
        description="Train the encoder together with the network, or leave it frozen.",
    )
    order: Literal["none", "spectral", "grid", "nearest", "patches", "columns"] = Field(
        default="none",
        description="Order of the features: none (as they come); spectral, learned from the train "
        "part; grid, learned so that neighbours on the grid of the first layer's bodies are alike; "
        "nearest, where the Kronecker sum comes nearest to the linear model of --warm-start; "
        "patches or columns, for the pixels of images.",
    )

    @model_validator(mode="after")
    def _check_texts(self) -> "FeatureSettings":
        if self.terms_by != "frequency" and self.text != "tfidf":
            raise ValueError(
                f"terms_by {self.terms_by} chooses TF-IDF terms: expected text tfidf, "
                f"got {self.text}"
            )
        if self.finetune and self.text != "encoder":
            raise ValueError(
                f"finetune trains a text encoder: expected text encoder, got {self.text}"
            )
        if self.finetune and self.order not in {"none", "spectral"}:
            raise ValueError(
                f"finetune: expected order none or spectral, got {self.order}, which needs "
                "features that stay as they are; leave it out"
            )
        return self
