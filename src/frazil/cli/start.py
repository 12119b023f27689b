"""Where the command begins. Worker processes import the module it began in: this one costs nothing."""

from __future__ import annotations


def main() -> None:
    """Run ``frazil``."""
    from frazil.cli.main import main as run

    run()
