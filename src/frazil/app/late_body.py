"""A track whose session folder may be away: it waits for the folder like for anything else that passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frazil.model.errors import FrazilError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from frazil.tracks.runner import Body


class LateBody:
    """Makes the track's real body when it is first needed.

    Parameters
    ----------
    make
        Opens the session folder and makes the body; raises `PassingError` where the folder is away.
    """

    def __init__(self, make: Callable[[], Body]) -> None:
        self._make = make
        self._body: Body | None = None

    def begin(self, *, anew: bool) -> None:
        """Begin the real body."""
        self._real().begin(anew=anew)

    def step(self) -> float:
        """Let the real body step."""
        return self._real().step()

    def receive(self, message: Any) -> None:
        """Hand a message on; before there is a body nobody has anything to say to it."""
        if self._body is not None:
            self._body.receive(message)

    @property
    def in_flight(self) -> int:
        """Pieces of work that are not finished."""
        return 0 if self._body is None else self._body.in_flight

    @property
    def grace_s(self) -> float:
        """How long work in flight may take to finish."""
        return 0.0 if self._body is None else self._body.grace_s

    @property
    def details(self) -> dict[str, Any]:
        """What the real body is doing now, as far as it says."""
        details: dict[str, Any] = getattr(self._body, "details", {})
        return details

    def drain(self) -> None:
        """Take nothing new."""
        if self._body is not None:
            self._body.drain()

    def kill(self) -> None:
        """Give back what is in flight."""
        if self._body is not None:
            self._body.kill()

    def blocked(self) -> str:
        """Why it can't go on: the folder, or what the real body says."""
        try:
            return self._real().blocked()
        except FrazilError as error:
            return str(error)

    def clear(self, runs: Collection[int] = (), /) -> None:
        """Remove the track's products, or only those of some runs."""
        self._real().clear(runs)

    def _real(self) -> Body:
        if self._body is None:
            self._body = self._make()
        return self._body
