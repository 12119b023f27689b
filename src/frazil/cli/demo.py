"""``frazil demo``: a virtual microscope, a server, and a session whose tracks run."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frazil.cli.serve import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess

    from frazil.app.hub import Hub

MOVIES = 2000
NAME = "Demo"
_SIZE_PX, _FRAMES, _PIXEL_SIZE_A, _DOSE_E_PER_A2, _SEED = 1024, 20, 1.5, 40.0, 1
_GAIN_WITHIN_S = 180.0
_STEP_BACK = 10


def demo(
    folder: Annotated[Path, typer.Argument(help="For everything; a second start goes on with it.")] = Path(
        "demo"
    ),
    seconds_per_movie: Annotated[
        float, typer.Option(min=2.0, max=3600.0, help="How often the microscope exposes.")
    ] = 10.0,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the server.")] = 8181,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Show a live session without a microscope, until Ctrl-C.

    A virtual microscope writes movies of apoferritin into FOLDER/microscope; the server's session in
    FOLDER/session transfers, processes and classifies them as they come.
    """
    from frazil.app.config import load_config

    folder = folder.expanduser().absolute()
    microscope = folder / "microscope"
    config = load_config(
        {
            "data_folder": folder / "server",
            "port": port,
            "roots": (folder,),
            "microscope_name": "Frazil demo: a virtual microscope",
        }
    )
    with _microscope(microscope, seconds_per_movie), running(config) as server:
        began = time.monotonic()
        session = _session(server.hub, folder)
        _tell(f"a virtual microscope writes a movie every {seconds_per_movie:g} s into {microscope}")
        greeting = server.greeting()
        for line in greeting:
            typer.echo(line)
        typer.echo(f"Commands: FRAZIL_DATA_FOLDER={folder / 'server'} frazil sessions show S{session}")
        typer.echo("Ctrl-C stops everything; the same command goes on from there.")
        link = greeting[-1].split()[-1] if browser and _has_screen() else ""
        guide = threading.Thread(target=_guide, args=(server.hub, session, began, folder, link), daemon=True)
        guide.start()
        server.run()
        _tell("stopping")
    _tell("stopped; the same command goes on from here")


def _session(hub: Hub, folder: Path) -> int:
    """Make the session of the demo, or find the one of an earlier start; its tracks run."""
    from frazil.app import controls, sessions
    from frazil.app.access import SERVER

    place = str(folder / "session")
    known = [view["id"] for view in sessions.listed(hub, SERVER) if view["folder"] == place]
    session = int(known[0]) if known else int(sessions.create(hub, SERVER, _settings(folder))["id"])
    controls.start_all(hub, SERVER, session)
    return session


def _settings(folder: Path) -> dict[str, Any]:
    """Choose settings: a small camera, quick files, few particles before the first classes."""
    microscope = folder / "microscope"
    return {
        "name": NAME,
        "folder": str(folder / "session"),
        "source_path": str(microscope),
        "source_recursive": False,
        "file_patterns": ["*.tiff"],
        "gain_path": str(microscope / "gain.mrc"),
        "pixel_size_a": _PIXEL_SIZE_A,
        "voltage_kv": 300.0,
        "cs_mm": 2.7,
        "amplitude_contrast": 0.07,
        "dose_per_movie_e_per_a2": _DOSE_E_PER_A2,
        "particle_diameter_min_a": 120.0,
        "particle_diameter_max_a": 140.0,
        "min_age_s": 2,
        "settle_s": 2,
        "poll_s": 2,
        "min_free_gb": 1.0,
        "class_count": 10,
        "stream_start_particles": 300,
        "publish_s": 10,
    }


@contextlib.contextmanager
def _microscope(folder: Path, seconds_per_movie: float) -> Iterator[None]:
    """Let the virtual microscope expose in a process of its own, which ends with this one."""
    import multiprocessing

    from frazil.model.errors import InputError

    folder.mkdir(parents=True, exist_ok=True)
    process = multiprocessing.get_context("spawn").Process(
        target=expose, args=(folder, seconds_per_movie), name="frazil-microscope", daemon=True
    )
    process.start()
    try:
        if not _appears(folder / "gain.mrc", process):
            raise InputError(f"{folder}: the virtual microscope did not start")
        yield
    finally:
        process.terminate()
        process.join(5.0)
        if process.is_alive():
            process.kill()
            process.join()


def _appears(file: Path, process: BaseProcess) -> bool:
    deadline = time.monotonic() + _GAIN_WITHIN_S
    while not file.exists():
        process.join(0.1)
        if process.exitcode is not None or time.monotonic() > deadline:
            return False
    return True


def expose(folder: Path, seconds_per_movie: float) -> None:
    """Expose movie after movie, going on after the last one; runs in the microscope's own process."""
    import signal

    from frazil.microscope.acquisition import acquire, exposures
    from frazil.microscope.settings import ExposureSettings

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The microscope's own computer would be another one: here it must not take the cores from the processing.
    os.nice(_STEP_BACK)
    base = ExposureSettings(
        height_px=_SIZE_PX,
        width_px=_SIZE_PX,
        frames=_FRAMES,
        pixel_size_a=_PIXEL_SIZE_A,
        dose_per_frame_e_per_a2=_DOSE_E_PER_A2 / _FRAMES,
        spacing=1.2,
        detector_seed=_SEED,
    )
    session = exposures(base, MOVIES, _SEED, varied=False)
    for _ in acquire(folder, session, movies_per_hour=3600.0 / seconds_per_movie, resume=True):
        pass


def _end_with_parent() -> None:
    import multiprocessing
    from multiprocessing import connection

    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _guide(hub: Hub, session: int, began: float, folder: Path, link: str) -> None:
    """Say what happens, once each: the first micrograph, the first classes."""
    from frazil.app.access import SERVER
    from frazil.app.strip import strip

    if link:
        import webbrowser

        webbrowser.open(link)
    changed = threading.Event()
    hub.feed.listen(changed.set)
    before = strip(hub, SERVER, session)
    if before["done"]:
        _tell(f"going on after {before['done']} micrograph(s) and {before['particles']} particles")
    micrographs = before["done"]
    classes = before["classes"]["number"] if before["classes"] else 0
    waits = {"micrograph", "classes"}
    while waits:
        changed.wait()
        changed.clear()
        now = strip(hub, SERVER, session)
        seconds = time.monotonic() - began
        if "micrograph" in waits and now["done"] > micrographs:
            waits.remove("micrograph")
            kind = "next" if micrographs else "first"
            _tell(f"{kind} micrograph after {seconds:.0f} s: {folder / 'session' / 'pictures'}")
        if "classes" in waits and now["classes"] and now["classes"]["number"] > classes:
            waits.remove("classes")
            kind = "next" if classes else "first"
            found = now["classes"]
            place = folder / "session" / "classes"
            _tell(f"{kind} class averages after {seconds:.0f} s, of {found['particles']} particles: {place}")


def _has_screen() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _tell(text: str) -> None:
    typer.echo(f"demo: {text}")
