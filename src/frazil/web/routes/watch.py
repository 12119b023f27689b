"""What one glances at: strip, alerts, server; and who changed what."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, JsonValue

from frazil.app import alerts, health, strip
from frazil.app.audit_log import list_changes
from frazil.web.asked import Asked
from frazil.web.gates import CurrentActor, CurrentHub, RowId, SessionId, guarded

router = APIRouter(tags=["watching"])

OnlyOpen = Annotated[bool, Query(description="only alerts that still hold")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class ClassesOfStrip(BaseModel):
    """The newest class averages."""

    number: int
    run: int
    kind: str
    finished_at: float
    particles: int
    class_count: int


class Strip(BaseModel):
    """How many, how fast, how far behind, how good."""

    movies: int = Field(description="all that were found, but for ignored ones")
    done: int
    failed: int
    settling: int
    waiting: int = Field(description="the backlog: settled, and neither done nor failed")
    in_per_h: float = Field(description="settled movies of the last 60 minutes")
    out_per_h: float = Field(description="movies done in the last 60 minutes")
    behind_s: float = Field(description="age of the oldest unfinished settled movie")
    oldest_at: float | None
    capacity_per_h: float | None
    catching_up: bool
    eta_s: float | None = Field(description="until the backlog is gone; none: not catching up")
    particles: int
    resolution_median_a: float | None
    classes: ClassesOfStrip | None


class Alert(BaseModel):
    """Something a person should look at."""

    id: int
    session_id: int
    rule: str
    message: str
    raised_at: float
    cleared_at: float | None
    snoozed_until: float | None
    sent: bool


class Snooze(Asked):
    """For how long nothing is sent."""

    minutes: int = Field(ge=0, le=alerts.LONGEST_SNOOZE_MIN, description="0: send again from now on")


class SendTest(Asked):
    """Whom to send a message to."""

    targets: list[str] | None = Field(None, max_length=20, description="none: those of the session")


class Sent(BaseModel):
    """How sending went."""

    problem: str = Field(description="what went wrong; else empty")


class Memory(BaseModel):
    """Memory of the machine and of the server."""

    total_bytes: int
    available_bytes: int
    server_bytes: int


class Worker(BaseModel):
    """A worker as it is now."""

    name: str
    pool: str
    pid: int | None
    task: str = Field(description="what it works on; empty where it waits")
    since: float
    memory_bytes: int
    cpu_percent: float
    gpu: str


class Gpu(BaseModel):
    """A GPU as it is now."""

    index: str
    name: str
    used_percent: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_c: float | None


class Disk(BaseModel):
    """A disk that is used."""

    path: str
    users: list[str]
    total_bytes: int
    free_bytes: int
    fill_bytes_per_h: float | None = Field(description="by the last hour; negative where it empties")
    hours_left: float | None
    problem: str


class Server(BaseModel):
    """How the server and its machine are."""

    version: str
    microscope_name: str
    started_at: float
    now: float
    device: str
    cores: int
    load: list[float]
    cpu_percent: float
    memory: Memory
    workers: list[Worker]
    queued: int
    gpus: list[Gpu]
    disks: list[Disk]


class Health(BaseModel):
    """That the server works."""

    status: Literal["ok"]
    version: str


class AuditRow(BaseModel):
    """A change that somebody made."""

    id: int
    at: float
    who: str
    what: str
    session_id: int | None
    before: JsonValue
    after: JsonValue


@router.get("/sessions/{session_id}/strip", operation_id="showStrip", **guarded("viewer"))
def show_strip(hub: CurrentHub, actor: CurrentActor, session_id: SessionId) -> Strip:
    """Numbers of the strip."""
    return Strip.model_validate(strip.strip(hub, actor, session_id))


@router.get("/sessions/{session_id}/alerts", operation_id="listSessionAlerts", **guarded("viewer"))
def list_session_alerts(
    hub: CurrentHub, actor: CurrentActor, session_id: SessionId, only_open: OnlyOpen = False
) -> list[Alert]:
    """Alerts of a session, newest first."""
    found = alerts.listed(hub, actor, session_id, only_open=only_open)
    return [Alert.model_validate(alert) for alert in found]


@router.get("/alerts", operation_id="listAlerts", **guarded("anyone"))
def list_alerts(hub: CurrentHub, actor: CurrentActor, only_open: OnlyOpen = True) -> list[Alert]:
    """Alerts of all sessions that one may see, newest first."""
    return [Alert.model_validate(alert) for alert in alerts.listed(hub, actor, only_open=only_open)]


@router.post("/alerts/{alert_id}/snooze", operation_id="snoozeAlert", **guarded("member"))
def snooze_alert(hub: CurrentHub, actor: CurrentActor, alert_id: RowId, body: Snooze) -> Alert:
    """Send nothing about an alert for some minutes."""
    return Alert.model_validate(alerts.snooze(hub, actor, alert_id, body.minutes))


@router.post("/sessions/{session_id}/alerts/test", operation_id="sendTestMessage", **guarded("operator"))
def send_test_message(hub: CurrentHub, actor: CurrentActor, session_id: SessionId, body: SendTest) -> Sent:
    """Send a message, to see whether it arrives."""
    return Sent(problem=alerts.send_test(hub, actor, session_id, body.targets))


@router.get("/server", operation_id="showServer", **guarded("account"))
def show_server(hub: CurrentHub, actor: CurrentActor) -> Server:
    """How the server and its machine are."""
    return Server.model_validate(health.server_status(hub, actor))


@router.get("/health", operation_id="health", **guarded("public"))
def show_health(hub: CurrentHub) -> Health:
    """Whether the server works, for programs that watch it."""
    return Health.model_validate(health.health(hub))


@router.get("/audit", operation_id="listAudit", **guarded("admin"))
def list_audit(
    hub: CurrentHub,
    actor: CurrentActor,
    session: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="older than this one")] = None,
    limit: Limit = 200,
) -> list[AuditRow]:
    """Who changed what, newest first."""
    rows = list_changes(hub, actor, session_id=session, before_id=before, limit=limit)
    return [AuditRow.model_validate(row) for row in rows]
