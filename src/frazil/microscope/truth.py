"""What is true of one exposure, and the files that say so."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from frazil.microscope.motion import TrueMotion
    from frazil.microscope.placement import ParticleTable
    from frazil.microscope.settings import ExposureSettings

MASK_BIN_PX = 8


@dataclass(frozen=True, eq=False)
class ExposureTruth:
    """Truth of one exposure.

    Attributes
    ----------
    settings
        How it was made: defocus, dose, ice, seeds.
    motion
        Where the specimen was.
    particles
        Every particle of the field and a little around it; picks are those that are ``visible``.
    masks
        Boolean maps of carbon, ice_crystal, aggregate and ethane, one value per `MASK_BIN_PX` pixels squared.
    mean_counts_per_px
        Expected mean of a raw frame (or micrograph), counts per pixel, dead and hot pixels left out.
    """

    settings: ExposureSettings
    motion: TrueMotion
    particles: ParticleTable
    masks: dict[str, NDArray[np.bool_]]
    mean_counts_per_px: float

    def displacement_a(self, x_px: ArrayLike, y_px: ArrayLike) -> NDArray[np.float64]:
        """Give u_f at positions (...) as `frazil.model.motion.MotionField` does: shape (F, ..., 2), Å."""
        return self.motion.displacement_a(x_px, y_px)

    @property
    def contaminated(self) -> NDArray[np.bool_]:
        """All masks together."""
        result: NDArray[np.bool_] = np.logical_or.reduce(list(self.masks.values()))
        return result

    def as_dict(self) -> dict[str, Any]:
        """Everything but the masks, for JSON. Motion is sampled on a grid of 9 x 9 points."""
        p, s = self.particles, self.settings
        x = np.linspace(0, s.width_px - 1, 9)
        y = np.linspace(0, s.height_px - 1, 9)
        return {
            "settings": asdict(s),
            "mean_counts_per_px": self.mean_counts_per_px,
            "motion": {
                "convention": "u_f in A from the first frame; aligned(x) = frame_f(x + u_f / pixel_size_a)",
                "global_a": self.motion.global_shift_a.round(4).tolist(),
                "grid_x_px": x.tolist(),
                "grid_y_px": y.tolist(),
                "grid_fyxc_a": self.displacement_a(x[None, :], y[:, None]).round(4).tolist(),
            },
            "particles": {
                "x_px": p.x_px.round(3).tolist(),
                "y_px": p.y_px.round(3).tolist(),
                "z_a": p.z_a.round(2).tolist(),
                "specimen": [s.specimens[i] for i in p.specimen_id],
                "rotation": p.rotation.round(6).reshape(-1, 9).tolist(),
                "visible": p.visible.tolist(),
                "overlapping": p.overlapping.tolist(),
            },
        }

    def write(self, path: Path) -> None:
        """Write ``path`` (JSON) and the masks beside it as ``.masks.npz``."""
        path.write_text(json.dumps(self.as_dict(), indent=1), encoding="utf-8")
        np.savez_compressed(path.with_suffix(".masks.npz"), bin_px=np.int64(MASK_BIN_PX), **self.masks)  # type: ignore[arg-type]
