"""``frazil classify``: 2D classes of anybody's particles."""

from __future__ import annotations

import functools
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from frazil.cli.process import Depth, Device


def classify(
    particles: Annotated[Path, typer.Argument(help="Particle STAR file of RELION 3.0 or later.")],
    out: Annotated[Path, typer.Option(help="Folder for the result; made if new.")],
    classes: Annotated[int, typer.Option(min=1, max=1000, help="Number of classes.")] = 50,
    mask_diameter_a: Annotated[
        float | None, typer.Option(min=20, help="Diameter of the mask, Å [0.9 of the box].")
    ] = None,
    initial_resolution_a: Annotated[float, typer.Option(help="Where the resolution begins, Å.")] = 40.0,
    final_resolution_a: Annotated[float, typer.Option(help="Where it ends, Å.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal classes.")] = 0,
    output_depth: Annotated[Depth, typer.Option(help="How averages are stored.")] = Depth.FLOAT32,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.AUTO,
    stream: Annotated[
        int | None,
        typer.Option(min=20, max=100_000, help="Take the particles in so many at a time, as if they came."),
    ] = None,
) -> None:
    """Sort particles into 2D classes.

    Writes particles.star (the table with class, angle, shifts), classes.mrcs, classes.jpg, summary.json and
    assignments.parquet. Particles must be white on dark, as RELION extracts them.

    With --stream the particles are classified batch by batch, each at its own small cost; interrupted, the
    same command goes on where it was.
    """
    from frazil.app.classify_star import ClassifyRequest, classify_star
    from frazil.cli.output import tell_first_run

    request = ClassifyRequest(
        particles=particles,
        out=out,
        classes=classes,
        mask_diameter_a=mask_diameter_a,
        initial_resolution_a=initial_resolution_a,
        final_resolution_a=final_resolution_a,
        seed=seed,
        depth=output_depth.value,
        device=device.value,
        stream=stream,
    )
    tell_first_run("classify2d", functools.partial(typer.echo, err=True))
    for line in classify_star(request):
        typer.echo(line, err=True)
