"""Folders of the server, for choosing where movies and references lie."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from frazil.app import files, source_metadata, source_preview, warp_preview
from frazil.app.files import FileKind  # noqa: TC001 - FastAPI reads annotations
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, guarded

router = APIRouter(tags=["files"])

ServerPath = Annotated[str, Query(min_length=1, max_length=4096, description="absolute path on the server")]
Patterns = Annotated[list[str] | None, Query(max_length=50)]


class FileEntry(BaseModel):
    """A file or folder."""

    name: str
    path: str | None = Field(description="none where the name is no UTF-8: settings can't hold it")
    is_folder: bool
    size_bytes: int | None
    modified_at: float | None


class FolderPage(BaseModel):
    """Part of a folder's content, folders first."""

    path: str | None = Field(description="none: these are the roots")
    parent: str | None
    entries: list[FileEntry]
    cursor: str | None = Field(description="asks for the part behind it; none at the end")
    more: bool = Field(description="the folder holds more than is ever shown")


class SourcePreview(BaseModel):
    """What a folder or pattern holds."""

    text: str = Field(description='for people: "1,204 movies, TIFF 5760 x 4092 x 40, newest 12 s ago"')
    movies: int
    ignored: int = Field(description="files left out by their names")
    folders: int
    complete: bool = Field(description="false: it takes longer than two seconds to see all")
    newest_at: float | None
    kind: str | None = Field(description="of the newest movie that can be opened: MRC, TIFF or EER")
    width_px: int | None
    height_px: int | None
    frames: int | None
    trouble: str = Field(description="what could not be looked at, and why; else empty")


class SourceMetadata(BaseModel):
    """What the microscope's side files say."""

    values: dict[str, Any] = Field(description="settings by name, only what was told")
    source: str | None = Field(description="EPU or mdoc; none where no side file was found")
    movie: str | None
    side_file: str | None
    frames: int | None
    camera: str | None
    notes: list[str] = Field(description="what is not told, could not be read or was not found")


class WarpPreview(BaseModel):
    """What a Warp folder holds."""

    text: str = Field(description='for people: "12 movies, 1,204 particles, box 128 px of 2.6 Å, …"')
    is_warp: bool = Field(description="it holds Warp's settings")
    network: str | None
    table: str | None = Field(description="name of the particle table")
    movies: int
    particles: int
    box_size_px: int | None
    pixel_size_a: float | None = Field(description="of the particles")
    threshold: float | None
    diameter_a: float | None
    voltage_kv: float | None
    trouble: str = Field(description="what keeps particles from being followed; else empty")
    sessions: list[str] = Field(description="labels of sessions that follow this folder")


@router.get("/files", operation_id="listFiles", **guarded("member"))
async def list_files(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    path: Annotated[str | None, Query(max_length=4096, description="none: the roots")] = None,
    kind: FileKind = "any",
    cursor: Annotated[str | None, Query(max_length=1200)] = None,
    limit: Annotated[int, Query(ge=1, le=files.MOST_SHOWN)] = 200,
) -> FolderPage:
    """Return part of a folder's content; only below the server's roots."""
    found = await disk.run(lambda: files.list_folder(hub, actor, path, kind=kind, cursor=cursor, limit=limit))
    return FolderPage.model_validate(found)


@router.get("/source-preview", operation_id="previewSource", **guarded("member"))
async def preview_source(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    path: ServerPath,
    recursive: bool = True,
    file_patterns: Patterns = None,
    ignore_patterns: Patterns = None,
) -> SourcePreview:
    """Say what a folder or pattern holds, as file transfer would see it."""
    found = await disk.run(
        lambda: source_preview.source_preview(
            hub,
            actor,
            path,
            recursive=recursive,
            file_patterns=file_patterns or (),
            ignore_patterns=ignore_patterns,
        )
    )
    return SourcePreview.model_validate(found)


@router.get("/warp-preview", operation_id="previewWarp", **guarded("member"))
async def preview_warp(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    path: ServerPath,
    particles: Literal["all", "good"] = "all",
) -> WarpPreview:
    """Say what a Warp folder holds: network, box, pixel size, threshold, movies and particles."""
    found = await disk.run(lambda: warp_preview.warp_preview(hub, actor, path, particles))
    return WarpPreview.model_validate(found)


@router.get("/inputs/metadata", operation_id="readSourceMetadata", **guarded("member"))
async def read_source_metadata(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    path: ServerPath,
    metadata_path: Annotated[
        str | None, Query(max_length=4096, description="second tree, with the side files")
    ] = None,
    recursive: bool = True,
) -> SourceMetadata:
    """Read pixel size, voltage, dose and gain from the side file of one of the newest movies."""
    found = await disk.run(
        lambda: source_metadata.source_metadata(
            hub, actor, path, metadata_path=metadata_path or None, recursive=recursive
        )
    )
    return SourceMetadata.model_validate(found)
