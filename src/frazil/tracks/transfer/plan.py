"""What the settings of a session mean for file transfer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from frazil.model.errors import InputError
from frazil.tracks.runner import BlockedError
from frazil.tracks.transfer.companions import METADATA, Companions
from frazil.tracks.transfer.location import Location
from frazil.tracks.transfer.patterns import Patterns
from frazil.tracks.transfer.scan import SourceTree
from frazil.tracks.transfer.settle import Rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from frazil.model.settings import Settings
    from frazil.stages.deliver import Mode


@dataclass(frozen=True)
class Plan:
    """Settings as transfer needs them.

    Attributes
    ----------
    settings
        All of them.
    location
        What is watched.
    prefix
        First part of paths in ledger and ``raw/``, if an earlier location of this session was another one.
    metadata
        The second tree with side files; None where there is none.
    rules
        When a file is taken.
    """

    settings: Settings
    location: Location
    prefix: str
    metadata: Path | None
    rules: Rules

    @property
    def mode(self) -> Mode:
        """How files are delivered."""
        return self.settings.transfer.transfer_mode

    @property
    def counts_frames(self) -> bool:
        """Whether movies should all have the same number of frames."""
        return self.settings.image_data.has_frames and self.settings.session.kind == "movies"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that go along with movies."""
        transfer = self.settings.transfer
        needed = (transfer.require_sidecar,) if transfer.require_sidecar else ()
        return tuple(dict.fromkeys((*transfer.extra_suffixes, *needed)))

    def companions(self) -> Companions:
        """Make what matches extra files with movies."""
        return Companions(self.suffixes)

    def trees(self, session: Path) -> tuple[SourceTree, SourceTree | None]:
        """Make what looks at the source, and at the tree of side files."""
        data, gain = self.settings.image_data, self.settings.gain
        avoid = [session, *(Path(path) for path in (gain.gain_path, gain.defects_path) if path)]
        avoid += [Path(folder) for folder in self.settings.transfer.extra_destinations]
        movies = Patterns(data.file_patterns, data.ignore_patterns, self.suffixes)
        source = SourceTree(self.location, movies, avoid)
        if self.metadata is None:
            return source, None
        location = Location(str(self.metadata), recursive=True)
        return source, SourceTree(location, Patterns((), data.ignore_patterns, self.suffixes), avoid)

    def source_of(self, path: str) -> Path:
        """Where a file of the ledger is at the microscope."""
        rest = path.removeprefix(self.prefix)
        if rest.startswith(METADATA) and self.metadata is not None:
            return self.metadata / rest.removeprefix(f"{METADATA}/")
        return self.location.base / rest

    def root_of(self, path: str) -> Path:
        """Return the folder that must be there if the share of this file is."""
        in_metadata = path.removeprefix(self.prefix).startswith(METADATA) and self.metadata is not None
        return self.metadata if in_metadata and self.metadata is not None else self.location.base


def make_plan(
    settings: Settings, session: Path, prefix_of: Callable[[str], str], allowed: Callable[[Path], bool]
) -> Plan:
    """Read the settings.

    Parameters
    ----------
    settings
        Newest settings of the session.
    session
        The session folder.
    prefix_of
        Gives the prefix for a location: empty for the first one of a session.
    allowed
        Whether the server may see a path.

    Raises
    ------
    InputError
        A session on a Warp folder: it has no file transfer.
    BlockedError
        The source is missing, or the server may not see it: to be mended by a person.
    """
    data, transfer = settings.image_data, settings.transfer
    if settings.session.kind == "warp":
        raise InputError("a session on a Warp folder has no file transfer")
    if not data.source_path:
        raise BlockedError("the source is missing: set source_path")
    if not Path(data.source_path).is_absolute():
        raise BlockedError(f"source_path {data.source_path!r} is not absolute: give the whole path")
    location = Location(data.source_path, recursive=data.source_recursive)
    if location.base.resolve().is_relative_to(session.resolve()):
        raise BlockedError(
            f"source_path {data.source_path!r} lies in the session folder: give the microscope's"
        )
    metadata = Path(data.metadata_path) if data.metadata_path else None
    extra = [Path(folder) for folder in transfer.extra_destinations]
    for folder in (location.base, *([metadata] if metadata else []), *extra):
        if not allowed(folder):
            raise BlockedError(
                f"{folder}: lies outside the folders this server may use; ask its administrator"
            )
    return Plan(
        settings=settings,
        location=location,
        prefix=prefix_of(str(location.base)),
        metadata=metadata,
        rules=Rules(
            min_age_s=transfer.min_age_s,
            settle_s=transfer.settle_s,
            give_up_s=transfer.give_up_s,
            side_file_suffix=transfer.require_sidecar or "",
            side_file_grace_s=transfer.sidecar_grace_s,
            order=transfer.processing_order,
        ),
    )
