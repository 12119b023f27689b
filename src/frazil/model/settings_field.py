"""One setting: its value, and what a form, a command line and a person need to know about it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Stage = Literal["align", "sum", "ctf", "pick", "extract"]

STAGES: tuple[Stage, ...] = ("align", "sum", "ctf", "pick", "extract")
"""What is done with a movie, in this order; each stage works on what the one before made."""


def setting(
    default: Any,
    label: str,
    meaning: str = "",
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    stage: Stage | None = None,
) -> Any:
    """Declare a setting.

    Parameters
    ----------
    default
        None: chosen automatically, or missing.
    label, meaning
        For forms and the reference.
    unit
        As written on the form; the same unit is in the setting's name.
    low, high
        Inclusive range.
    stage
        The first stage that reads it: a change redoes this stage and those that follow. None: no stage of a
        movie reads it.
    """
    return Field(
        default,
        title=label,
        description=meaning,
        ge=low,
        le=high,
        json_schema_extra={"unit": unit, "stage": stage},
    )


class Tab(BaseModel):
    """Settings that stand on one tab of the form."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
