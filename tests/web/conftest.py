"""A laboratory: two groups with one session each, people of every role, and their browsers."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frazil.app import accounts, groups, sessions, tokens
from frazil.app.access import SERVER, Actor
from frazil.app.config import ServerConfig
from frazil.app.hub import Hub
from frazil.app.passwords import LoginGuard, Passwords
from frazil.engine.inline import InlineExecutor
from frazil.store.catalogue import movies
from frazil.web.serving import listen, make_server

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from frazil.app.access import Role, Scope

PASSWORD = "correct horse 12"
NOW = 1_800_000_000.0
MEMBERS: dict[str, tuple[str, Role]] = {
    "ann": ("cryo", "owner"),
    "otto": ("cryo", "operator"),
    "vera": ("cryo", "viewer"),
    "bob": ("other", "owner"),
}


class IdleBody:
    """A track that runs and finds nothing to do."""

    in_flight, grace_s = 0, 0.0

    def __init__(self, *_: object) -> None: ...

    def begin(self, *, anew: bool) -> None: ...

    def step(self) -> float:
        return 60.0

    def receive(self, message: Any) -> None: ...

    def drain(self) -> None: ...

    def kill(self) -> None: ...

    def blocked(self) -> str:
        return ""

    def clear(self, _runs: Collection[int] = (), /) -> None: ...


class LabHub(Hub):
    """A hub whose clock stands still until it is moved."""

    moved_s = 0.0

    def now(self) -> float:
        return NOW + self.moved_s


@dataclass
class Lab:
    """The server and its people.

    admin; ann (owner), otto (operator), vera (viewer) of one group; bob (owner) of another. ``mine`` is the
    first group's session, ``foreign`` the other one's.
    """

    hub: LabHub
    url: str
    folder: Path
    closing: contextlib.ExitStack
    users: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    mine: int = 0
    foreign: int = 0

    def client(self, **headers: str) -> httpx.Client:
        """Open a connection."""
        client = httpx.Client(base_url=self.url, headers=headers, timeout=30)
        self.closing.callback(client.close)
        return client

    def browser(self, login: str | None = None, **headers: str) -> httpx.Client:
        """Open a browser, logged in; it says where its requests come from, as browsers do."""
        client = self.client(Origin=self.url, **headers)
        if login is not None:
            answer = client.post("/api/login", json={"login": login, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
        return client

    def program(self, token: str) -> httpx.Client:
        """Make a program that sends a token."""
        return self.client(Authorization=f"Bearer {token}")

    def actor(self, login: str) -> Actor:
        """Return a user as the use cases see them."""
        group, role = MEMBERS.get(login, ("", None))
        roles = {} if role is None else {self.groups[group]: role}
        return Actor(self.users[login], login, login == "admin", roles)

    def token(self, login: str, scope: Scope, **more: Any) -> str:
        """Make an API token."""
        made: str = tokens.add_token(self.hub, self.actor(login), name="test", scope=scope, **more)["token"]
        return made

    def add_movies(self, session_id: int, count: int, **values: Any) -> None:
        """Add movies that are done."""
        rows = [
            {
                "name": f"movie_{place:05d}",
                "path": f"grid/movie_{place:05d}.tif",
                "state": "done",
                "found_at": NOW,
                "target_revision": 1,
                **values,
            }
            for place in range(count)
        ]
        with self.hub.catalogue.write() as connection:
            movies.add_many(connection, session_id, rows)


def quick_guard() -> LoginGuard:
    """Make a guard whose passwords cost next to nothing."""
    return LoginGuard(Passwords(time_cost=1, memory_kib=8))


@contextlib.contextmanager
def serving(hub: Hub, static: Path) -> Iterator[str]:
    """Serve a hub by HTTP; gives the address."""
    with listen("127.0.0.1", 0, dead_after_s=1.0) as listening:
        server = make_server(hub, quick_guard(), static, listening)
        # Whoever connects before the server is ready waits.
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


@contextlib.contextmanager
def make_lab(folder: Path) -> Iterator[Lab]:
    """Make the laboratory in a folder."""
    for name in ("data", "page"):
        (folder / name).mkdir(exist_ok=True)
    roots = (folder / "raw", folder / "data" / "share")
    for root in roots:
        root.mkdir()
    config = ServerConfig(
        data_folder=folder / "data", roots=roots, device="cpu", trusted_proxies=("127.0.0.1",)
    )
    with contextlib.ExitStack() as closing:
        hub = LabHub(config, executor=InlineExecutor(), body=IdleBody)
        closing.callback(hub.close)
        lab = Lab(hub, closing.enter_context(serving(hub, folder / "page")), folder / "raw", closing)
        for login in ("admin", "ann", "otto", "vera", "bob"):
            made = accounts.add_user(
                hub, SERVER, quick_guard(), login=login, password=PASSWORD, is_admin=login == "admin"
            )
            lab.users[login] = made["id"]
        for name in ("cryo", "other"):
            lab.groups[name] = groups.add_group(hub, SERVER, name)["id"]
        for login, (group, role) in MEMBERS.items():
            groups.set_member(hub, SERVER, lab.groups[group], lab.users[login], role)
        lab.mine = sessions.create(hub, SERVER, {"name": "Apoferritin", "group": "cryo"})["id"]
        lab.foreign = sessions.create(hub, SERVER, {"name": "Secret", "group": "other"})["id"]
        yield lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Make the laboratory, for one test."""
    with make_lab(tmp_path) as lab:
        yield lab
