"""Every setting, for forms: tab by tab, with ranges, units, meaning, and whether it does anything yet."""

from __future__ import annotations

from typing import Any

from frazil.app.sessions import OWN_VALUES
from frazil.model.settings import all_settings
from frazil.model.settings_effect import reason_without_effect

FIXED_AT_CREATION = ("kind", "folder")
REQUIRED = ("source_path", "pixel_size_a", "voltage_kv")


def settings_schema() -> list[dict[str, Any]]:
    """Return one entry for each setting, in the order of the form.

    Each has: name, tab, tab_label, label, meaning, unit, kind (bool, int, float, str, list), default, low,
    high, choices, automatic (may be left empty), stage (that is redone first, or None), required,
    fixed_at_creation, session_value (kept with the session, not in revisions), and without_effect: why it
    does nothing yet, or empty.
    """
    return [
        {
            "name": info.name,
            "tab": info.tab,
            "tab_label": info.tab_label,
            "label": info.label,
            "meaning": info.meaning,
            "unit": info.unit,
            "kind": info.kind,
            "default": list(info.default) if isinstance(info.default, tuple) else info.default,
            "low": info.low,
            "high": info.high,
            "choices": list(info.choices),
            "automatic": info.automatic,
            "stage": info.stage,
            "required": info.name in REQUIRED,
            "fixed_at_creation": info.name in FIXED_AT_CREATION,
            "session_value": info.name in OWN_VALUES,
            "without_effect": reason_without_effect(info.name),
        }
        for info in all_settings().values()
    ]
