"""The report of a session on one page of PDF: the same as `report_page` shows, to be kept, sent, printed."""

from __future__ import annotations

import base64
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np
from reportlab.graphics.shapes import Circle, Drawing, Rect, String
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.platypus import Image, KeepInFrame, Paragraph, Spacer, Table
from reportlab.platypus.doctemplate import SimpleDocTemplate

from frazil.app.report_page import (
    bin_counts,
    column_label,
    dot_radius,
    limits,
    overview,
    plots_title,
    value_text,
)
from frazil.model.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from frazil.app.report import Report

_MARGIN = 12 * mm
_WIDTH, _HEIGHT = A4[0] - 2 * _MARGIN, A4[1] - 2 * _MARGIN - 2 * mm
_BINS, _MOST_POINTS = 40, 400
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH / 4 - 6, 42.0
_MOST_CLASSES_HEIGHT = 105 * mm
_INK, _MUTED, _DOT, _BAR, _PAPER = (
    HexColor(c) for c in ("#222222", "#666666", "#3465a4", "#8a9db5", "#f6f6f6")
)
_TEXT = ParagraphStyle("text", fontName="Helvetica", fontSize=8, leading=10, textColor=_INK)
_SMALL = ParagraphStyle("small", parent=_TEXT, fontSize=6.5, leading=8, textColor=_MUTED)
_HEAD = ParagraphStyle("head", parent=_TEXT, fontName="Helvetica-Bold", fontSize=9, leading=12, spaceBefore=4)
_TITLE = ParagraphStyle("title", parent=_TEXT, fontName="Helvetica-Bold", fontSize=15, leading=18)
_CELLS = [
    ("FONT", (0, 0), (-1, -1), "Helvetica", 7),
    ("TEXTCOLOR", (0, 0), (0, -1), _MUTED),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    *((side, (0, 0), (-1, -1), 0.6) for side in ("TOPPADDING", "BOTTOMPADDING")),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 6),
]


def report_pdf(report: Report) -> bytes:
    """Return the page as PDF (A4); what would not fit is made smaller. Same facts, same bytes."""
    facts = report.facts
    session = facts["session"]
    title = f"{session['name']} (S{session['number']})"
    made = datetime.fromtimestamp(facts["made_at"], UTC).strftime("%Y-%m-%d %H:%M UTC")
    content = [
        _paragraph(title, _TITLE),
        _paragraph(f"{session['group']} · {made} · Frazil {facts['software']['frazil']}", _SMALL),
        Spacer(1, 3),
        _paragraph(facts["methods"], _TEXT),
        Spacer(1, 3),
        Table(
            [[_pairs(overview(facts)), _statistics(facts["columns"])]],
            colWidths=[_WIDTH * 0.36, _WIDTH * 0.64],
            style=[("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)],
        ),
        *_plots(plots_title(facts), facts["series"]),
        *_micrographs("Best micrographs", facts["best"], report.pictures),
        *_micrographs("Worst micrographs", facts["worst"], report.pictures),
        *_classes(facts["classes"], report.pictures),
        _paragraph(f"Settings that differ from the defaults (revision {facts['settings_revision']})", _HEAD),
        _paragraph(_joined((name, value_text(value)) for name, value in facts["settings"].items()), _SMALL),
        _paragraph("Software", _HEAD),
        _paragraph(_joined(facts["software"].items()), _SMALL),
    ]
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        title=_plain(title),
        author="Frazil",
        invariant=1,
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN),
    )
    document.build([KeepInFrame(_WIDTH - 12, _HEIGHT - 12, content, mode="shrink")])
    return file.getvalue()


def _plain(text: str) -> str:
    """Keep what the standard fonts of PDF have letters for."""
    return text.encode("cp1252", "replace").decode("cp1252")


def _paragraph(text: str, style: ParagraphStyle) -> Any:
    return Paragraph(escape(_plain(text)), style)


def _joined(pairs: Iterable[tuple[str, Any]]) -> str:
    return " · ".join(f"{name} {value}" for name, value in pairs) or "none"


def _pairs(rows: Mapping[str, Any]) -> Any:
    cells = [[_paragraph(name, _SMALL), _paragraph(str(value), _SMALL)] for name, value in rows.items()]
    return Table(cells, colWidths=[_WIDTH * 0.18, _WIDTH * 0.17], style=_CELLS, hAlign="LEFT")


