"""The command line: quick to start, clear about what is wrong, and it leaves nothing half-written."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frazil.formats.mrc import write_mrc

if TYPE_CHECKING:
    from pathlib import Path

FRAZIL = [sys.executable, "-c", "from frazil.cli.main import main; main()"]
OPTICS = ["--pixel-size-a", "2", "--voltage-kv", "300"]
MICROGRAPHS = ["--micrographs", *OPTICS, "--particle-diameter-a", "128", "--classes", "0", "--device", "cpu"]


def frazil(*arguments: object, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command; ``limit``: no file may become larger, as on a full disk."""

    def restrict() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [*FRAZIL, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        preexec_fn=restrict,
    )


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name.endswith(".part")]


def test_the_module_that_the_command_begins_in_is_empty_and_runs_it() -> None:
    program = (
        "import sys\nfrom frazil.cli.start import main\n"
        "print([name for name in ('typer', 'frazil.cli.main') if name in sys.modules])\n"
        "sys.argv = ['frazil', '--version']\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "[]" and done.stdout.splitlines()[1].startswith("frazil ")


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom frazil.cli.main import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'numba', 'numpy', 'scipy', 'pyarrow', 'pydantic', 'PIL', 'httpx', 'sqlalchemy',\n"
        "         'fastapi', 'uvicorn', 'distributed'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    begin = os.times()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    spent = os.times()
    assert done.returncode == 0, done.stderr
    commands = ("demo", "serve", "sessions", "track", "settings", "process", "ctf", "simulate", "doctor")
    assert all(command in done.stdout for command in commands)
    # Time of the processor, not of the clock: tests run side by side.
    assert spent.children_user - begin.children_user + spent.children_system - begin.children_system < 0.5


def test_libraries_keep_to_one_thread_whatever_the_environment_says() -> None:
    code = (
        "import sys, os; from frazil.cli.main import main; sys.argv = ['frazil', '--version']\n"
        "try: main()\n"
        "finally: print(os.environ['OMP_NUM_THREADS'], os.environ['OPENBLAS_NUM_THREADS'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "8"},
    )
    assert done.stdout.split()[-2:] == ["1", "1"]


def test_planning_needs_no_torch() -> None:
    program = (
        "import sys\nimport frazil.app.process\n"
        "heavy = {'torch', 'numba'} & set(sys.modules)\nsys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["process", "nothing*.tif", "--session", "s", *MICROGRAPHS], "nothing*.tif: no such file"),
        (["process", "x", "--session", "s", *OPTICS], "--particle-diameter-a"),
        (["process", "x", "--session", "s", "--set", "pixle_size_a=1"], "did you mean pixel_size_a"),
        (
            ["process", "x", "--session", "s", "--pixel-size-a", "-1"],
            "pixel_size_a=-1.0: must be a number from 0.1",
        ),
        (["process", "x", "--session", "s", "--set", "whiten=off"], "whiten has no effect here: spectra"),
        (["process", "x", "--session", "s", "--set", "picking_method=model"], "here it is blob or none"),
        (["process", "x", "--session", "s", *MICROGRAPHS, "--gain", "g.mrc"], "have no frames"),
        (["process", "x", "--session", "s", "--set", "cs_mm"], "must be NAME=VALUE"),
        (["process", "x", "--session", "s", "--cs-mm", "2", "--set", "cs_mm=2"], "as an option and by --set"),
        (["process", "x"], "--session"),
        (["ctf", "x.mrc", "--pixel-size-a", "1"], "either --micrograph or --spectrum"),
        (["ctf", "x.mrc", "--pixel-size-a", "1", "--micrograph"], "x.mrc"),
        (["classify", "no.star", "--out", "o"], "no.star"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*FRAZIL, *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_full_disk_is_named_and_leaves_nothing_half_written(
    virtual_micrographs: Path, tmp_path: Path
) -> None:
    done = frazil(
        "process", virtual_micrographs / "*.mrc", "--session", tmp_path / "s", *MICROGRAPHS, limit=100_000
    )
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr
    assert "micrographs/movie_0001.mrc" in done.stderr
    assert "2 failed" in done.stderr
    assert not parts(tmp_path)
    assert not list((tmp_path / "s" / "micrographs").iterdir())
    # Once there is room, the same command finishes the work.
    done = frazil("process", virtual_micrographs / "*.mrc", "--session", tmp_path / "s", *MICROGRAPHS)
    assert done.returncode == 0, done.stderr
    assert "2 movies done, 0 failed" in done.stderr


def whole(session: Path) -> list[Path]:
    """Records of movies that are done; a record is there as soon as a movie's first stage is."""
    records = session.glob("records/*.json")
    return [path for path in records if "extract" in json.loads(path.read_bytes())["stages"]]


@pytest.mark.slow
def test_interrupted_work_is_kept_and_goes_on(virtual_micrographs: Path, tmp_path: Path) -> None:
    folder, session = tmp_path / "in", tmp_path / "s"
    folder.mkdir()
    for number in range(4):
        (folder / f"m{number}.mrc").symlink_to(virtual_micrographs / f"movie_000{1 + number % 2}.mrc")
    command = [*FRAZIL, "process", str(folder), "--session", str(session), *MICROGRAPHS]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    while not whole(session):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "run again to go on" in errors
    assert not parts(session)
    kept = {path: path.stat().st_mtime_ns for path in whole(session)}
    assert kept
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(rf", {len(kept)} (is|are) done already", done.stderr), done.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(session.glob("records/*.json"))) == 4


@pytest.mark.slow
def test_ctf_of_a_micrograph_as_json(virtual_micrographs: Path) -> None:
    done = frazil("ctf", virtual_micrographs / "movie_0001.mrc", "--micrograph", *OPTICS, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    true = json.loads((virtual_micrographs / "truth" / "movie_0001.json").read_text())["settings"]
    assert found["defocus_u_a"] == pytest.approx(true["defocus_u_a"], abs=300)
    assert found["ctf_has_rings"] is True
    assert len(found["profile"]["fit"]) == len(found["profile"]["frequency_per_a"])


def test_noise_has_no_rings(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(size=(512, 512)).astype(np.float32)
    write_mrc(tmp_path / "noise.mrc", noise, 2.0, depth="float32")
    done = frazil("ctf", tmp_path / "noise.mrc", "--micrograph", *OPTICS)
    assert done.returncode == 1, done.stderr
    assert "no Thon rings" in done.stdout
