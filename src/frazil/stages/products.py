"""Where the products of one movie lie in a session folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRODUCT_FOLDERS = ("micrographs", "motion", "ctf", "pictures", "picks", "particles")
"""Those that hold nothing but products of movies."""
FOLDERS = ("raw", *PRODUCT_FOLDERS, "records", "logs")


@dataclass(frozen=True)
class Products:
    """Paths of one movie's products.

    Attributes
    ----------
    session
        The session folder.
    name
        The movie's product name.
    """

    session: Path
    name: str

    @property
    def micrograph(self) -> Path:
        """Aligned, dose-weighted average."""
        return self.session / "micrographs" / f"{self.name}.mrc"

    @property
    def unweighted(self) -> Path:
        """Aligned average without dose weighting."""
        return self.session / "micrographs" / f"{self.name}_noDW.mrc"

    @property
    def odd(self) -> Path:
        """Average of the odd frames."""
        return self.session / "micrographs" / f"{self.name}_odd.mrc"

    @property
    def even(self) -> Path:
        """Average of the even frames."""
        return self.session / "micrographs" / f"{self.name}_even.mrc"

    @property
    def motion_star(self) -> Path:
        """Motion as RELION writes it."""
        return self.session / "motion" / f"{self.name}.star"

    @property
    def motion_field(self) -> Path:
        """Motion as it was estimated, which the polynomial of the STAR file only approximates."""
        return self.session / "motion" / f"{self.name}.npz"

    @property
    def spectrum(self) -> Path:
        """Amplitude spectrum that the CTF was fitted to, zero frequency at the centre."""
        return self.session / "ctf" / f"{self.name}.mrc"

    @property
    def profile(self) -> Path:
        """Curves of the CTF fit."""
        return self.session / "ctf" / f"{self.name}.json"

    @property
    def picks_star(self) -> Path:
        """Picks for RELION."""
        return self.session / "picks" / f"{self.name}.star"

    @property
    def candidates(self) -> Path:
        """All candidates with sub-pixel positions and scores."""
        return self.session / "picks" / f"{self.name}.parquet"

    @property
    def particles(self) -> Path:
        """Particle images."""
        return self.session / "particles" / f"{self.name}.mrcs"

    @property
    def particle_table(self) -> Path:
        """Where each particle image comes from."""
        return self.session / "particles" / f"{self.name}.parquet"

    @property
    def record(self) -> Path:
        """What was done, and the numbers."""
        return self.session / "records" / f"{self.name}.json"

    def picture(self, kind: str) -> Path:
        """Return the path of a picture: preview, thumbnail, picks, spectrum or profile."""
        return self.session / "pictures" / f"{self.name}.{kind}.jpg"

    def remove_unfinished(self) -> None:
        """Remove what a worker that was killed left half-written; nobody may be at work on the movie."""
        unfinished = re.compile(rf"\.{re.escape(self.name)}(_noDW|_odd|_even)?\..*\.part")
        for folder in (*PRODUCT_FOLDERS, "records"):
            for path in (self.session / folder).glob(".*.part"):
                if unfinished.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    def relative(self, path: Path) -> str:
        """Path as it stands in tables: relative to the session folder."""
        return path.relative_to(self.session).as_posix()
