"""What file transfer is doing now, for those who watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.tracks.transfer.names import storable

if TYPE_CHECKING:
    from frazil.tracks.transfer.fleet import Fleet
    from frazil.tracks.transfer.plan import Plan
    from frazil.tracks.transfer.scan import SourceTree
    from frazil.tracks.transfer.settle import TransferMachine


def describe(
    machine: TransferMachine, fleet: Fleet, source: SourceTree, plan: Plan, now: float
) -> dict[str, Any]:
    """Return files in flight with their bytes, MB/s really moved, movies by state, backlog, what is left out.

    Ready for JSON. ``rate_mb_s`` is None where nothing is copied: links have no speed.
    """
    counts = machine.counts()
    return {
        "files": [
            {
                "path": storable(flight.job.path),
                "size_bytes": flight.job.form.size,
                "moved_bytes": flight.moved_bytes,
                "seconds": now - flight.began_at,
            }
            for flight in fleet.flights
        ],
        "mode": plan.mode,
        "rate_mb_s": fleet.rate_mb_s() if plan.mode in ("copy", "move") else None,
        "states": counts.files,
        "behind_bytes": counts.behind_bytes,
        "ignored": dict(source.ignored()),
        "ignored_examples": [
            {"path": storable(path), "rule": rule} for path, rule in source.ignored_examples()
        ],
        "waits_for": "" if len(fleet) else "movies",
    }
