"""Write `frontend/openapi.json` from the server itself; the page's types are made from it.

.venv/bin/python scripts/make_api_types.py             write it, and the types
.venv/bin/python scripts/make_api_types.py --print     only print it
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from frazil.app.config import ServerConfig
from frazil.app.hub import Hub
from frazil.web.app import create_app

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "frontend" / "openapi.json"


def openapi() -> dict[str, Any]:
    """Return what the server says of its API, without its version and the errors, which are always alike."""
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(ServerConfig(data_folder=Path(folder)))
        with contextlib.closing(hub):
            schema = create_app(hub).openapi()
    schema["info"]["version"] = ""
    for methods in schema["paths"].values():
        for operation in methods.values():
            for status in [status for status in operation["responses"] if status >= "400"]:
                del operation["responses"][status]
    return schema


def text() -> str:
    """Return the schema as it is stored."""
    return json.dumps(openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(text())
    else:
        TARGET.write_text(text(), "utf-8")
        build_page = ROOT / "scripts" / "build_page.py"
        subprocess.run([sys.executable, build_page, "--npm", "run", "types"], check=True)
