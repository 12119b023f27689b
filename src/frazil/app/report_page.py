"""The report of a session as one page of HTML that needs nothing else: to be kept, sent, printed."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from frazil.model.movie_columns import COLUMN_BY_NAME
from frazil.model.settings import setting_info
from frazil.model.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from frazil.app.report import Report

_WIDTH, _HEIGHT, _BINS, _MOST_POINTS = 320, 110, 40, 400
_MARGIN = 3.0
"""Above and below the dots of a plot, px."""
_MANY = 200
"""Fewer values are all within the range of their plot."""
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #222 }
body { max-width: 1000px; margin: 24px auto; padding: 0 16px }
h1 { font-size: 22px; margin: 0 } h2 { font-size: 16px; margin: 22px 0 6px } .muted { color: #666 }
table { border-collapse: collapse } td, th { text-align: left; padding: 2px 14px 2px 0; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.row { display: flex; flex-wrap: wrap; gap: 16px }
figure { margin: 0 } figcaption { font-size: 12px; color: #555 }
img.classes { max-width: 100% } svg { background: #fafafa; border: 1px solid #ddd }
@media print { body { margin: 0 } h2 { break-after: avoid } figure, table { break-inside: avoid } }
"""


def report_page(report: Report) -> str:
    """Return the page."""
    facts = report.facts
    session = facts["session"]
    made = datetime.fromtimestamp(facts["made_at"], UTC).strftime("%Y-%m-%d %H:%M UTC")
    title = f"{session['name']} (S{session['number']})"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(session["group"])} · {made} · Frazil {facts["software"]["frazil"]}</p>',
        f"<p>{escape(facts['methods'])}</p>",
        "<h2>Session</h2>",
        _pairs(overview(facts)),
        "<h2>Measured</h2>",
        _statistics(facts["columns"]),
        *_plots(plots_title(facts), facts["series"]),
        *_micrographs("Best micrographs", facts["best"], report.pictures),
        *_micrographs("Worst micrographs", facts["worst"], report.pictures),
        *_classes(facts["classes"], report.pictures),
        "<h2>Settings that differ from the defaults</h2>",
        f'<p class="muted">revision {facts["settings_revision"]}</p>',
        _pairs({name: value_text(value) for name, value in facts["settings"].items()}),
        "<h2>Software</h2>",
        _pairs(facts["software"]),
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def overview(facts: Mapping[str, Any]) -> dict[str, str]:
    """Gather counts and microscope, by what they are called."""
    counts, throughput, unit = facts["movies"], facts["throughput"], facts["session"]["unit"]
    shares = [f"{counts['total']:,}", *(f"{counts[k]:,} {k}" for k in ("done", "failed", "excluded"))]
    rows = {
        f"{unit.capitalize()}s": ", ".join(shares),
        "Particles": f"{facts['particles']:,}",
    }
    if throughput is not None:
        rows["Throughput"] = f"{plural(throughput['movies_per_hour'], unit)} per hour"
    for name, value in facts["microscope"].items():
        info = setting_info(name)
        unit = f" {info.unit}" if info.unit and value is not None else ""
        rows[info.label] = f"{value:g}{unit}" if isinstance(value, float) else f"{value_text(value)}{unit}"
    return rows


def _pairs(rows: Mapping[str, Any]) -> str:
    lines = [f"<tr><th>{escape(str(k))}</th><td>{escape(str(v))}</td></tr>" for k, v in rows.items()]
    return f"<table>{''.join(lines)}</table>"


def _statistics(columns: Mapping[str, Any]) -> str:
    heads = ("median", "lower_quartile", "upper_quartile", "least", "greatest", "count")
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in heads)
    lines = [
        f"<tr><th>{escape(column_label(name))}</th>"
        + "".join(f'<td class="number">{values[head]:,.6g}</td>' for head in heads)
        + "</tr>"
        for name, values in columns.items()
        if values is not None
    ]
    return f"<table><tr><th></th>{head}</tr>{''.join(lines)}</table>" if lines else "<p>Nothing yet.</p>"


def plots_title(facts: Mapping[str, Any]) -> str:
    """Head the plots."""
    return f"In the order of the {facts['session']['unit']}s, and how often"


