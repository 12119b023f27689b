"""The command line. Nothing heavy is imported before a command runs: ``frazil --help`` is quick."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from frazil import __version__
from frazil.cli import exports, filters, people, session_archive, settings, track
from frazil.cli.classify import classify
from frazil.cli.ctf import ctf
from frazil.cli.demo import demo
from frazil.cli.doctor import doctor
from frazil.cli.process import process
from frazil.cli.serve import serve
from frazil.cli.simulate import simulate
from frazil.cli.simulate_warp import simulate_warp

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130

app = typer.Typer(
    name="frazil",
    help="Live processing of single-particle cryo-EM data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (demo, serve, process, ctf, classify, simulate, simulate_warp, doctor):
    app.command()(command)
for name, commands in (
    ("sessions", session_archive.app),
    ("track", track.app),
    ("settings", settings.app),
    ("filters", filters.app),
    ("exports", exports.app),
    ("users", people.users),
    ("groups", people.groups),
    ("tokens", people.tokens),
):
    app.add_typer(commands, name=name)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"frazil {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Live processing of single-particle cryo-EM data."""


def _terminated(number: int, frame: object) -> None:  # noqa: ARG001
    # Unwinds like Ctrl-C, so that workers are stopped and nothing half-written stays behind.
    raise KeyboardInterrupt


def main() -> None:
    """Run ``frazil`` and turn what goes wrong into a message and an exit status."""
    from frazil.engine.worker_process import LIBRARY_THREADS

    signal.signal(signal.SIGTERM, _terminated)
    os.environ.update(LIBRARY_THREADS)
    status = _run()
    if status == INTERRUPTED:
        typer.echo("frazil: interrupted; what was finished is kept, run again to go on", err=True)
    sys.exit(status)


def _run() -> int:
    from frazil.model.errors import FrazilError

    try:
        # Typer hands back the status of a command that left early, an interrupted one among them.
        status = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except FrazilError as error:
        typer.echo(f"frazil: {error}", err=True)
        status = getattr(error, "exit_status", WRONG_USAGE)
        return status if isinstance(status, int) else WRONG_USAGE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"frazil: {where}{error.strerror or error}", err=True)
        return FAILED
    except Exception as error:
        # Errors of the command line itself know how to show themselves.
        show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if show is None or not isinstance(code, int):
            raise
        show()
        return code
    return status if isinstance(status, int) else 0
