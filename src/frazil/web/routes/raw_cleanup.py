"""Remove the raw files of rejected movies: listed first, then exactly what was listed."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from frazil.app import raw_cleanup
from frazil.app.raw_cleanup import Rule
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, SessionId, guarded
from frazil.web.routes.sessions import Bytes  # noqa: TC001 - pydantic reads annotations

router = APIRouter(prefix="/sessions/{session_id}/raw-cleanup", tags=["sessions"])


class RawRule(Asked):
    """Which movies lose their raw files."""

    kind: Literal["failed", "excluded", "filter"] = Field(
        description="failed or ignored; excluded by hand; processed and rejected by a named filter"
    )
    filter_name: str | None = Field(default=None, min_length=1, max_length=100)
    only_copies: bool = Field(default=False, description="also files of which there is no other copy")

    def rule(self) -> Rule:
        """For the application."""
        return Rule(self.kind, self.filter_name, self.only_copies)


class RawRuleListed(RawRule):
    """The rule, and the list that it gave."""

    token: str = Field(min_length=1, max_length=64, description="of the list")


class RawFile(BaseModel):
    """A file that would go."""

    path: str
    movie: int
    bytes: int = Field(description="freed; none by a link")
    mtime_ns: int
    mode: str = Field(description="link, copy or move")
    only_copy: bool


class RawCleanupPreview(BaseModel):
    """What a rule would remove."""

    movies: int
    files: int
    bytes: int
    only_copies: Bytes = Field(description="among these")
    kept_only_copies: Bytes = Field(description="rejected too, but the rule spares the only copies")
    listed: list[RawFile] = Field(description="the first thousand")
    notes: list[str]
    token: str = Field(description="of exactly this list")


class RawCleaned(BaseModel):
    """What was removed."""

    movies: int
    files: int
    bytes: int


@router.post("/preview", operation_id="previewRawCleanup", **guarded("owner"))
async def preview_raw_cleanup(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, body: RawRule
) -> RawCleanupPreview:
    """List the raw files that a rule would remove."""
    found = await disk.run(lambda: raw_cleanup.preview_raw_cleanup(hub, actor, session_id, body.rule()))
    return RawCleanupPreview.model_validate(found)


@router.post("", operation_id="cleanRaw", **guarded("owner"))
async def clean_raw(
    hub: CurrentHub, disk: CurrentDisk, actor: CurrentActor, session_id: SessionId, body: RawRuleListed
) -> RawCleaned:
    """Remove exactly what was listed; refused where that has changed. Results stay."""
    done = await disk.run(lambda: raw_cleanup.clean_raw(hub, actor, session_id, body.rule(), body.token))
    return RawCleaned.model_validate(done)
