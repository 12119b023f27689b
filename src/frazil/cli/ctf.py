"""``frazil ctf``: fit one file."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer


def ctf(
    file: Annotated[Path, typer.Argument(help="MRC (or TIFF) file with one image.")],
    pixel_size_a: Annotated[
        float, typer.Option(help="Pixel of the image, or of what the spectrum is of, Å.")
    ],
    voltage_kv: Annotated[float, typer.Option(help="Acceleration voltage, kV.")] = 300.0,
    cs_mm: Annotated[float, typer.Option(help="Spherical aberration, mm.")] = 2.7,
    amplitude_contrast: Annotated[float, typer.Option(help="Amplitude contrast, 0 to 1.")] = 0.07,
    spectrum: Annotated[
        bool,
        typer.Option("--spectrum", help="The file is an amplitude spectrum, zero frequency at the centre."),
    ] = False,
    micrograph: Annotated[
        bool, typer.Option("--micrograph", help="The file is an averaged micrograph.")
    ] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Other settings of the CTF fit.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Write the spectrum with the fit as JPEG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
) -> None:
    """Estimate defocus and astigmatism of one micrograph or spectrum.

    Exit status: 0 rings were found, 1 no Thon rings, 2 the file or an option can't be used.
    """
    from frazil.app.ctf_file import CtfRequest, fit_file
    from frazil.cli.process import pairs
    from frazil.model.errors import InputError

    if spectrum == micrograph:
        raise InputError("say what the file is: either --micrograph or --spectrum")
    values = {
        **pairs(settings or []),
        "pixel_size_a": pixel_size_a,
        "voltage_kv": voltage_kv,
        "cs_mm": cs_mm,
        "amplitude_contrast": amplitude_contrast,
    }
    report = fit_file(CtfRequest(file, values, is_spectrum=spectrum, picture=picture))
    typer.echo(report.as_json() if as_json else report.as_text())
    raise typer.Exit(0 if report.fit.has_rings else 1)
