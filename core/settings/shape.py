"""What the shapes of all sections are made of: a group of settings, texts, lengths of time, shares."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from core.settings import spelling

TierName = Literal["quick", "standard", "expert"]

Text = Annotated[str, Field(min_length=1)]
EMPTY = BeforeValidator(spelling.nothing)
"""Nothing under a name is an empty section."""

Options = Annotated[dict[str, Any], EMPTY]
Duration = Annotated[timedelta, BeforeValidator(spelling.duration), WithJsonSchema({"type": "string"})]
Seconds = Annotated[float, BeforeValidator(spelling.seconds), WithJsonSchema({"type": "string"})]
Share = Annotated[float, BeforeValidator(spelling.share), WithJsonSchema({"type": "string"})]
YesNo = Annotated[bool, WithJsonSchema({"enum": ["yes", "no", True, False]})]


class Section(BaseModel):
    """A group of settings; a name that is not one of them is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")
