"""Build hook: the page of the server goes into the wheel; without it there is no wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface[Any]):
    """Builds the page before wheel and sdist; an editable install leaves that to `scripts/setup`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Run `scripts/build_page.py` with the Python that builds, which has Node from PyPI."""
        if version == "editable":
            return
        script = Path(self.root) / "scripts" / "build_page.py"
        if subprocess.run([sys.executable, str(script)], check=False).returncode:
            raise RuntimeError("the page could not be built; the reason is above")
