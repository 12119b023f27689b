"""Optics groups: which exposures were taken through the same part of the lenses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from frazil.formats.shift_clusters import find_cut, nearest, single_linkage
from frazil.model.errors import InputError

if TYPE_CHECKING:
    from frazil.model.metadata import MovieMetadata

_LEAST, _MOST = 12, 400
"""Exposures that must be there before shifts are divided, and those after which nobody waits any longer."""


class Group(BaseModel):
    """One optics group; ``points`` are shifts of its members that stand for all of them."""

    model_config = ConfigDict(extra="forbid")

    number: int
    mode: str
    key: str
    points: list[tuple[float, float]] = Field(default_factory=list)


class Waiting(BaseModel):
    """An exposure whose group can't be told yet."""

    model_config = ConfigDict(extra="forbid")

    name: str
    area: str
    shift: tuple[float, float]


class ModeState(BaseModel):
    """What is known about exposures of one mode: how they are divided, and where shifts are cut."""

    model_config = ConfigDict(extra="forbid")

    division: Literal["undecided", "shift", "area"] = "undecided"
    cut: float | None = None
    waiting: list[Waiting] = Field(default_factory=list)


class GroupsState(BaseModel):
    """Everything that must be stored between two exposures."""

    model_config = ConfigDict(extra="forbid")

    groups: list[Group] = Field(default_factory=list)
    modes: dict[str, ModeState] = Field(default_factory=dict)


class OpticsGroups:
    """Give every exposure the number of its optics group. A number, once given, is never changed.

    The key is the first that there is: the user's rule on the name, SerialEM's hole and position, clusters of
    EPU's beam shift if it varies, EPU's area, else all are one group. Exposures of different modes (pixel
    size, voltage, gain, camera) never share a group.

    Shifts are divided by single linkage, cut at the widest gap between the lengths of the links, as soon as
    there is such a gap and clusters have two members on average. Until then exposures wait for their number.

    Parameters
    ----------
    grouping
        ``"auto"``; ``"one"``; ``"shift"``: by shift even where there is a better key; anything else is a
        regular expression whose first group, or whole match, on the movie's name is the key.
    state
        As it was stored.
    cut
        The user's own cut, in units of the shift.

    Raises
    ------
    InputError
        The rule is no regular expression.
    """

    def __init__(
        self, grouping: str = "auto", state: GroupsState | None = None, cut: float | None = None
    ) -> None:
        self.state = state or GroupsState()
        self._grouping = grouping
        self._cut = cut
        try:
            self._rule = None if grouping in ("auto", "one", "shift") else re.compile(grouping)
        except re.error as error:
            raise InputError(
                f"optics_grouping: {grouping!r} is not auto, one, shift nor a regular expression ({error})"
            ) from error

    def add(self, name: str, metadata: MovieMetadata, mode: str = "") -> dict[str, int]:
        """Take an exposure; returns the numbers that were decided by it, by name.

        It may be none, if this one has to wait, or many, if others waited for it.
        """
        key = self._key(name, metadata)
        if key is not None:
            return {name: self._number(mode, key)}
        area = f"area:{metadata.shot}" if metadata.shot and self._grouping == "auto" else "one"
        shift = metadata.beam_shift or metadata.image_shift
        if shift is None:
            return {name: self._number(mode, area)}
        known = self.state.modes.setdefault(mode, ModeState())
        if known.division == "area":
            return {name: self._number(mode, area)}
        if known.division == "shift":
            return {name: self._join(mode, shift)}
        known.waiting.append(Waiting(name=name, area=area, shift=shift))
        return self._decide(mode, final=len(known.waiting) >= _MOST)

    def finish(self) -> dict[str, int]:
        """Decide for all that wait, as well as can be done now: before an export, at the end of a session."""
        numbers: dict[str, int] = {}
        for mode in self.state.modes:
            numbers |= self._decide(mode, final=True)
        return numbers

    def _key(self, name: str, metadata: MovieMetadata) -> str | None:
        if self._grouping == "one":
            return "one"
        if self._rule is not None:
            match = self._rule.search(name)
            text = (match[1] if self._rule.groups else match[0]) if match else None
            return f"rule:{text}" if text is not None else "rule"
        if self._grouping == "auto" and metadata.multishot:
            return f"multishot:{metadata.multishot}"
        return None

    def _number(self, mode: str, key: str) -> int:
        for group in self.state.groups:
            if group.mode == mode and group.key == key:
                return group.number
        return self._open(mode, key).number

    def _open(self, mode: str, key: str) -> Group:
        group = Group(number=len(self.state.groups) + 1, mode=mode, key=key)
        self.state.groups.append(group)
        return group

    def _decide(self, mode: str, *, final: bool) -> dict[str, int]:
        known = self.state.modes[mode]
        waiting = known.waiting
        if not waiting or (len(waiting) < _LEAST and not final and self._cut is None):
            return {}
        found = find_cut([exposure.shift for exposure in waiting])
        cut = self._cut or found.cut
        if cut is None and found.varies and not final:
            return {}
        known.waiting = []
        if self._cut is None and not found.varies:
            known.division = "area"
            return {exposure.name: self._number(mode, exposure.area) for exposure in waiting}
        known.division = "shift"
        known.cut = cut if cut is not None else found.cut_around_all
        clusters = single_linkage([exposure.shift for exposure in waiting], known.cut)
        groups = {cluster: self._open(mode, "shift") for cluster in dict.fromkeys(clusters)}
        numbers = {}
        for exposure, cluster in zip(waiting, clusters, strict=True):
            self._remember(groups[cluster], exposure.shift, known.cut)
            numbers[exposure.name] = groups[cluster].number
        return numbers

    def _join(self, mode: str, shift: tuple[float, float]) -> int:
        cut = self._cut or self.state.modes[mode].cut or 0.0
        ours = [group for group in self.state.groups if group.mode == mode and group.key == "shift"]
        index, distance = nearest([group.points for group in ours], shift)
        group = ours[index] if distance <= cut else self._open(mode, "shift")
        self._remember(group, shift, cut)
        return group.number

    @staticmethod
    def _remember(group: Group, shift: tuple[float, float], cut: float) -> None:
        """Keep a shift that is not near one that is kept: few points stand for thousands of exposures."""
        if not group.points or nearest([group.points], shift)[1] > cut / 4:
            group.points.append(shift)