def _statistics(columns: Mapping[str, Any]) -> Any:
    heads = ("median", "lower_quartile", "upper_quartile", "least", "greatest", "count")
    cells = [["", *(head.replace("_", " ") for head in heads)]]
    cells += [
        [_plain(column_label(name)), *(f"{values[head]:,.5g}" for head in heads)]
        for name, values in columns.items()
        if values is not None
    ]
    if len(cells) == 1:
        return _paragraph("Nothing was measured yet.", _TEXT)
    style = [*_CELLS, ("ALIGN", (1, 0), (-1, -1), "RIGHT"), ("TEXTCOLOR", (0, 0), (-1, 0), _MUTED)]
    return Table(cells, style=style, hAlign="LEFT")


def _plots(title: str, series: Mapping[str, Sequence[float | None]]) -> list[Any]:
    shown = {
        name: values for name, values in series.items() if sum(value is not None for value in values) >= 2
    }
    if not shown:
        return []
    titles = [_paragraph(column_label(name), _SMALL) for name in shown]
    rows = [
        titles,
        [_series(values) for values in shown.values()],
        [_histogram(values) for values in shown.values()],
    ]
    return [_paragraph(title, _HEAD), _grid(rows)]


def _grid(rows: list[list[Any]]) -> Any:
    style = [
        *((side, (0, 0), (-1, -1), 1) for side in ("TOPPADDING", "BOTTOMPADDING")),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 6),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    return Table(rows, colWidths=[_WIDTH / 4] * len(rows[0]), style=style, hAlign="LEFT")


def _drawing(low: float, high: float) -> Any:
    drawing = Drawing(_PLOT_WIDTH, _PLOT_HEIGHT + 8)
    drawing.add(Rect(0, 8, _PLOT_WIDTH, _PLOT_HEIGHT, fillColor=_PAPER, strokeColor=None))
    text = {"fontName": "Helvetica", "fontSize": 6, "fillColor": _MUTED}
    drawing.add(String(0, 1, f"{low:,.4g} to {high:,.4g}", **text))
    return drawing


def _series(values: Sequence[float | None]) -> Any:
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    known = known[:: max(1, len(known) // _MOST_POINTS)]
    low, high = limits([value for _, value in known])
    drawing = _drawing(low, high)
    radius = 0.5 * dot_radius(len(known))
    across, up = _PLOT_WIDTH - 2 * radius, _PLOT_HEIGHT - 2 * radius
    for place, value in known:
        x = radius + place / max(1, len(values) - 1) * across
        y = 8 + radius + (min(high, max(low, value)) - low) / (high - low) * up
        drawing.add(Circle(x, y, radius, fillColor=_DOT, strokeColor=None))
    return drawing


def _histogram(values: Sequence[float | None]) -> Any:
    known = np.array([value for value in values if value is not None], np.float64)
    low, high = limits(known.tolist())
    counts = bin_counts(known, _BINS, low, high)
    width, most = _PLOT_WIDTH / _BINS, max(1, int(counts.max()))
    drawing = _drawing(low, high)
    for place, count in enumerate(counts.tolist()):
        height = _PLOT_HEIGHT * count / most
        drawing.add(Rect(place * width, 8, width * 0.85, height, fillColor=_BAR, strokeColor=None))
    return drawing


def _micrographs(title: str, rows: Sequence[Mapping[str, Any]], pictures: Mapping[str, str]) -> list[Any]:
    if not rows:
        return []
    images = [_picture(pictures.get(row["name"]), _PLOT_WIDTH, 28 * mm) for row in rows]
    words = [
        _paragraph(f"{row['name'][-40:]}: {row['ctf_resolution_a']:.1f} Å, {_particles(row)}", _SMALL)
        for row in rows
    ]
    return [_paragraph(title, _HEAD), _grid([images, words])]


def _particles(row: Mapping[str, Any]) -> str:
    return plural(row["particles"] or 0, "particle")


def _classes(classes: Mapping[str, Any] | None, pictures: Mapping[str, str]) -> list[Any]:
    if classes is None:
        return []
    words = (
        f"Class averages: update {classes['update']}, {plural(classes['particles'], 'particle')} in "
        f"{plural(classes['class_count'], 'class', 'classes')}; {plural(classes['good'], 'good one')} with "
        f"{plural(classes['good_particles'], 'particle')}"
    )
    return [
        _paragraph(words, _HEAD),
        _picture(pictures.get("classes"), _WIDTH - 12, _MOST_CLASSES_HEIGHT),
    ]


def _picture(address: str | None, width: float, height: float) -> Any:
    """Return a picture as large as fits, never drawn coarser than its pixels; empty where there is none."""
    if not address:
        return Spacer(1, 1)
    content = base64.b64decode(address.partition(",")[2])
    columns, rows = ImageReader(io.BytesIO(content)).getSize()
    scale = min(width / columns, height / rows, 1.0)
    return Image(io.BytesIO(content), columns * scale, rows * scale, hAlign="LEFT")
