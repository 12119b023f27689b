"""What is to be said of one movie now: Warp's XML, its rows of the table, and its stack put together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from frazil.formats.warp_movie import read_warp_movie
from frazil.model.errors import InputError
from frazil.tracks.follow_warp.folder import OUTSIDE, patiently
from frazil.tracks.follow_warp.stacks import Stacks, Verdict, fits, signature
from frazil.tracks.follow_warp.taking_in import Found, Images
from frazil.tracks.runner import BlockedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from frazil.formats.warp_movie import WarpMovie
    from frazil.formats.warp_particles import WarpBlock
    from frazil.tracks.follow_warp.data_sets import DataSet, FollowMemory
    from frazil.tracks.follow_warp.folder import WarpFolder
    from frazil.tracks.follow_warp.rows import Known


@dataclass(frozen=True)
class Answer:
    """What came of looking at a movie.

    Attributes
    ----------
    found
        What to write; None where what was taken in before stays as it is for now.
    known
        What is known of it after that.
    waits_for
        Why its particles can't be used yet; empty where there is nothing to wait for.
    """

    found: Found | None
    known: Known
    waits_for: str = ""


class Finder:
    """Puts together what there is of a movie.

    Parameters
    ----------
    allowed
        Whether the server may see a path.
    clock, wall_clock
        Seconds of a clock that never goes back; seconds since 1970.
    """

    def __init__(
        self,
        allowed: Callable[[Path], bool],
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self.stacks = Stacks()
        self._allowed, self._clock, self._wall_clock = allowed, clock, wall_clock

    def stack_signature(self, folder: Path, block: WarpBlock) -> str:
        """Return the signature of a stack; empty where it is not there or may not be seen.

        Raises `BlockedError` where the disk fails.
        """
        stack = folder / block.stack
        try:
            return patiently(lambda: signature(stack)) if self._allowed(stack) else ""
        except OSError as error:
            raise BlockedError(f"{stack}: can't be looked at: {error.strerror or error}") from error

    def look_at(
        self, movie: str, known: Known, folder: WarpFolder, memory: FollowMemory, *, gone: bool
    ) -> tuple[Answer, FollowMemory]:
        """Look at a movie.

        Parameters
        ----------
        gone
            Its particles have been missing from the table for so long that they count as withdrawn.

        Returns
        -------
            The answer, and the memory, which learns the size of a data set's images from its first movie.
        """
        xml, unreadable = self._xml(movie, folder)
        if unreadable and known.xml:
            # Half written: what was taken in stays until the file is whole, which changes its signature.
            return Answer(None, replace(known, xml=folder.xmls.get(movie, ""))), memory
        block = None if folder.blocks is None else folder.blocks.get(movie)
        if block is None and known.particles and not gone:
            return Answer(None, known), memory
        found, verdict = "", Verdict("ready")
        if block is not None:
            found, verdict = self._judge(known, folder.path, block)
            if verdict.state == "waits" and (known.waits or (known.particles and known.stack == found)):
                # Nothing to write: it waits already, or what was taken in is still there as it was.
                return Answer(None, known, verdict.reason), memory
        home, images = memory.newest, None
        if block is not None and verdict.state == "ready":
            memory, home, images = _images(folder, block, found, verdict.box_px, memory)
        waits_for = verdict.reason if verdict.state == "waits" else unreadable
        signature_now = folder.xmls.get(movie, "")
        answer = Found(
            name=known.name,
            source=folder.path / f"{movie}.xml",
            xml=xml,
            xml_signature=signature_now,
            thumbnail=self._thumbnail(folder.path / "thumbnails" / f"{movie}.png"),
            block=block,
            images=images,
            failure=verdict.reason if verdict.state == "failed" else "",
            revision=home.revision,
            diameter_a=0.0 if folder.settings is None else folder.settings.diameter_a,
            now=self._wall_clock(),
        )
        after = replace(
            known,
            xml=signature_now,
            particles="" if block is None or verdict.state == "waits" else f"{block.digest()}:{found}",
            revision=home.revision,
            waits=verdict.state == "waits",
            again=False,
        )
        return Answer(answer, after, waits_for), memory

    def _xml(self, movie: str, folder: WarpFolder) -> tuple[WarpMovie | None, str]:
        """Read the XML, if there is one; and why it can't be read."""
        path = folder.path / f"{movie}.xml"
        if movie not in folder.xmls:
            return None, ""
        if not self._allowed(path):
            return None, f"{path}: {OUTSIDE}"
        try:
            return patiently(lambda: read_warp_movie(path)), ""
        except InputError as error:
            return None, str(error)

    def _thumbnail(self, path: Path) -> Path | None:
        return path if path.is_file() and self._allowed(path) else None

    def _judge(self, known: Known, folder: Path, block: WarpBlock) -> tuple[str, Verdict]:
        """Return the signature of the stack, and whether it may be used."""
        stack = folder / block.stack
        if not self._allowed(stack):
            return "", Verdict("failed", f"{stack}: {OUTSIDE}")
        found, digest = self.stack_signature(folder, block), block.digest()
        if found and known.particles == f"{digest}:{found}":
            # Was judged before: only something else of the movie is new.
            if (verdict := fits(stack, len(block))).state == "ready":
                return found, verdict
        return found, self.stacks.judge(stack, found, digest, len(block), self._clock(), block.problem)


def _images(
    folder: WarpFolder, block: WarpBlock, found: str, box_px: int, memory: FollowMemory
) -> tuple[FollowMemory, DataSet, Images]:
    """Images of a block in the data set they belong to, and the memory that knows their size."""
    if folder.settings is None:
        raise InputError(f"{folder.path}: Warp's settings were not read")
    pixel_a = block.pixel_size_a or folder.settings.particle_pixel_size_a
    home = memory.home_of(box_px, pixel_a)
    if home.box_px is None:
        memory = memory.changed(home, box_px=box_px, pixel_size_a=pixel_a)
    stack, average_a = folder.path / block.stack, folder.settings.average_pixel_size_a
    return memory, home, Images(block, stack, found, box_px, pixel_a, average_a)
