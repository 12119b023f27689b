"""What comes in with a request."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue

Values = dict[str, JsonValue]
"""Settings by name."""


class Asked(BaseModel):
    """A body: nothing but what is known is taken."""

    model_config = ConfigDict(extra="forbid")
