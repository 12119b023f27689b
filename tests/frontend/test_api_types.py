"""The page's types are made from what the server says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_stored_description_of_the_api_is_that_of_the_server() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "make_api_types.py"), "--print"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    stored = (ROOT / "frontend" / "openapi.json").read_text("utf-8")
    assert made == stored, "run scripts/make_api_types.py"
