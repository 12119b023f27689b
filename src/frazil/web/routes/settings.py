"""Settings: what there is, what a session has, what a change would do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field, JsonValue

from frazil.app import settings_changes, settings_trial
from frazil.app.pictures import PictureKind  # noqa: TC001 - FastAPI reads annotations
from frazil.app.settings_schema import settings_schema
from frazil.web.asked import Asked, Values
from frazil.web.gates import CurrentActor, CurrentDisk, CurrentHub, RowId, SessionId, guarded
from frazil.web.versions import VersionQuery, versioned

router = APIRouter(tags=["settings"])
SETTINGS = "/sessions/{session_id}/settings"

TestId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$")]
Apply = Literal["new", "redo", "redo_kept"]
Revision = Annotated[int, Field(ge=0, le=2**31 - 1, description="the revision that the person saw")]
FilterName = Annotated[str | None, Field(max_length=100, description="for redo_kept: a saved filter")]


class Setting(BaseModel):
    """One setting, as forms need it."""

    name: str
    tab: str
    tab_label: str
    label: str
    meaning: str
    unit: str
    kind: Literal["bool", "int", "float", "str", "list"]
    default: JsonValue
    low: float | None
    high: float | None
    choices: list[str]
    automatic: bool = Field(description="may be left empty")
    stage: str | None = Field(description="that is redone first when it changes")
    required: bool
    fixed_at_creation: bool
    session_value: bool = Field(description="kept with the session, not in revisions")
    without_effect: str = Field(description="why it does nothing yet; else empty")


class SettingChange(BaseModel):
    """A setting that differs."""

    name: str
    before: JsonValue
    after: JsonValue


class RevisionInfo(BaseModel):
    """A revision in the list."""

    revision: int
    saved_at: float
    saved_by: str
    changes: list[SettingChange] = Field(description="against the one before")


class SessionSettings(BaseModel):
    """All settings of a session as of one revision."""

    revision: int
    saved_at: float
    saved_by: str
    values: dict[str, JsonValue]
    changed: list[str] = Field(description="names of those that differ from the default")
    not_used: dict[str, str] = Field(description="those that do nothing beside the others, and why")


class SavedSettings(SessionSettings):
    """Settings just saved."""

    redone: int = Field(description="movies that are processed again")


class StageCost(BaseModel):
    """Work of one stage."""

    movies: int
    seconds: float


class ChangePreview(BaseModel):
    """What saving would do."""

    base_revision: int
    changes: list[SettingChange]
    classification: str = Field(description="new_run, go_on or none")
    classification_text: str
    movies: int
    kept_movies: int
    failed_movies: int = Field(description="that would be tried again")
    stages: dict[str, StageCost]
    seconds: float = Field(description="until it is done, with the workers there are")
    bytes: int = Field(description="that are written anew")


class PreviewChange(Asked):
    """Values that somebody thinks of."""

    values: Values = Field(max_length=300)
    base_revision: Revision
    filter: FilterName = None


class Save(PreviewChange):
    """Values to be saved."""

    apply: Apply = Field(
        "new",
        description="new: results stay as they are. redo: all are brought up to date. redo_kept: those that "
        "the filter keeps",
    )


class Revert(Asked):
    """Go back to an earlier revision."""

    revision: Revision
    base_revision: Revision
    apply: Apply = "new"


class StartTest(Asked):
    """A test on one movie."""

    movie: str = Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")
    values: Values = Field(max_length=300)


class StartedTest(BaseModel):
    """A test that was begun."""

    test: str


class TestResult(BaseModel):
    """How a test stands."""

    test: str
    movie: str
    values: dict[str, JsonValue]
    revision: int = Field(description="that it is compared with")
    at: float
    state: str = Field(description="running, done or failed")
    reason: str
    stages: list[str] = Field(description="done anew")
    before: dict[str, float | None]
    after: dict[str, float | None]
    notes: list[str]
    pictures: list[str]


@router.get("/settings/schema", operation_id="settingsSchema", **guarded("anyone"))
def show_schema() -> list[Setting]:
    """Every setting, in the order of the form."""
    return [Setting.model_validate(entry) for entry in settings_schema()]


@router.get(SETTINGS, operation_id="showSettings", **guarded("viewer"))
def show_settings(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> SessionSettings:
    """Newest settings of a session."""
    return SessionSettings.model_validate(settings_changes.show(hub, actor, session_id))


@router.get(SETTINGS + "/revisions", operation_id="listRevisions", **guarded("viewer"))
def list_revisions(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> list[RevisionInfo]:
    """All revisions, newest first."""
    rows = settings_changes.list_revisions(hub, actor, session_id)
    return [RevisionInfo.model_validate(row) for row in rows]


@router.get(SETTINGS + "/revisions/{revision}", operation_id="showRevision", **guarded("viewer"))
def show_revision(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, revision: RowId
) -> SessionSettings:
    """Return the settings as of one revision."""
    return SessionSettings.model_validate(settings_changes.show_revision(hub, actor, session_id, revision))


@router.post(SETTINGS + "/preview", operation_id="previewSettings", **guarded("operator"))
def preview_settings(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: PreviewChange
) -> ChangePreview:
    """Say what saving these values would redo."""
    found = settings_changes.preview_change(
        hub, actor, session_id, body.values, body.base_revision, body.filter
    )
    return ChangePreview.model_validate(found)


@router.put(SETTINGS, operation_id="saveSettings", **guarded("operator"))
def save_settings(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: Save) -> SavedSettings:
    """Save values as a new revision; 409 with both versions if somebody else was faster."""
    saved = settings_changes.save(
        hub, actor, session_id, body.values, body.base_revision, body.apply, body.filter
    )
    return SavedSettings.model_validate(saved)


@router.post(SETTINGS + "/revert", operation_id="revertSettings", **guarded("operator"))
def revert_settings(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: Revert
) -> SavedSettings:
    """Go back to an earlier revision: its values become a new one."""
    saved = settings_changes.revert(hub, actor, session_id, body.revision, body.base_revision, body.apply)
    return SavedSettings.model_validate(saved)


@router.post(SETTINGS + "/test", operation_id="startTest", status_code=202, **guarded("operator"))
def start_test(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: StartTest) -> StartedTest:
    """Try values on one movie without saving them."""
    made = settings_trial.start_test(hub, actor, session_id, body.movie, body.values)
    return StartedTest.model_validate(made)


@router.get(SETTINGS + "/tests/{test}", operation_id="showTest", **guarded("viewer"))
def show_test(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, test: TestId) -> TestResult:
    """How a test stands."""
    found: dict[str, Any] = settings_trial.show_test(hub, actor, session_id, test)
    return TestResult.model_validate(found)


@router.get(
    SETTINGS + "/tests/{test}/{kind}.jpg",
    operation_id="testPicture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "the asker has it"}},
    **guarded("viewer"),
)
async def test_picture(
    hub: CurrentHub,
    disk: CurrentDisk,
    actor: CurrentActor,
    session_id: SessionId,
    test: TestId,
    kind: PictureKind,
    v: VersionQuery = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return a picture of a test."""
    return await disk.run(
        lambda: versioned(
            lambda known: settings_trial.picture_of_test(hub, actor, session_id, test, kind, known),
            "image/jpeg",
            if_none_match,
            v,
        )
    )
