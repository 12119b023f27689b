"""Tell people who are not looking: mail, chat or webhook, through apprise where it is installed.

Sending never holds anything up, and a message that can't be sent is tried again and then told.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frazil.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

server_log = logging.getLogger("frazil.server")

RETRIES_S = (30.0, 120.0, 600.0)
_HERE_ONLY = frozenset({"dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "syslog"})
"""They would act on the server's own desktop and log."""


@dataclass(frozen=True)
class Message:
    """What is to be sent.

    Attributes
    ----------
    targets
        Apprise URLs.
    title, text
        For people.
    done
        Called with an empty text when all got it, else with what went wrong.
    """

    targets: tuple[str, ...]
    title: str
    text: str
    done: Callable[[str], None] = field(compare=False)


def is_installed() -> bool:
    """Whether messages can be sent at all."""
    return importlib.util.find_spec("apprise") is not None


def check_targets(targets: Sequence[str]) -> None:
    """Raise `InputError` for a target that can't be used; its secrets are not repeated."""
    if not targets:
        return
    if not is_installed():
        raise InputError(
            "notify_targets: sending needs apprise, which is not installed: pip install 'frazil[notify]'"
        )
    for number, target in enumerate(targets, start=1):
        scheme = target.partition("://")[0].lower()
        if scheme in _HERE_ONLY or not _sender().add(target):
            raise InputError(
                f"notify_targets: number {number} ({scheme}://…) is no address that apprise can send to; "
                "for instance mailto://user:password@example.org or json://host/path"
            )


def send(targets: Sequence[str], title: str, text: str) -> str:
    """Send at once; returns an empty text, or what went wrong."""
    if not is_installed():
        return "apprise is not installed"
    failed = []
    for target in targets:
        sender = _sender()
        if not sender.add(target) or not sender.notify(body=text, title=title):
            failed.append(target.partition("://")[0] + "://…")
    return f"no message could be sent to {', '.join(failed)}" if failed else ""


class Notifier:
    """One thread that sends messages, one after the other.

    Parameters
    ----------
    send
        Sends to targets: (targets, title, text) to what went wrong.
    retries_s
        How long to wait before each further try.
    """

    def __init__(
        self,
        send: Callable[[Sequence[str], str, str], str] = send,
        retries_s: Sequence[float] = RETRIES_S,
    ) -> None:
        self._send, self._retries = send, tuple(retries_s)
        self._messages: queue.PriorityQueue[tuple[float, int, int, Message | None]] = queue.PriorityQueue()
        self._count = 0
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="frazil-notifier", daemon=True)
        self._thread.start()

    def post(self, message: Message) -> None:
        """Have a message sent; returns at once."""
        self._put(time.monotonic(), 0, message)

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop; what was not sent is sent by the next server, whose alerts are still open."""
        self._ends.set()
        self._put(0.0, 0, None)
        self._thread.join(timeout_s)

    def _put(self, at: float, tries: int, message: Message | None) -> None:
        with self._lock:
            self._count += 1
            self._messages.put((at, self._count, tries, message))

    def _run(self) -> None:
        while True:
            at, _, tries, message = self._messages.get()
            if message is None:
                return
            wait_s = at - time.monotonic()
            if wait_s > 0:
                # Put back: another message may be due earlier.
                self._put(at, tries, message)
                if self._ends.wait(min(wait_s, 1.0)):
                    return
                continue
            self._deliver(message, tries)

    def _deliver(self, message: Message, tries: int) -> None:
        try:
            problem = self._send(message.targets, message.title, message.text)
        except Exception as error:
            server_log.exception("a message could not be sent")
            problem = f"no message could be sent: {error}"
        if problem and tries < len(self._retries):
            self._put(time.monotonic() + self._retries[tries], tries + 1, message)
            return
        try:
            message.done(problem)
        except Exception:
            server_log.exception("what became of a message could not be stored")


def _sender() -> Any:
    return importlib.import_module("apprise").Apprise()
