"""Check of a gain reference, while a session is set up."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field

from frazil.app import gain_check
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, guarded
from frazil.web.versions import VersionQuery, versioned

router = APIRouter(prefix="/inputs/gain-checks", tags=["files"])

CheckId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$")]
ServerPath = Annotated[str, Field(min_length=1, max_length=4096, description="absolute path on the server")]


class StartGainCheck(Asked):
    """What is compared."""

    path: ServerPath
    recursive: bool = True
    gain_path: ServerPath
    gain_invert: Literal["auto", "on", "off"] = "auto"


class StartedGainCheck(BaseModel):
    """A check that was begun."""

    check: str


class GainOrientation(BaseModel):
    """One way to lay the reference on the frames: first turned (clockwise), then flipped left-right."""

    rotation_deg: int
    flip_x: bool
    score_sigma: float = Field(description="correlation in units of chance; below zero: inverted")


class GainCheck(BaseModel):
    """How a check stands."""

    check: str
    path: str
    gain_path: str
    state: Literal["running", "done", "failed"]
    reason: str
    movies: int = Field(description="that were averaged")
    frames: int
    orientations: list[GainOrientation] = Field(description="best first; four where the camera is not square")
    ratio: float | None = Field(description="the best score over the second one")
    sure: bool = Field(description="the best exceeds chance five times and the second one twice")
    inverted: bool = Field(description="the reference fits when it is inverted")


@router.post("", operation_id="startGainCheck", status_code=202, **guarded("member"))
async def start_gain_check(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, body: StartGainCheck
) -> StartedGainCheck:
    """Lay a gain reference on the newest movies in its eight orientations."""
    made = await disk.run(
        lambda: gain_check.start_gain_check(
            hub, actor, body.path, body.gain_path, recursive=body.recursive, invert=body.gain_invert
        )
    )
    return StartedGainCheck.model_validate(made)


@router.get("/{check}", operation_id="showGainCheck", **guarded("member"))
async def show_gain_check(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, check: CheckId
) -> GainCheck:
    """How a check stands, and which orientation fits."""
    return GainCheck.model_validate(await disk.run(lambda: gain_check.show_gain_check(hub, actor, check)))


@router.get(
    "/{check}/{picture}.jpg",
    operation_id="gainCheckPicture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "the asker has it"}},
    **guarded("member"),
)
async def gain_check_picture(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    check: CheckId,
    picture: Literal["movie", "gain"],
    v: VersionQuery = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return the mean of the frames, or the reference as it is stored."""
    return await disk.run(
        lambda: versioned(
            lambda known: gain_check.picture_of_gain_check(hub, actor, check, picture, known),
            "image/jpeg",
            if_none_match,
            v,
        )
    )
