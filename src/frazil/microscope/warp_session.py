"""A virtual microscope with Warp beside it: movies of particles that appear in a Warp folder one by one."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import numpy as np

from frazil.microscope.particles import simulate_particles
from frazil.microscope.warp_output import WarpOutput, WarpParticles
from frazil.model.optics import Optics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from frazil.microscope.particles import SimulatedParticles

_AVERAGE_PX = 1000.0


def expose_beside_warp(
    output: WarpOutput,
    specimens: Sequence[str],
    *,
    movies: int,
    particles_per_movie: int,
    snr: float | None = None,
    junk_fraction: float = 0.1,
    views_per_specimen: int | None = None,
    movies_per_hour: float | None = None,
    seed: int = 1,
) -> Iterator[str]:
    """Write a session as Warp would have processed it; yields the name of each movie when it is complete.

    Box, pixel size and optics are those of ``output.choices``. ``truth/<movie>.json`` says of each particle
    which specimen it is (-1: junk).

    Parameters
    ----------
    output
        The Warp folder; its settings are written first.
    specimens
        Names of specimens, mixed.
    movies, particles_per_movie
        How many.
    snr, junk_fraction, views_per_specimen, seed
        As of `simulate_particles`.
    movies_per_hour
        None: as fast as possible.
    """
    choices = output.choices
    simulated = simulate_particles(
        specimens,
        movies * particles_per_movie,
        choices.box_px,
        choices.particle_pixel_size_a,
        Optics(choices.voltage_kv, choices.cs_mm, choices.amplitude_contrast),
        snr=snr,
        astigmatism_a=0.0,
        junk_fraction=junk_fraction,
        views_per_specimen=views_per_specimen,
        seed=seed,
    )
    output.save_settings()
    (output.folder / "truth").mkdir(exist_ok=True)
    rng = np.random.default_rng([seed, 7])
    # Particles of one movie have nearly the same defocus.
    groups = np.split(np.argsort(simulated.ctf.defocus_u_a), movies)
    begun = time.monotonic()
    for number, place in enumerate(rng.permutation(movies)):
        if movies_per_hour is not None:
            time.sleep(max(0.0, begun + number * 3600.0 / movies_per_hour - time.monotonic()))
        name = f"movie_{number + 1:04d}"
        chosen = groups[int(place)]
        truth = {
            "specimens": list(simulated.truth.specimens),
            "specimen_id": simulated.truth.specimen_id[chosen].tolist(),
        }
        (output.folder / "truth" / f"{name}.json").write_text(json.dumps(truth), "utf-8")
        centres = rng.uniform(50.0, _AVERAGE_PX - 50.0, (2, chosen.size))
        output.process(name, _of_movie(simulated, chosen, centres[0], centres[1]))
        yield name


def _of_movie(
    simulated: SimulatedParticles,
    chosen: np.ndarray[tuple[int], np.dtype[np.int64]],
    x_px: np.ndarray[tuple[int], np.dtype[np.float64]],
    y_px: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> WarpParticles:
    ctf = simulated.ctf
    return WarpParticles(
        images=simulated.images[chosen],
        x_px=x_px,
        y_px=y_px,
        defocus_u_a=ctf.defocus_u_a[chosen],
        defocus_v_a=ctf.defocus_v_a[chosen],
        astigmatism_angle_deg=ctf.astigmatism_angle_deg[chosen],
    )
