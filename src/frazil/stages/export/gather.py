"""Collect the movies of an export: their files go into it, and what was done with them is read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from frazil.formats.atomic import atomic_path
from frazil.formats.mrc import MrcStack
from frazil.formats.relion_motion import with_names
from frazil.model.errors import InputError, PassingError
from frazil.stages.export.gain import Gains
from frazil.stages.export.pin import pin_file, pin_image, pin_movie
from frazil.stages.products import Products
from frazil.stages.record_file import stored_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from frazil.model.settings import Settings
    from frazil.stages.export.kept import Kept
    from frazil.stages.export.progress import Progress
    from frazil.stages.export.request import ExportMovie, ExportRequest
    from frazil.stages.record import MovieRecord

_TRIES, _PAUSE_S = 3, 1.0
_OF_MICROGRAPHS = ("micrograph", "unweighted", "odd", "even", "spectrum", "motion_star")
_WITH_FILES = ("relion", "cryosparc")
FOLDERS_OF_FILES = ("raw", "micrographs", "motion", "ctf", "picks", "particles")
PARTICLE_COLUMNS = (
    "x_px",
    "y_px",
    "box_x_px",
    "box_y_px",
    "score",
    "stack_index",
    "defocus_u_a",
    "defocus_v_a",
    "astigmatism_angle_deg",
    "phase_shift_deg",
)


@dataclass
class Gathered:
    """One movie of the export.

    Attributes
    ----------
    movie, record, settings
        What the catalogue knew, what was done, and with which settings.
    files
        Its products, in the export or, where nothing is linked or copied, in the session.
    raw
        Name of the movie in the export; empty where it is not there.
    particles
        Columns of its particles, `PARTICLE_COLUMNS`; None where there are none.
    image_pixel_size_a, image_size_px
        Of its particle images.
    stack
        Where these are: the session's, those in the export, or those that were cut out anew.
    motion_star
        Where its motion file is; in the export, where it will be when that is whole.
    """

    movie: ExportMovie
    record: MovieRecord
    settings: Settings
    files: Products
    raw: str = ""
    particles: dict[str, NDArray[Any]] | None = None
    image_pixel_size_a: float = 0.0
    image_size_px: int = 0
    stack: Path = Path()
    motion_star: Path = Path()
    present: dict[str, bool] = field(default_factory=dict)

    def has(self, what: str) -> bool:
        """Whether a product is there: micrograph, unweighted, odd, even, motion_star, spectrum, …."""
        return self.present.get(what, False)


class Collector:
    """Brings movies into an export.

    Parameters
    ----------
    session, target
        The session folder, and that of the export.
    request
        What is wanted.
    progress
        Is told what is missing.
    final
        Where the export will be when it is whole; None for tables in the session folder itself, which is
        the project then, so that its own motion files are right.
    kept
        What an interrupted try has brought already; None where nothing is brought.
    gains
        What gain references are called; None where no motion file is written.
    """

    def __init__(
        self,
        session: Path,
        target: Path,
        request: ExportRequest,
        progress: Progress,
        final: Path | None = None,
        kept: Kept | None = None,
        gains: Gains | None = None,
    ) -> None:
        self._session, self._target, self._request = session, target, request
        self._progress, self._final, self._kept = progress, final, kept
        self._gains = gains or Gains(session, ())

    @property
    def _brings_files(self) -> bool:
        return self._request.files != "none" and self._request.format in _WITH_FILES

    def collect(self, movie: ExportMovie, settings: Settings) -> Gathered | None:
        """Bring one movie in; None where it has no results.

        Files and record must belong together: where the movie is redone at this moment, it is tried again.
        Raises `PassingError` where that goes on, `InputError` for damaged products.
        """
        for attempt in range(_TRIES):
            record = stored_record(self._session, movie.name)
            if record is None or not {record.stage("sum").state, record.stage("extract").state} & {"done"}:
                return None
            found = self._collect(movie, record, settings)
            if found is not None and stored_record(self._session, movie.name) == record:
                return found
            self._take_back(movie)
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE_S)
        raise PassingError(f"{movie.name}: is being processed again right now; export it a little later")

    def _collect(self, movie: ExportMovie, record: MovieRecord, settings: Settings) -> Gathered | None:
        """None where stack and table of the particles don't belong together."""
        source = Products(self._session, movie.name)
        files = Products(self._target, movie.name) if self._brings_files else source
        found = Gathered(movie, record, settings, files, stack=files.particles, motion_star=files.motion_star)
        wanted = self._request.contents
        kinds: tuple[str, ...] = _OF_MICROGRAPHS if "micrographs" in wanted else ()
        if "picks" in wanted and record.stage("pick").state == "done":
            kinds += ("picks_star",)
        for kind in kinds if self._request.format in _WITH_FILES else ():
            if kind == "motion_star":
                found.present[kind] = self._bring_motion(found, source)
                continue
            is_image = not kind.endswith("_star")
            found.present[kind] = self._bring(getattr(source, kind), getattr(files, kind), is_image)
        if not found.present.get("micrograph", True):
            raise InputError(f"{source.micrograph}: is gone; process {movie.name} again, or exclude it")
        if "particles" in wanted or "classes" in wanted:
            if not self._take_particles(found, source, files):
                return None
        if "movies" in wanted and movie.raw_path is not None:
            self._take_movie(found, Path(movie.raw_path))
        return found

    def _take_back(self, movie: ExportMovie) -> None:
        """Remove what was brought of a movie."""
        if self._brings_files:
            files = Products(self._target, movie.name)
            for kind in (*_OF_MICROGRAPHS, "picks_star", "particles"):
                getattr(files, kind).unlink(missing_ok=True)
            for raw in (self._target / "raw").glob(f"{movie.name}.*"):
                raw.unlink()

    def _bring(self, source: Path, target: Path, is_image: bool) -> bool:
        if not self._brings_files:
            return source.is_file()
        depth = self._request.image_depth if is_image else "stored"

        def bring() -> bool:
            if is_image:
                return pin_image(source, target, self._request.files, depth)
            return pin_file(source, target, self._request.files)

        return self._once(source, target, depth, bring)

    def _once(self, source: Path, target: Path, depth: str, bring: Callable[[], bool]) -> bool:
        """Bring a file, unless an interrupted try has done so; False where it is not there.

        Links cost nothing and are made anew.
        """
        if self._kept is None:
            return bring()
        if self._kept.holds(source, target, depth):
            return True
        there = bring()
        if there and not target.is_symlink() and target.stat().st_nlink == 1:
            self._kept.note(source, target, depth)
        return there

    def _bring_motion(self, found: Gathered, source: Products) -> bool:
        """Bring the motion file, which calls movie and gain reference by their names in the tables."""
        if not self._brings_files and self._final is None:
            return source.motion_star.is_file()
        try:
            text = source.motion_star.read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        movie, gain = found.movie, self._gains.name(found.movie, found.settings.gain)
        raw = _name_of_raw(movie.name, Path(movie.raw_path or movie.row.get("path") or ""))
        target = found.files
        if not self._brings_files and self._final is not None:
            raw, gain = self._absolute_names(found)
            target = Products(self._target, movie.name)
            found.motion_star = Products(self._final, movie.name).motion_star
        with atomic_path(target.motion_star) as part:
            part.write_text(with_names(text, raw, gain), encoding="utf-8")
        return True

    def _absolute_names(self, found: Gathered) -> tuple[str, str]:
        """Movie where it lies, and gain reference in the export: there it is turned as it was applied."""
        raw = found.movie.raw_path or "None"
        gain = self._gains.name(found.movie, found.settings.gain)
        if len(raw.split()) > 1:
            self._progress.note(f"{raw}: tables can't name a path with blanks; link or copy instead")
            raw = "None"
        return raw, f"{self._final}/{gain}" if gain else ""

    def _take_particles(self, found: Gathered, source: Products, files: Products) -> bool:
        if found.record.stage("extract").state != "done":
            return True
        try:
            # For small files four times as fast as reading ahead in threads.
            with pq.ParquetFile(source.particle_table, pre_buffer=False) as file:
                table = file.read(columns=list(PARTICLE_COLUMNS), use_threads=False)
        except FileNotFoundError:
            self._progress.note(f"{found.movie.name}: its particles are gone; extract them again")
            return True
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(
                f"{source.particle_table}: damaged ({error}); process {found.movie.name} again"
            ) from error
        if "particles" in self._request.contents and not self._request.extracts_anew:
            found.present["particles"] = self._bring(source.particles, files.particles, True)
        found.stack = files.particles if found.has("particles") else source.particles
        if not found.stack.is_file():
            self._progress.note(f"{found.movie.name}: its particle images are gone; extract them again")
            return True
        with MrcStack(found.stack) as stack:
            images, found.image_size_px = len(stack), stack.shape[-1]
        if images != table.num_rows:
            return False
        extra = table.schema.metadata or {}
        found.image_pixel_size_a = float(extra[b"pixel_size_a"])
        found.particles = {name: np.asarray(table.column(name).to_numpy()) for name in PARTICLE_COLUMNS}
        return True

    def _take_movie(self, found: Gathered, raw: Path) -> None:
        name = _name_of_raw(found.movie.name, raw)
        if not self._brings_files:
            there, name = raw.is_file(), str(raw)
            if len(name.split()) > 1:
                self._progress.note(f"{name}: tables can't name a path with blanks; link or copy instead")
                return
        else:
            target = self._target / name
            there = self._once(raw, target, "stored", lambda: pin_movie(raw, target, self._request.files))
        if there:
            found.raw = name
        else:
            self._progress.note(f"the movie of {found.movie.name} is not at {raw} any more; it is left out")


def _name_of_raw(name: str, raw: Path) -> str:
    """Name a movie in the export: without folders and blanks, and never twice."""
    return f"raw/{name}{raw.suffix}"
