"""Make the README's picture from the session that `scripts/demo` leaves.

.venv/bin/python scripts/make_overview.py demo/session movie_0002
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

TARGET = Path(__file__).parents[1] / "docs" / "pictures" / "overview.jpg"
_HEIGHT = 440
_GAP = 8


def overview(session: Path, movie: str) -> Image.Image:
    """Put micrograph with picks, spectrum over profile, and class averages side by side."""
    pictures = session / "pictures"
    picks = Image.open(pictures / f"{movie}.picks.jpg").convert("RGB")
    picks = picks.resize((_HEIGHT * picks.width // picks.height, _HEIGHT), Image.Resampling.LANCZOS)
    profile = Image.open(pictures / f"{movie}.profile.jpg").convert("RGB")
    width = 300
    profile = profile.resize((width, width * profile.height // profile.width), Image.Resampling.LANCZOS)
    side = _HEIGHT - profile.height - _GAP
    spectrum = Image.open(pictures / f"{movie}.spectrum.jpg").convert("RGB")
    spectrum = spectrum.resize((side, side), Image.Resampling.LANCZOS)
    latest = sorted(session.glob("classes/run*/update*/classes.jpg"))[-1]
    classes = Image.open(latest).convert("RGB")
    scale = min(1.0, _HEIGHT / classes.height)
    classes = classes.resize((round(classes.width * scale), round(classes.height * scale)))
    sheet = Image.new("RGB", (picks.width + width + classes.width + 2 * _GAP, _HEIGHT), "white")
    sheet.paste(picks, (0, 0))
    sheet.paste(spectrum, (picks.width + _GAP + (width - side) // 2, 0))
    sheet.paste(profile, (picks.width + _GAP, side + _GAP))
    sheet.paste(classes, (picks.width + width + 2 * _GAP, (_HEIGHT - classes.height) // 2))
    return sheet


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    overview(Path(sys.argv[1]), sys.argv[2]).save(TARGET, quality=85)
