"""Tables of the catalogue. Times are seconds since 1970 (UTC); a change here needs a migration."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from frazil.model.movie_columns import MOVIE_COLUMNS

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("login", String(100), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("password_hash", Text),
    Column("is_admin", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
)

groups = Table(
    "groups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
)

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    # viewer, operator or owner
    Column("role", String(20), nullable=False),
)

logins = Table(
    "logins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    # The most this token may do, whatever its user may: viewer, operator, owner or admin; one group or all.
    Column("scope", String(20), nullable=False),
    Column("group_id", ForeignKey("groups.id", ondelete="CASCADE")),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("last_used_at", Float),
)

share_links = Table(
    "share_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("created_by", ForeignKey("users.id", ondelete="SET NULL")),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("group_id", ForeignKey("groups.id"), nullable=False),
    Column("owner_id", ForeignKey("users.id", ondelete="SET NULL")),
    Column("folder", Text, nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    # new, active, archived or deleting
    Column("life", String(20), nullable=False),
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,
)

settings_revisions = Table(
    "settings_revisions",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("saved_at", Float, nullable=False),
    Column("saved_by", String(200), nullable=False),
    # Values that differ from the defaults.
    Column("settings", JSON, nullable=False),
)

tracks = Table(
    "tracks",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    # transfer, preprocess or classify2d
    Column("track", String(20), primary_key=True),
    # Whether it should run, also after a restart of the server.
    Column("wanted", Boolean, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Float, nullable=False),
    # What the track itself needs to go on after a restart.
    Column("memory", JSON, nullable=False),
)

_TYPES = {"text": Text, "integer": Integer, "number": Float, "time": Float}
_OWN = {"name", "path", "state", "attempts", "override", "found_at"}

movies = Table(
    "movies",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    # Counts up through the session and is never used again.
    Column("number", Integer, primary_key=True),
    Column("name", String(255), nullable=False),
    # Relative to the folder that is watched.
    Column("path", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("override", String(10), nullable=False),
    Column("found_at", Float, nullable=False),
    # Where stages read it; none before transfer.
    Column("raw_path", Text),
    # Settings it is to be processed with: raising it is what confirms a redo.
    Column("target_revision", Integer, nullable=False),
    # No new try before then.
    Column("next_try_at", Float),
    # Among what is queued: 1 test or single retry, 2 new, 3 redo.
    Column("priority", Integer, nullable=False, default=2, server_default="2"),
    # Which particle images there are: equal as long as they are the same ones; none where there are none.
    Column("particles_token", Text),
    # Counts up through the session whenever the line above, or what decides about the particles'
    # classification, changed: who follows the particles reads only what is new.
    Column("particles_change", Integer),
    *(Column(c.name, _TYPES[c.kind]) for c in MOVIE_COLUMNS if c.name not in _OWN),
    # What `MovieRecord` holds: stage records and all numbers. Long, therefore last.
    Column("record", JSON),
    # What a person changed about the picks: `ManualPicks`; none where nobody did.
    Column("manual_picks", JSON(none_as_null=True)),
    UniqueConstraint("session_id", "name"),
    Index("ix_movies_session_state", "session_id", "state", "number"),
    Index("ix_movies_session_queue", "session_id", "state", "priority", "number"),
    # What lists of sessions count.
    Index("ix_movies_session_counts", "session_id", "state", "particles"),
    Index("ix_movies_session_done", "session_id", "done_at"),
    Index("ix_movies_session_particles", "session_id", "particles_change"),
)

source_files = Table(
    "source_files",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    # Relative to the folder that is watched.
    Column("path", Text, primary_key=True),
    # movie, or extra: a file that goes along with a movie
    Column("kind", String(10), nullable=False),
    Column("movie_number", Integer),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("found_at", Float, nullable=False),
    # settling, waiting, transferring, done, failed, changed (content changed after delivery), forgotten
    Column("state", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Float),
    # Where it was delivered, relative to the session folder, and what was delivered.
    Column("delivered_path", Text),
    Column("delivered_size_bytes", BigInteger),
    Column("delivered_mtime_ns", BigInteger),
    Column("delivered_mode", String(20)),
    Column("delivered_at", Float),
    Column("xxh128", String(32)),
    Index("ix_source_files_session_state", "session_id", "state"),
)

class_updates = Table(
    "class_updates",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    # Counts up through the session and is never used again.
    Column("number", Integer, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("update_in_run", Integer, nullable=False),
    # streaming, random_seed, startup, refinement or batch
    Column("kind", String(20), nullable=False),
    Column("finished_at", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("particles", Integer, nullable=False),
    Column("class_count", Integer, nullable=False),
    Column("limit_a", Float),
    Column("fraction", Float),
    Column("settings_revision", Integer, nullable=False),
    # Relative to the session folder.
    Column("folder", Text, nullable=False),
    Column("summary", JSON, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("rule", String(100), nullable=False),
    Column("message", Text, nullable=False),
    Column("raised_at", Float, nullable=False),
    Column("cleared_at", Float),
    Column("snoozed_until", Float),
    Column("sent", Boolean, nullable=False),
    Index("ix_alerts_session_open", "session_id", "cleared_at"),
)

filters = Table(
    "filters",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("saved_at", Float, nullable=False),
    Column("saved_by", String(200), nullable=False),
)

class_overrides = Table(
    "class_overrides",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("run", Integer, primary_key=True),
    # Who the class is; never used twice in a run.
    Column("stable_id", Integer, primary_key=True),
    Column("keep", Boolean, nullable=False),
    Column("saved_at", Float, nullable=False),
    Column("saved_by", String(200), nullable=False),
)

class_selections = Table(
    "class_selections",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(100), primary_key=True),
    # Of the entry of the history whose classes they are.
    Column("update_number", Integer, nullable=False),
    Column("classes", JSON, nullable=False),
    Column("saved_at", Float, nullable=False),
    Column("saved_by", String(200), nullable=False),
)

exports = Table(
    "exports",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    # Counts up through the session.
    Column("number", Integer, primary_key=True),
    # Of its folder below exports/.
    Column("name", String(100), nullable=False),
    # queued, running, done, failed or cancelled
    Column("state", String(20), nullable=False),
    Column("request", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("reason", Text, nullable=False),
    # What came out: counts, files, bytes, notes.
    Column("result", JSON, nullable=False),
    UniqueConstraint("session_id", "name"),
)

relocations = Table(
    "relocations",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    # copy or move
    Column("mode", String(10), nullable=False),
    # Session folders.
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    # copying, removing (the original, when it was moved), done, failed or cancelled
    Column("state", String(20), nullable=False),
    # The session's life, which is "archived" meanwhile.
    Column("life_before", String(20), nullable=False),
    Column("life_after", String(20), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("ended_at", Float),
    Column("reason", Text, nullable=False),
    # What came of it: files, links, bytes, copied, left.
    Column("result", JSON, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("who", String(200), nullable=False),
    Column("what", String(100), nullable=False),
    Column("session_id", Integer),
    Column("before", JSON),
    Column("after", JSON),
    Index("ix_audit_session", "session_id", "at"),
)
