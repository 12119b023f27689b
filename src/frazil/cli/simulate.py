"""``frazil simulate``: movies of a virtual microscope, with known truth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer


class MovieFormat(StrEnum):
    """File format of the movies."""

    TIFF = "tiff"
    EER = "eer"
    MRC = "mrc"


class Carbon(StrEnum):
    """Carbon in the field."""

    NONE = "none"
    EDGE = "edge"
    ALL = "all"


def simulate(
    out: Annotated[Path, typer.Option(help="Folder for movies, gain reference and truth.")],
    movies: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    size: Annotated[str, typer.Option(help="Pixels: 1024, or width x height as 5760x4092.")] = "1024",
    frames: Annotated[int, typer.Option(min=1, help="Frames of a movie.")] = 20,
    specimen: Annotated[
        str, typer.Option(help="apoferritin, proteasome, ribosome, …; several with commas, mixed.")
    ] = "apoferritin",
    seed: Annotated[int, typer.Option(help="Equal seeds give equal movies.")] = 1,
    movie_format: Annotated[MovieFormat, typer.Option("--format", help="File format.")] = MovieFormat.TIFF,
    pixel_size_a: Annotated[float, typer.Option(help="Pixel, Å.")] = 1.0,
    voltage_kv: Annotated[float, typer.Option(help="Acceleration voltage, kV.")] = 300.0,
    cs_mm: Annotated[float, typer.Option(help="Spherical aberration, mm.")] = 2.7,
    amplitude_contrast: Annotated[float, typer.Option(help="Amplitude contrast, 0 to 1.")] = 0.07,
    dose_per_movie_e_per_a2: Annotated[float, typer.Option(help="Dose of a movie, e/Å².")] = 40.0,
    defocus_a: Annotated[float, typer.Option(help="Typical defocus, Å; movies vary around it.")] = 15_000.0,
    particles: Annotated[int | None, typer.Option(help="Per movie; by default about as many as fit.")] = None,
    spacing: Annotated[float, typer.Option(help="Mean distance of neighbours in diameters.")] = 1.6,
    ice_thickness_a: Annotated[float, typer.Option(help="Typical ice thickness, Å.")] = 350.0,
    drift_a: Annotated[float, typer.Option(help="Typical global drift, Å.")] = 10.0,
    local_motion_a: Annotated[float, typer.Option(help="Typical local motion, Å.")] = 2.0,
    carbon: Annotated[Carbon, typer.Option(help="Carbon in every field.")] = Carbon.NONE,
    clean: Annotated[
        bool, typer.Option(help="No carbon edges, crystals, empty or drifted exposures.")
    ] = False,
    micrographs: Annotated[bool, typer.Option(help="Aligned averages instead of movies.")] = False,
    rate: Annotated[
        float | None, typer.Option(help="Movies per hour, arriving as growing files; default: at once.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on where the same command was ended before.")] = False,
) -> None:
    """Write movies of a virtual microscope, a gain reference, and the truth about every one of them."""
    from rich.console import Console
    from rich.progress import track

    from frazil.microscope.acquisition import acquire, exposures
    from frazil.microscope.settings import ExposureSettings
    from frazil.microscope.specimens import load_specimen
    from frazil.model.errors import InputError
    from frazil.model.optics import Optics

    width_px, height_px = parse_size(size)
    if rate is not None and not rate > 0:
        raise InputError(f"--rate {rate}: movies per hour must be positive")
    names = tuple(name.strip() for name in specimen.split(",") if name.strip())
    for name in names:
        load_specimen(name)
    base = ExposureSettings(
        height_px=height_px,
        width_px=width_px,
        frames=frames,
        pixel_size_a=pixel_size_a,
        optics=Optics(voltage_kv, cs_mm, amplitude_contrast),
        dose_per_frame_e_per_a2=dose_per_movie_e_per_a2 / frames,
        defocus_u_a=defocus_a,
        defocus_v_a=defocus_a,
        specimens=names,
        particles=particles,
        spacing=spacing,
        ice_thickness_a=ice_thickness_a,
        drift_total_a=0.5 * drift_a,
        drift_burst_a=0.5 * drift_a,
        local_motion_a=local_motion_a,
        doming_a=0.5 * local_motion_a,
        carbon=carbon.value,
        detector_seed=seed,
    )
    session = exposures(base, movies, seed, varied=not clean)
    console = Console(stderr=True)
    files = acquire(
        out, session, movie_format.value, micrographs=micrographs, movies_per_hour=rate, resume=resume
    )
    for _ in track(files, "Exposing", total=movies, console=console):
        pass
    suffix = ".mrc" if micrographs else {"tiff": ".tiff", "eer": ".eer", "mrc": ".mrcs"}[movie_format.value]
    gain = "" if micrographs else f" --gain {out / ('gain.gain' if suffix == '.eer' else 'gain.mrc')}"
    console.print(
        f"frazil process '{out}/*{suffix}' --session OUT --pixel-size-a {pixel_size_a:g}"
        f" --voltage-kv {voltage_kv:g} --cs-mm {cs_mm:g} --amplitude-contrast {amplitude_contrast:g}"
        f" --dose-per-movie-e-per-a2 {dose_per_movie_e_per_a2:g}{gain}"
        f"{' --micrographs' if micrographs else ''} --particle-diameter-a"
        f" {max(load_specimen(name).diameter_a for name in names):.0f}",
        soft_wrap=True,
        highlight=False,
    )


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from ``1024`` or ``5760x4092``."""
    from frazil.model.errors import InputError

    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.strip().isdigit() for part in parts):
        raise InputError(f"--size {text!r}: give one number, or width x height as 5760x4092")
    return int(parts[0]), int(parts[-1])
