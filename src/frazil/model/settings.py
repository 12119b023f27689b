"""All settings of a session (reference: `docs/reference/settings.md`), grouped as on the form."""

from __future__ import annotations

import difflib
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from frazil.model.errors import InputError
from frazil.model.settings_classes import ClassificationSettings, NotificationSettings, ResourceSettings
from frazil.model.settings_field import STAGES, Stage, Tab
from frazil.model.settings_input import (
    GainSettings,
    ImageDataSettings,
    MicroscopeSettings,
    SessionSettings,
    TransferSettings,
)
from frazil.model.settings_movie import AlignmentSettings, CtfSettings, DetectionSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["STAGES", "SettingInfo", "Settings", "Stage", "all_settings", "setting_info", "with_values"]

_AUTO_WORDS = frozenset({"auto", "none", ""})


class Settings(Tab):
    """Everything a person can set, tab by tab. Unchangeable; `with_values` makes a changed copy."""

    session: SessionSettings = SessionSettings()
    image_data: ImageDataSettings = ImageDataSettings()
    gain: GainSettings = GainSettings()
    microscope: MicroscopeSettings = MicroscopeSettings()
    transfer: TransferSettings = TransferSettings()
    alignment: AlignmentSettings = AlignmentSettings()
    ctf: CtfSettings = CtfSettings()
    detection: DetectionSettings = DetectionSettings()
    classification: ClassificationSettings = ClassificationSettings()
    resources: ResourceSettings = ResourceSettings()
    notifications: NotificationSettings = NotificationSettings()

    def value(self, name: str) -> Any:
        """Value of the setting called ``name``, whatever tab it is on."""
        info = setting_info(name)
        return getattr(getattr(self, info.tab), name)

    def changed(self) -> dict[str, Any]:
        """All settings that differ from their default."""
        return {
            info.name: value
            for info in all_settings().values()
            if (value := getattr(getattr(self, info.tab), info.name)) != info.default
        }


@dataclass(frozen=True)
class SettingInfo:
    """What is known about a setting besides its value."""

    name: str
    tab: str
    tab_label: str
    label: str
    meaning: str
    unit: str
    default: Any
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    kind: str
    automatic: bool
    stage: Stage | None

    @property
    def allowed(self) -> str:
        """What values may be given, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = {
            "bool": "on or off",
            "int": "a whole number",
            "float": "a number",
            "list": "words separated by blanks",
            "str": "text",
        }[self.kind]
        if self.low is not None and self.high is not None:
            words += f" from {self.low:g} to {self.high:g}"
        elif self.low is not None:
            words += f" of at least {self.low:g}"
        if self.unit:
            words += f" {self.unit}"
        return words + (", or auto" if self.automatic else "")


def _infos() -> Iterator[SettingInfo]:
    for tab, tab_field in Settings.model_fields.items():
        tab_model = tab_field.annotation
        if not (isinstance(tab_model, type) and issubclass(tab_model, Tab)):
            raise TypeError(f"{tab} is no tab of settings")
        for name, field in tab_model.model_fields.items():
            extra = typing.cast("dict[str, Any]", field.json_schema_extra or {})
            kind, choices, automatic = _kind(field.annotation)
            bounds = {type(item).__name__: item for item in field.metadata}
            yield SettingInfo(
                name=name,
                tab=tab,
                tab_label=(tab_model.__doc__ or tab).rstrip("."),
                label=field.title or name,
                meaning=field.description or "",
                unit=str(extra.get("unit", "")),
                default=field.default,
                low=getattr(bounds.get("Ge"), "ge", None),
                high=getattr(bounds.get("Le"), "le", None),
                choices=choices,
                kind=kind,
                automatic=automatic,
                stage=extra.get("stage"),
            )


def _kind(annotation: Any) -> tuple[str, tuple[str, ...], bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [part for part in typing.get_args(annotation) if part is not type(None)]
        kind, choices, _ = _kind(inner[0])
        return kind, choices, True
    if typing.get_origin(annotation) is Literal:
        choices = typing.get_args(annotation)
        kind = "int" if all(isinstance(choice, int) for choice in choices) else "str"
        return kind, tuple(str(choice) for choice in choices), False
    if typing.get_origin(annotation) is tuple:
        return "list", (), False
    return annotation.__name__, (), False


_INFO: dict[str, SettingInfo] = {}


def all_settings() -> Mapping[str, SettingInfo]:
    """Every setting by name, in the order of the form."""
    if not _INFO:
        _INFO.update((info.name, info) for info in _infos())
    return _INFO


def setting_info(name: str) -> SettingInfo:
    """Look a setting up; `InputError` with the nearest name where there is none of this name."""
    known = all_settings()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else "; frazil process --list-settings shows all"
        raise InputError(f"there is no setting called {name!r}{hint}")
    return known[name]


def with_values(settings: Settings, values: Mapping[str, object]) -> Settings:
    """Return a copy of ``settings`` with some values changed.

    Parameters
    ----------
    settings
        The settings to start from.
    values
        Name to value; text is read as the setting's type ("on", "1.5", "auto").

    Raises
    ------
    InputError
        Unknown name (the nearest one is named), value out of range or of the wrong kind, values that
        contradict each other.
    """
    by_tab: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        info = setting_info(name)
        by_tab.setdefault(info.tab, {})[name] = _parse(info, value)
    changed: dict[str, Tab] = {}
    for tab, new in by_tab.items():
        current: Tab = getattr(settings, tab)
        try:
            changed[tab] = type(current).model_validate({**current.model_dump(), **new}, strict=True)
        except ValidationError as error:
            raise _explain(error, values) from None
    return settings.model_copy(update=changed)


def _parse(info: SettingInfo, value: object) -> object:
    if value is None or (isinstance(value, str) and info.automatic and value.lower() in _AUTO_WORDS):
        if info.automatic:
            return None
        raise InputError(f"{info.name}: needs a value: {info.allowed}")
    if isinstance(value, str):
        try:
            return _from_text(info, value.strip())
        except ValueError:
            raise InputError(f"{info.name}={value}: must be {info.allowed}") from None
    if isinstance(value, list) and info.kind == "list":
        return tuple(value)
    if isinstance(value, int) and not isinstance(value, bool) and info.kind == "float":
        return float(value)
    return value


def _from_text(info: SettingInfo, text: str) -> object:
    if info.kind == "bool":
        if text.lower() not in ("on", "off", "true", "false", "yes", "no", "1", "0"):
            raise ValueError
        return text.lower() in ("on", "true", "yes", "1")
    if info.kind == "int":
        return int(text)
    if info.kind == "float":
        return float(text)
    if info.kind == "list":
        return tuple(text.replace(",", " ").split())
    return text


def _explain(error: ValidationError, values: Mapping[str, object]) -> InputError:
    first = error.errors()[0]
    if first["type"] == "value_error":
        text = str(first.get("ctx", {}).get("error", first["msg"]))
        name = str(first["loc"][0]) + ": " if first["loc"] else ""
        return InputError(f"{name}{text}")
    name = str(first["loc"][0]) if first["loc"] else "settings"
    given = values.get(name, first["input"])
    return InputError(f"{name}={given}: must be {setting_info(name).allowed}")
