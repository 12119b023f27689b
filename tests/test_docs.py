"""The documentation says what the code does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("name", ["settings.md", "server.md"])
def test_reference_of_settings_is_up_to_date(name: str) -> None:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "scripts" / "make_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert page == module.PAGES[name](), "run: .venv/bin/python scripts/make_reference.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target} does not exist"


def test_every_command_is_documented() -> None:
    from typer.main import get_command

    from frazil.cli.main import app

    text = "\n".join(p.read_text(encoding="utf-8") for p in PAGES)
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        assert f"frazil {name}" in text, f"no page mentions `frazil {name}`"
        for inner in getattr(command, "commands", {}):
            assert f"frazil {name} {inner}" in text, f"no page mentions `frazil {name} {inner}`"
