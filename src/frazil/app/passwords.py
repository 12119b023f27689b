"""Passwords: rules, hashes, and how often somebody may try."""

from __future__ import annotations

import contextlib
import ipaddress
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from frazil.app.errors import TooOftenError
from frazil.model.errors import InputError, PassingError

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST, LONGEST = 10, 200
_AT_ONCE = 2
_LONGEST_WAIT_S = 3.0
_MOST_REMEMBERED = 10_000


def check_password(password: str, login: str) -> None:
    """Raise `InputError` for a password that is too easy to guess."""
    if len(password) < SHORTEST:
        raise InputError(f"the password is too short: take at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise InputError(f"the password is too long: take at most {LONGEST} characters")
    if login.lower() in password.lower() or len(set(password)) < 4:
        raise InputError("the password is too easy to guess: it holds the login or repeats itself")


class Passwords:
    """Makes and checks argon2id hashes; each takes 32 MiB, so only two at a time are worked on."""

    def __init__(self, *, time_cost: int = 3, memory_kib: int = 32768) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._nobody = self._hasher.hash("the password of nobody")

    def hash(self, password: str) -> str:
        """Return what is stored of a password."""
        with self._slot():
            return self._hasher.hash(password)

    def fits(self, stored: str | None, password: str) -> bool:
        """Whether it is the password; takes as long where there is none, so that nobody learns who exists."""
        with self._slot():
            try:
                self._hasher.verify(stored or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_LONGEST_WAIT_S):
            raise PassingError("too many people are logging in at this moment; try again")
        try:
            yield
        finally:
            self._slots.release()


class LoginLimiter:
    """How long somebody has to wait after failures; the wait doubles with each further one.

    The first ``free`` failures cost nothing. What is remembered is bounded: the oldest is forgotten first.
    """

    def __init__(self, free: int, longest_wait_s: float, remembered: int = _MOST_REMEMBERED) -> None:
        self._free, self._longest_wait_s, self._remembered = free, longest_wait_s, remembered
        # By name: failures, and when the last one was.
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._failures)

    def check(self, name: str, now: float) -> None:
        """Raise `TooOftenError` where it is too early for another try. Counts the try until `succeeded`."""
        with self._lock:
            count, last = self._failures.pop(name, (0, now))
            if now - last > 4 * self._longest_wait_s:
                count = 0
            over = count - self._free
            wait = min(2.0 ** min(over, 30), self._longest_wait_s) if over >= 0 else 0.0
            left = last + wait - now
            if left > 0:
                self._failures[name] = (count, last)
                raise TooOftenError(f"too many failed logins; try again in {left:.0f} s", left)
            # Tries that run side by side must not all count as the first one.
            self._failures[name] = (count + 1, now)
            while len(self._failures) > self._remembered:
                self._failures.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """Forget the failures."""
        with self._lock:
            self._failures.pop(name, None)


class LoginGuard:
    """All that stands between a stranger and an account."""

    def __init__(self, passwords: Passwords | None = None) -> None:
        self.passwords = passwords or Passwords()
        self._by_login = LoginLimiter(free=5, longest_wait_s=60.0)
        # Many people may come through one address.
        self._by_address = LoginLimiter(free=20, longest_wait_s=300.0)

    def check(self, login: str, address: str, now: float) -> None:
        """Raise `TooOftenError` where this login or this address has failed too often."""
        self._by_address.check(_network(address), now)
        self._by_login.check(login, now)

    def succeeded(self, login: str, address: str) -> None:
        """Forget the failures of somebody who is in."""
        self._by_login.succeeded(login)
        self._by_address.succeeded(_network(address))


def _network(address: str) -> str:
    """Return the address; of IPv6 the network, of which one person has all the addresses."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 6:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return address
