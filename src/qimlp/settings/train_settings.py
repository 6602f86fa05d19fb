"""The settings of one training run: five groups in one, flat wherever they are written."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from qimlp.settings.compute import ComputeSettings
from qimlp.settings.data import DataSettings
from qimlp.settings.features import FeatureSettings
from qimlp.settings.group import SettingsGroup
from qimlp.settings.names import LATER, NEW_NAMES, with_new_names
from qimlp.settings.network import NetworkSettings
from qimlp.settings.optimisation import OptimisationSettings
from qimlp.settings.recipes import RECIPES
from qimlp.settings.suggestions import unknown_name
from qimlp.settings.tables import TABLE_DIMS

GROUPS: dict[str, type[SettingsGroup]] = {
    "dataset": DataSettings,
    "features": FeatureSettings,
    "network": NetworkSettings,
    "optimisation": OptimisationSettings,
    "compute": ComputeSettings,
}
"""The groups by their name in `TrainSettings`."""

_GROUP_OF = {name: group for group, model in GROUPS.items() for name in model.model_fields}
_NOT_NUMERIC = frozenset(
    {
        "data_dir",
        "device",
        "threads",
        "log_every",
        "checkpoints",
        "keep_last",
        "track",
        "captured_step",
        "process_timeout",
    }
)


class TrainSettings(BaseModel):
    """Everything that decides a run; frozen, and unknown fields are refused.

    Its five groups go to the functions that need them. Written down it is flat: settings files,
    the command line, `settings.json` and `model_dump` name the fields of all groups side by
    side, as its constructor and `resolve_settings` take them. Any field can also be read from the
    whole, as in `settings.epochs`.

    Attributes:
        recipe: Name of the recipe that gives what is not set.
        dataset: What is learned, and from which data.
        features: How raw examples become the network's input.
        network: The network, and the weights it starts from.
        optimisation: How the weights are found.
        compute: Where and how exactly it computes, and what it writes down.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str = Field(
        default="tuned",
        description="Where settings that are not given come from: tuned (what works best here) or "
        "paper (the published protocol).",
    )
    dataset: DataSettings = DataSettings()
    features: FeatureSettings = FeatureSettings()
    network: NetworkSettings = NetworkSettings()
    optimisation: OptimisationSettings = OptimisationSettings()
    compute: ComputeSettings = ComputeSettings()

    @model_validator(mode="before")
    @classmethod
    def _into_groups(cls, values: Any) -> Any:
        """Put the fields of a flat mapping into their groups; unknown ones are left to pydantic."""
        if not isinstance(values, Mapping):
            return values
        flat: dict[str, Any] = {}
        for name, value in values.items():
            flat |= dict(value) if isinstance(value, SettingsGroup) else {name: value}
        joined: dict[str, Any] = {}
        for name, value in with_new_names(flat).items():
            if name in _GROUP_OF:
                joined.setdefault(_GROUP_OF[name], {})[name] = value
            else:
                joined[name] = value
        return joined

    @model_serializer
    def _flat(self, info: SerializationInfo) -> dict[str, Any]:
        flat = self.to_flat()
        kept = flat.keys() if info.include is None else flat.keys() & set(info.include)
        kept = kept - set(info.exclude or ())
        chosen = {name: value for name, value in flat.items() if name in kept}
        return to_jsonable_python(chosen) if info.mode == "json" else chosen

    @field_validator("recipe")
    @classmethod
    def _known_recipe(cls, recipe: str) -> str:
        if recipe not in RECIPES:
            raise ValueError(unknown_name("recipe", recipe, RECIPES))
        return recipe

    @model_validator(mode="after")
    def _consistent(self) -> "TrainSettings":
        if self.features.finetune:
            self._check_finetune()
        if self.features.order == "nearest":
            self._check_nearest()
        if self.optimisation.optimizer == "full-matrix":
            self._check_full_matrix()
        self._check_task()
        return self

    def _check_finetune(self) -> None:
        if self.compute.dtype == "bfloat16":
            raise ValueError(
                "finetune: expected dtype float32; for speed set mixed_precision to bf16 instead"
            )
        if self.compute.captured_step == "on":
            raise ValueError(
                "finetune: expected captured_step off, got on: texts differ in length, and a "
                "recorded step takes one shape"
            )
        if self.network.restarts > 1:
            raise ValueError(
                "restarts compare networks without an encoder: expected restarts 1 with "
                f"finetune, got {self.network.restarts}"
            )
        if self.network.warm_start != "random":
            raise ValueError(
                f"warm_start {self.network.warm_start}: expected features that stay as they are, "
                f"got model {self.network.model!r} with finetune"
            )

    def _check_nearest(self) -> None:
        if self.network.warm_start == "random":
            raise ValueError(
                "order nearest goes by the linear model of a warm start: expected warm_start ridge "
                "or svm, got random"
            )
        if self.network.kind != "qimlp":
            raise ValueError(
                "order nearest is of Kronecker sums: expected a multi-body network, got model "
                f"{self.network.model!r}"
            )

    def _check_full_matrix(self) -> None:
        if self.compute.dtype == "bfloat16":
            raise ValueError("optimizer full-matrix: expected dtype float32 or float64")
        if self.compute.captured_step == "on":
            raise ValueError(
                "optimizer full-matrix decomposes a matrix every few steps, which cannot be "
                "recorded: expected captured_step off, got on"
            )

    def _check_task(self) -> None:
        if self.dataset.task == "classification" and self.optimisation.loss != "mse":
            raise ValueError(
                f"loss {self.optimisation.loss} is for regression: leave it out, or set task to "
                "regression"
            )
        if self.dataset.task == "regression" and self.optimisation.class_weights != "none":
            raise ValueError(
                f"class_weights {self.optimisation.class_weights}: expected none with task "
                "regression"
            )

    if not TYPE_CHECKING:  # the project's own code names the group, and mypy sees that it does

        def __getattr__(self, name: str) -> Any:
            """A field of a group, by its own or its old name."""
            name = NEW_NAMES.get(name, name)
            if name in _GROUP_OF:
                return getattr(getattr(self, _GROUP_OF[name]), name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def kind(self) -> str:
        """`"mlp"`, `"low-rank"` or `"qimlp"`."""
        return self.network.kind

    @property
    def data_name(self) -> str:
        """Short name of the data: the source itself, or the stem of a path."""
        return self.dataset.data_name

    def _has_usual_dims(self) -> bool:
        """Whether the dims are those that the recipe gives a table by its size."""
        return self.network.kind == "table" and self.network.dims in TABLE_DIMS

    @property
    def label(self) -> str:
        """Name of the network in tables and folders, such as `2b-rank4-dense-bias`."""
        network, features = self.network, self.features
        parts = [network.model]
        if network.dims is not None and not self._has_usual_dims():
            parts.append("-".join("x".join(map(str, layer)) for layer in network.dims))
        if network.depth is not None:
            parts.append(f"depth{network.depth}")
        if network.width is not None:
            parts.append(f"width{network.width}")
        if network.kind != "mlp" and network.rank > 1:
            parts.append(f"rank{network.rank}")
        if network.kind == "qimlp" and network.bias != "kronecker":
            parts.append(f"{network.bias}-bias")
        if features.order != "none":
            parts.append(f"{features.order}-order")
        if network.warm_start != "random":
            parts.append(f"{network.warm_start}-start")
        if features.text == "tfidf" and features.terms_by != "frequency":
            parts.append(f"{features.terms_by}-terms")
        if features.finetune:
            parts.append("finetuned")
        return "-".join(parts)

    def to_flat(self) -> dict[str, Any]:
        """The fields of all groups side by side.

        Returns:
            Values by name, the recipe first; what `TrainSettings.model_validate` takes.
        """
        flat: dict[str, Any] = {"recipe": self.recipe}
        for group in GROUPS:
            flat |= dict(getattr(self, group))
        return flat

    def replace(self, **changes: Any) -> "TrainSettings":
        """Make settings in which some fields differ.

        Args:
            changes: Fields of any group, by their own or their old names.

        Returns:
            The new settings, checked as a whole.

        Raises:
            ValueError: If a field is unknown or a value not allowed (pydantic's error).
        """
        return TrainSettings.model_validate({**self.to_flat(), **with_new_names(changes)})

    def model_copy(
        self,
        *,
        update: Mapping[str, Any] | None = None,
        deep: bool = False,  # noqa: ARG002 - pydantic's
    ) -> "TrainSettings":
        """Copy as `replace` does; `deep` says nothing, for nothing in settings can change."""
        return self.replace(**(update or {}))

    def numeric(self) -> dict[str, Any]:
        """The fields that decide what comes out, as JSON holds them; not where and how it runs."""
        return self.model_dump(mode="json", exclude=set(_NOT_NUMERIC))

    def changed_since(self, stored: Any) -> list[str]:
        """Name the fields that decide the numbers and were others when something was written.

        Args:
            stored: What `numeric` gave then, maybe of an earlier version of qimlp.

        Returns:
            Names in order; all of them if `stored` is no such mapping.
        """
        own = self.numeric()
        if not isinstance(stored, Mapping):
            return sorted(own)
        known = {name: _default(name) for name in LATER}
        known |= {NEW_NAMES.get(str(name), str(name)): value for name, value in stored.items()}
        both = own.keys() | known.keys()
        absent = object()
        return sorted(name for name in both if known.get(name, absent) != own.get(name, absent))


FIELDS: dict[str, FieldInfo] = {
    "recipe": TrainSettings.model_fields["recipe"],
    **{name: GROUPS[group].model_fields[name] for name, group in _GROUP_OF.items()},
}
"""All fields by name, those of the groups side by side."""


def _default(name: str) -> Any:
    """A field's default as JSON holds it."""
    return to_jsonable_python(FIELDS[name].default)
