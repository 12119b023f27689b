"""What a worker needs to know to classify particles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from frazil.model.classes import ParticleCtf


@dataclass(frozen=True)
class ClassifyTask:
    """Particles and how to classify them.

    Attributes
    ----------
    stacks, index
        Image stack (absolute) of each of P particles, and the place in it from 0.
    names
        The stacks' names in the result.
    ctf, pixel_size_a
        Of the particles.
    classes, mask_radius_a, initial_resolution_a, final_resolution_a, seed, automask, autocentre
        Settings of the classification.
    folder
        Where the result goes; it must not exist. It appears whole or not at all.
    fingerprint
        Goes into the summary.
    """

    stacks: tuple[Path, ...]
    index: NDArray[np.int64]
    names: tuple[str, ...]
    ctf: ParticleCtf
    pixel_size_a: float
    classes: int
    mask_radius_a: float
    initial_resolution_a: float
    final_resolution_a: float
    seed: int
    folder: Path
    fingerprint: str = ""
    automask: bool = False
    autocentre: bool = True
    device: str = "cpu"
    depth: Literal["float16", "float32"] = "float16"
