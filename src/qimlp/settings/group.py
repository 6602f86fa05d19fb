"""What the groups of settings have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, lt=2**31)]


class SettingsGroup(BaseModel):
    """Settings that belong together: frozen, and unknown names are refused.

    The description of a field is its documentation everywhere, the command line included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
