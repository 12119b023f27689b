"""``frazil serve``: the server."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from frazil.cli.access_file import NAME, AccessFile, read_access_file, write_access_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frazil.app.config import ServerConfig
    from frazil.app.hub import Hub

_LOG_BYTES, _LOG_FILES = 10_000_000, 3


def serve(
    config: Annotated[
        Path | None, typer.Option(help="TOML file with server settings [server.toml in the data folder].")
    ] = None,
    data_folder: Annotated[
        Path | None, typer.Option(help="Catalogue and access file [~/.local/share/frazil].")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [8181].")] = None,
    root: Annotated[
        list[Path] | None,
        typer.Option(help="Folder the server may see; may be given several times [your home]."),
    ] = None,
    session_root: Annotated[Path | None, typer.Option(help="Where new sessions go.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
) -> None:
    """Run the server until Ctrl-C or SIGTERM; what ran before goes on.

    Every server setting can also stand in server.toml or the environment (FRAZIL_PORT, …); see
    docs/reference/server.md.
    """
    from frazil.app.config import load_config

    options = {
        "data_folder": data_folder,
        "host": host,
        "port": port,
        "roots": tuple(root) if root else None,
        "session_root": session_root,
        "device": device,
    }
    with running(load_config(options, file=config)) as server:
        for line in server.greeting():
            typer.echo(line)
        server.run()
    typer.echo("frazil: stopped; the next start goes on from here", err=True)


class Server:
    """A hub and its HTTP server, which listens already.

    Attributes
    ----------
    hub, url
        What is served, and where.
    """

    def __init__(self, hub: Hub) -> None:
        from frazil.web.serving import make_server

        self.hub = hub
        self._server = make_server(hub)
        name = "127.0.0.1" if hub.config.host in ("0.0.0.0", "::") else hub.config.host
        self.url = f"http://{f'[{name}]' if ':' in name else name}:{hub.config.port}"

    def greeting(self) -> list[str]:
        """Lines that tell a person where to go."""
        from frazil.app.credentials import one_time_secret

        secret = one_time_secret(self.hub) if self.hub.config.is_loopback else None
        if secret is None:
            return [f"Frazil serves at {self.url}"]
        return [
            f"Frazil serves at {self.url}. Open this link once; it makes your browser the admin's:",
            f"  {self.url}/api/start?token={secret}",
        ]

    def close(self) -> None:
        """Let go of the port."""
        self._server.listening.close()

    def run(self) -> None:
        """Serve until somebody ends it."""
        with contextlib.suppress(KeyboardInterrupt):
            self._server.run()


@contextlib.contextmanager
def running(config: ServerConfig) -> Iterator[Server]:
    """Give a server whose tracks run; at the end everything is stopped, workers too.

    Raises `InputError` where another server has the catalogue or the port, or the address needs an account.
    """
    from frazil.app.hub import Hub
    from frazil.model.errors import InputError

    config.data_folder.mkdir(parents=True, exist_ok=True)
    with _log_file(config.data_folder):
        try:
            hub = Hub(config)
        except InputError as error:
            own = read_access_file(config.data_folder)
            if own is None or "another Frazil server" not in str(error):
                raise
            raise InputError(f"{error}: it answers at {own.url} (process {own.pid})") from error
        try:
            with contextlib.closing(Server(hub)) as server:
                hub.start()
                with _access(hub, server.url):
                    yield server
        finally:
            hub.close()


@contextlib.contextmanager
def _access(hub: Hub, url: str) -> Iterator[None]:
    """Leave a file by which this user's commands find the server."""
    import os

    from frazil.app.credentials import own_token

    folder = hub.config.data_folder
    write_access_file(folder, AccessFile(url=url, token=own_token(hub), pid=os.getpid()))
    try:
        yield
    finally:
        (folder / NAME).unlink(missing_ok=True)


@contextlib.contextmanager
def _log_file(folder: Path) -> Iterator[None]:
    """Keep what the server says in ``server.log``; what a person must see goes to the screen as well."""
    from logging.handlers import RotatingFileHandler

    file = RotatingFileHandler(folder / "server.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, delay=True)
    screen = logging.StreamHandler()
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    screen.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    screen.setLevel(logging.WARNING)
    log = logging.getLogger()
    before = log.level
    log.setLevel(logging.INFO)
    for handler in (file, screen):
        log.addHandler(handler)
    try:
        yield
    finally:
        for handler in (file, screen):
            log.removeHandler(handler)
            handler.close()
        log.setLevel(before)
