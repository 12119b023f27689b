"""``frazil process``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frazil.model.settings import Settings


class Device(StrEnum):
    """Where to compute."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Depth(StrEnum):
    """How averages and particles are stored."""

    FLOAT16 = "float16"
    FLOAT32 = "float32"


def process(
    movies: Annotated[
        list[str], typer.Argument(help="Movies: files, folders, or a quoted pattern 'DIR/*.tiff'.")
    ],
    session: Annotated[Path, typer.Option(help="Session folder for everything that comes out; made if new.")],
    pixel_size_a: Annotated[float | None, typer.Option(help="Pixel of the movies as stored, Å.")] = None,
    voltage_kv: Annotated[float | None, typer.Option(help="Acceleration voltage, kV.")] = None,
    cs_mm: Annotated[float | None, typer.Option(help="Spherical aberration, mm [2.7].")] = None,
    amplitude_contrast: Annotated[
        float | None, typer.Option(help="Amplitude contrast, 0 to 1 [0.07].")
    ] = None,
    dose_per_movie_e_per_a2: Annotated[
        float | None, typer.Option(help="Dose of the whole exposure, e/Å².")
    ] = None,
    gain: Annotated[Path | None, typer.Option(help="Gain reference: MRC, TIFF, DM3, DM4 or .gain.")] = None,
    defects: Annotated[Path | None, typer.Option(help="Defect list or map.")] = None,
    particle_diameter_a: Annotated[float | None, typer.Option(help="Diameter of the particles, Å.")] = None,
    classes: Annotated[int | None, typer.Option(min=0, help="2D classes; 0: no classification [50].")] = None,
    micrographs: Annotated[
        bool, typer.Option("--micrographs", help="The input is averaged already: no alignment.")
    ] = False,
    output_depth: Annotated[
        Depth | None, typer.Option(help="How images are stored [float16]; RELION 3 and cisTEM need float32.")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.AUTO,
    workers: Annotated[int | None, typer.Option(min=1, help="Movies at a time [1].")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of each worker [all cores].")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting; may be given several times."),
    ] = None,
    list_settings: Annotated[  # noqa: ARG001 - handled by its callback
        bool,
        typer.Option(
            "--list-settings",
            is_eager=True,
            callback=lambda wanted: _list_settings(wanted),
            help="Show all settings that --set takes.",
        ),
    ] = False,
) -> None:
    """Turn movies into micrographs, CTF fits, picks, particles and 2D classes.

    Run again, it does only what is missing or what changed settings make outdated. Exit status: 0
    all is well, 1 some movies failed and the rest was processed, 2 wrong usage or no input.
    """
    from frazil.app.process import process as run
    from frazil.app.process_request import ProcessRequest
    from frazil.cli.output import tell_first_run
    from frazil.cli.progress import reporter

    values: dict[str, object] = pairs(settings or [])
    given = {
        "pixel_size_a": pixel_size_a,
        "voltage_kv": voltage_kv,
        "cs_mm": cs_mm,
        "amplitude_contrast": amplitude_contrast,
        "dose_per_movie_e_per_a2": dose_per_movie_e_per_a2,
        "gain_path": str(gain.absolute()) if gain else None,
        "defects_path": str(defects.absolute()) if defects else None,
        "output_depth": output_depth.value if output_depth else None,
        "class_count": classes or None,
    }
    with reporter() as report:
        tell_first_run("classify2d" if micrographs else "motion", report.message)
        request = ProcessRequest(
            patterns=movies,
            session=session,
            settings=_settings(given, values, particle_diameter_a, micrographs=micrographs),
            device=device.value,
            workers=workers,
            threads=threads,
            classify=classes != 0,
        )
        result = run(request, report)
        report.summary(result)
    raise typer.Exit(result.exit_status)


def pairs(words: list[str]) -> dict[str, object]:
    """Split the words of ``--set`` into names and values."""
    from frazil.model.errors import InputError

    values: dict[str, object] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise InputError(f"--set {word}: must be NAME=VALUE")
        if name in values:
            raise InputError(f"--set {name}: is given twice")
        values[name.strip()] = value.strip()
    return values


def _settings(
    given: Mapping[str, object], values: dict[str, object], diameter_a: float | None, *, micrographs: bool
) -> Settings:
    from frazil.app.process_settings import refuse_without_effect
    from frazil.model.errors import InputError
    from frazil.model.settings import Settings, with_values

    options = {name: value for name, value in given.items() if value is not None}
    if diameter_a is not None:
        options["particle_diameter_min_a"] = options["particle_diameter_max_a"] = diameter_a
    if twice := sorted(set(options) & set(values)):
        raise InputError(f"{twice[0]} is given as an option and by --set")
    refuse_without_effect({**options, **values}, micrographs=micrographs)
    if micrographs:
        options["kind"] = "micrographs"
    return with_values(Settings(), {**options, **values})


def _list_settings(wanted: bool) -> None:
    if not wanted:
        return
    from frazil.app.process_settings import settings_with_effect
    from frazil.model.settings import all_settings

    for name in settings_with_effect():
        info = all_settings()[name]
        default = "auto" if info.default is None else info.default
        meaning = f" ({info.meaning})" if info.meaning else ""
        typer.echo(f"{name}\n    {info.label}{meaning}: {info.allowed} [{default}]")
    raise typer.Exit
