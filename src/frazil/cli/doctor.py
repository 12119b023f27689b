"""``frazil doctor``: is this machine fit, and does every stage give the right answer."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from frazil.cli.process import Device


def doctor(
    folder: Annotated[
        Path | None, typer.Option(help="Folder whose disk is looked at [the present one].")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.AUTO,
) -> None:
    """Report devices, disk and memory, and run a known-answer test of every stage.

    Exit status: 0 all is well, 1 something is wrong.
    """
    from pathlib import Path as AnyPath

    from frazil.app.doctor import examine

    healthy = True
    for finding in examine(folder or AnyPath.cwd(), device.value):
        typer.echo(finding.line())
        healthy = healthy and finding.ok
    typer.echo("all is well" if healthy else "something is wrong: see above")
    raise typer.Exit(0 if healthy else 1)
