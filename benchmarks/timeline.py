"""What happens when, from the command to the picks: ``frazil process``, seen from inside.

    .venv/bin/python benchmarks/timeline.py --movies movie.tiff --gain gain.mrc --pixel-size-a 0.83 --out OUT

Runs the command itself, in this process and a worker of its own, with the functions below wrapped: when each
was called, on which thread, how long it took, and how much processor time the whole process used meanwhile
(two cores that are both busy give twice the wall time). Prints them in the order in which they began. The
wrapping costs a few milliseconds; kernels that numba compiles can't be wrapped and count to their callers.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_LOG = "FRAZIL_TIMELINE"
WATCHED = {
    "frazil.app.process": ("process", "_Run._start", "_Run._expected_size", "_Run._collect", "_Run.close"),
    "frazil.engine.pipes": ("PipeWorker.end",),
    "frazil.engine.worker_process": ("prepare_process",),
    "frazil.stages.loading": ("_load", "finish"),
    "frazil.stages.preprocess": ("preprocess", "_run_stage"),
    "frazil.stages.load_frames": ("load_movie", "_gain"),
    "frazil.stages.frames": ("_store_star", "_store_field"),
    "frazil.stages.averaged": ("store_previews",),
    "frazil.stages.exposure": ("Exposure.keep_micrograph", "Exposure.preview"),
    "frazil.stages.beside": ("Beside.finish",),
    "frazil.stages.spectrum_picture": ("spectrum_picture",),
    "frazil.stages.pictures": ("profile_picture", "with_circles"),
    "frazil.formats.mrc_write": ("write_mrc",),
    "frazil.formats.relion_micrographs": ("write_picks",),
    "frazil.compute.motion.prepare": (
        *("prepare_movie", "_normalised_gain", "_binned_gain", "_bad_pixels", "_gain_correlation"),
        *("_replace", "_usable"),
    ),
    "frazil.compute.motion.align": ("align_frames", "_trust"),
    "frazil.compute.motion.frame_spectra": ("FrameSpectra.frames",),
    "frazil.compute.motion.global_fit": ("candidate_priors", "fit_global", "_fit_level", "refine_global"),
    "frazil.compute.motion.search": ("first_guess",),
    "frazil.compute.motion.emphasis": ("signal_window",),
    "frazil.compute.motion.patches": ("cut_patches",),
    "frazil.compute.motion.local_fit": ("fit_local", "_fit_level"),
    "frazil.compute.motion.sum_plan": ("plan_sums", "block_weights"),
    "frazil.compute.motion.sums_cpu": ("sum_on_cpu",),
    "frazil.compute.motion.sums": ("sum_frames",),
    "frazil.compute.motion.group_spectra": ("tile_power",),
    "frazil.compute.ctf.estimate": ("estimate_ctf", "average_spectrum"),
    "frazil.compute.picking.pick": ("pick_particles",),
    "frazil.compute.extraction": ("extract_particles",),
}


_HEAVY = ("torch", "numba", "numpy", "scipy.ndimage", "scipy.optimize", "pyarrow", "pydantic", "typer")


def _now() -> tuple[float, float, float]:
    """Clock, processor time of the process, and how much of that the system took for it, seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic(), usage.ru_utime + usage.ru_stime, usage.ru_stime


def _note(name: str, began: tuple[float, float, float]) -> None:
    ended = _now()
    line = json.dumps(
        {
            "process": "parent" if __name__ == "__main__" else "worker",
            "thread": threading.current_thread().name,
            "what": name,
            "began": began[0],
            "wall": ended[0] - began[0],
            "busy": ended[1] - began[1],
            "system": ended[2] - began[2],
        }
    )
    with Path(os.environ[_LOG]).open("a") as log:
        log.write(line + "\n")


def _watched(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def watched(*arguments: Any, **named: Any) -> Any:
        began = _now()
        try:
            return function(*arguments, **named)
        finally:
            text = [str(each) for each in arguments if isinstance(each, str | Path)]
            _note(f"{name} {text[0][-24:] if text else ''}", began)

    return watched


def _wrap(module: ModuleType) -> None:
    short = module.__name__.rpartition(".")[2]
    for path in WATCHED[module.__name__]:
        owner: Any = module
        *outer, last = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        function = getattr(owner, last)
        setattr(owner, last, _watched(function, f"{short}.{path}"))


def _then_wrap(run: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    def exec_module(module: ModuleType) -> None:
        began = _now()
        run(module)
        if module.__name__ in WATCHED:
            _wrap(module)
        else:
            _note(f"import {module.__name__}", began)

    return exec_module


class _Finder(importlib.abc.MetaPathFinder):
    """Wraps the functions of a module before anybody can import them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in WATCHED and name not in _HEAVY:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        for finder in others:
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                vars(spec.loader)["exec_module"] = _then_wrap(spec.loader.exec_module)
                return spec
        return None


def _begun() -> float:
    """When this process began, on the clock of `time.monotonic`."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


if os.environ.get(_LOG):
    # The command's own process, and each worker that it starts, which imports this module first.
    sys.meta_path.insert(0, _Finder())
    _note("(python starts)", (_begun(), 0.0, 0.0))


def main() -> None:
    import argparse
    import atexit
    import shutil
    import subprocess

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--movies", type=Path, nargs="+", required=True)
    parser.add_argument("--gain", type=Path)
    parser.add_argument("--pixel-size-a", type=float, required=True)
    parser.add_argument("--dose-per-movie-e-per-a2", type=float, default=40.0)
    parser.add_argument("--particle-diameter-a", type=float, default=130.0)
    parser.add_argument("--out", type=Path, required=True, help="A folder for the session; replaced.")
    parser.add_argument("--least-s", type=float, default=0.02, help="Leave out what was shorter.")
    arguments = parser.parse_args()
    if os.environ.get(_LOG):
        atexit.register(lambda: _note("(python ends)", _now()))
        sys.argv = [
            "frazil",
            "process",
            *map(str, arguments.movies),
            "--session",
            str(arguments.out / "session"),
        ]
        sys.argv += ["--pixel-size-a", str(arguments.pixel_size_a), "--voltage-kv", "300", "--classes", "0"]
        sys.argv += ["--dose-per-movie-e-per-a2", str(arguments.dose_per_movie_e_per_a2)]
        sys.argv += ["--particle-diameter-a", str(arguments.particle_diameter_a)]
        sys.argv += ["--gain", str(arguments.gain)] if arguments.gain else []
        from frazil.cli.main import main as command

        command()
        return
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    log = arguments.out / "timeline.jsonl"
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, *sys.argv], env=os.environ | {_LOG: str(log)})
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.monotonic()
    process.returncode = os.waitstatus_to_exitcode(status)
    rows = sorted((json.loads(line) for line in log.read_text().splitlines()), key=lambda row: row["began"])
    print("begins    wall    busy  system  process thread           what")
    for row in rows:
        if row["wall"] >= arguments.least_s or row["what"].startswith("("):
            print(
                f"{row['began'] - began:6.2f}  {row['wall']:6.2f}  {row['busy']:6.2f}  {row['system']:6.2f}  "
                f"{row['process']:7s} {row['thread'][:16]:16s} {row['what']}"
            )
    busy = usage.ru_utime + usage.ru_stime
    print(
        f"whole command: {ended - began:.2f} s, processor {busy:.2f} s ({usage.ru_stime:.2f} s of it system)"
    )


if __name__ == "__main__":
    main()
