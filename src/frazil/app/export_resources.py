"""Threads, memory and wall time of exports: what was asked for, else what the session's settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.model.walltime import walltime_minutes

if TYPE_CHECKING:
    from frazil.model.settings import Settings
    from frazil.stages.export.request import ExportRequest


def with_resources(request: ExportRequest, settings: Settings) -> ExportRequest:
    """Return the request with the settings' resources where it says nothing."""
    own = settings.resources
    minutes = None if own.export_walltime is None else walltime_minutes(own.export_walltime)
    known: dict[str, Any] = {
        "threads": own.export_threads,
        "memory_gb": own.export_memory_gb,
        "walltime_min": minutes,
    }
    missing = {name: value for name, value in known.items() if getattr(request, name) is None}
    return request.model_copy(update=missing)
