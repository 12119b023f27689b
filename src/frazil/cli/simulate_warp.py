"""``frazil simulate-warp``: a folder as Warp writes it while it follows a microscope."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer


def simulate_warp(
    out: Annotated[Path, typer.Option(help="The Warp folder.")],
    movies: Annotated[int, typer.Option(min=1, help="How many.")] = 40,
    particles: Annotated[int, typer.Option(min=1, max=2000, help="Per movie.")] = 100,
    specimen: Annotated[
        str, typer.Option(help="apoferritin, proteasome, ribosome, …; several with commas, mixed.")
    ] = "proteasome",
    box: Annotated[int, typer.Option(min=16, max=512, help="Pixels of a particle, even.")] = 64,
    particle_pixel_size_a: Annotated[float, typer.Option(min=0.5, help="Pixel of particles, Å.")] = 4.0,
    junk: Annotated[float, typer.Option(min=0.0, max=0.9, help="Share of junk.")] = 0.1,
    snr: Annotated[
        float | None, typer.Option(help="Signal over noise in the particle; default: as of 40 e/Å².")
    ] = None,
    version: Annotated[int, typer.Option(min=1, max=2, help="Warp's: 1 or 2.")] = 2,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal particles.")] = 1,
    rate: Annotated[float | None, typer.Option(help="Movies per hour; default: at once.")] = None,
) -> None:
    """Write settings, movies, stacks and particle tables as a running Warp does."""
    from rich.console import Console
    from rich.progress import track

    from frazil.microscope.specimens import load_specimen
    from frazil.microscope.warp_output import WarpChoices, WarpOutput
    from frazil.microscope.warp_session import expose_beside_warp
    from frazil.model.errors import InputError

    if rate is not None and not rate > 0:
        raise InputError(f"--rate {rate}: movies per hour must be positive")
    if box % 2:
        raise InputError(f"--box {box}: must be even")
    names = tuple(name.strip() for name in specimen.split(",") if name.strip())
    diameter_a = round(max(load_specimen(name).diameter_a for name in names))
    output = WarpOutput(
        out,
        WarpChoices(
            pixel_size_a=particle_pixel_size_a / 2.0, box_px=box, diameter_a=diameter_a, version=version
        ),
    )
    console = Console(stderr=True)
    written = expose_beside_warp(
        output,
        names,
        movies=movies,
        particles_per_movie=particles,
        snr=snr,
        junk_fraction=junk,
        movies_per_hour=rate,
        seed=seed,
    )
    for _ in track(written, "Exposing", total=movies, console=console):
        pass
    console.print(
        f"frazil sessions new NAME --warp {out.absolute()} --start", soft_wrap=True, highlight=False
    )