def column_label(name: str) -> str:
    """Name of a column for people, with its unit."""
    column = COLUMN_BY_NAME[name]
    return f"{column.label}, {column.unit}" if column.unit else column.label


def value_text(value: Any) -> str:
    """Say a setting for people."""
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _plots(title: str, series: Mapping[str, Sequence[float | None]]) -> list[str]:
    plots = "".join(_series(name, values) + _histogram(values) for name, values in series.items())
    return [f"<h2>{title}</h2>", f'<div class="row">{plots}</div>'] if plots else []


def _series(name: str, values: Sequence[float | None]) -> str:
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return ""
    known = known[:: max(1, len(known) // _MOST_POINTS)]
    low, high = limits([value for _, value in known])
    last = max(1, len(values) - 1)
    radius = dot_radius(len(known))
    across = _WIDTH - 2 * radius
    dots = "".join(
        f'<circle cx="{radius + place / last * across:.1f}" cy="{_y(value, low, high):.1f}" r="{radius}"/>'
        for place, value in known
    )
    caption = f"{escape(column_label(name))}: {low:,.4g} to {high:,.4g}"
    return _figure(f'<g fill="#3465a4">{dots}</g>', caption)


def _histogram(values: Sequence[float | None]) -> str:
    known = np.array([value for value in values if value is not None], np.float64)
    if known.size < 2:
        return ""
    low, high = limits(known.tolist())
    counts = bin_counts(known, _BINS, low, high)
    width = _WIDTH / _BINS
    most = max(1, int(counts.max()))
    bars = "".join(
        f'<rect x="{k * width:.1f}" y="{_HEIGHT * (1 - n / most):.1f}" width="{width - 1:.1f}" '
        f'height="{_HEIGHT * n / most:.1f}"/>'
        for k, n in enumerate(counts.tolist())
    )
    return _figure(f'<g fill="#8a9db5">{bars}</g>', f"how often, {low:,.4g} to {high:,.4g}")


def limits(values: Sequence[float]) -> tuple[float, float]:
    """Range of a plot; of many values without the outermost hundredth, which would flatten the rest."""
    ends = [0.5, 99.5] if len(values) >= _MANY else [0.0, 100.0]
    low, high = (float(end) for end in np.percentile(values, ends))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def bin_counts(values: NDArray[np.float64], bins: int, low: float, high: float) -> NDArray[np.int64]:
    """How many values lie in each bin; those beyond the range count in the outermost ones."""
    counts, _ = np.histogram(np.clip(values, low, high), bins, (low, high))
    return counts.astype(np.int64)


def dot_radius(count: int) -> float:
    """Radius of a plot's dots, px: few are to be seen, too."""
    return 2.5 if count < _MANY else 1.3


def _y(value: float, low: float, high: float) -> float:
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return _MARGIN + (_HEIGHT - 2 * _MARGIN) * (1.0 - share)


def _figure(content: str, caption: str) -> str:
    svg = f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{caption}">{content}</svg>'
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def _micrographs(title: str, rows: Sequence[Mapping[str, Any]], pictures: Mapping[str, str]) -> list[str]:
    if not rows:
        return []
    figures = [
        f"<figure>{_image(pictures.get(row['name']), '')}<figcaption>{escape(row['name'])}<br>"
        f"{row['ctf_resolution_a']:.1f} Å, {plural(row['particles'] or 0, 'particle')}</figcaption></figure>"
        for row in rows
    ]
    return [f"<h2>{title}</h2>", f'<div class="row">{"".join(figures)}</div>']


def _classes(classes: Mapping[str, Any] | None, pictures: Mapping[str, str]) -> list[str]:
    if classes is None:
        return []
    words = (
        f"update {classes['update']}: {plural(classes['particles'], 'particle')} in "
        f"{plural(classes['class_count'], 'class', 'classes')}; {plural(classes['good'], 'good one')} with "
        f"{plural(classes['good_particles'], 'particle')}"
    )
    return ["<h2>Class averages</h2>", f"<p>{words}</p>", _image(pictures.get("classes"), "classes")]


def _image(address: str | None, kind: str) -> str:
    return f'<img class="{kind}" src="{address}" alt="">' if address else ""
