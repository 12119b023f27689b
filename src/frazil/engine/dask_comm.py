"""Dask messages through sockets in a folder that only this user may enter.

Whoever can talk to a Dask scheduler or worker can run any code as its user. A TCP port, on 127.0.0.1
too, is open to everybody with an account on the machine; a socket file in a folder of mode 0700 is not.

An address is ``unix://FOLDER:NUMBER``, the folder's path in hexadecimal, so that it looks like host and
port to Dask and says everything that a worker needs to know to connect.
"""

from __future__ import annotations

import secrets
import socket
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed.comm.addressing import parse_host_port
from distributed.comm.core import BaseListener, Comm, CommClosedError, Connector
from distributed.comm.registry import Backend, backends
from distributed.comm.tcp import MAX_BUFFER_SIZE, TCP, convert_stream_closed_error
from tornado.iostream import IOStream, StreamClosedError
from tornado.netutil import bind_unix_socket
from tornado.tcpserver import TCPServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SCHEME = "unix"


def address_host(folder: Path) -> str:
    """Return the host part of addresses in a folder."""
    return str(folder).encode().hex()


def _socket_path(location: str) -> Path:
    host, number = parse_host_port(location)
    return Path(bytes.fromhex(host).decode()) / str(number)


def _url(location: str) -> str:
    return f"{SCHEME}://{location}"


class UnixComm(TCP):  # type: ignore[misc]
    """A connection; reads and writes as Dask's TCP connections do."""

    def __init__(self, stream: IOStream, local: str, peer: str, deserialize: bool = True) -> None:
        # TCP's own constructor sets options that such sockets don't have.
        self._closed = False
        Comm.__init__(self, deserialize=deserialize)
        self._local_addr, self._peer_addr = local, peer
        self.stream = stream
        self._extra: dict[str, Any] = {}
        self._finalizer = weakref.finalize(self, stream.close)
        self._finalizer.atexit = False
        itself = weakref.ref(self)
        stream.set_close_callback(lambda: _mark_closed(itself))


def _mark_closed(comm: weakref.ref[UnixComm]) -> None:
    there = comm()
    if there is not None:
        there._closed = True  # noqa: SLF001


class _UnixConnector(Connector):  # type: ignore[misc]
    async def connect(self, address: str, deserialize: bool = True, **_arguments: Any) -> UnixComm:
        stream = IOStream(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), max_buffer_size=MAX_BUFFER_SIZE)
        try:
            await stream.connect(str(_socket_path(address)))
        except StreamClosedError as error:
            convert_stream_closed_error(self, error)
        return UnixComm(stream, _url(address), _url(address), deserialize)


class _Server(TCPServer):
    def __init__(self, accept: Callable[[IOStream], Awaitable[None]]) -> None:
        super().__init__(max_buffer_size=MAX_BUFFER_SIZE)
        self._accept = accept

    async def handle_stream(self, stream: IOStream, address: object) -> None:  # noqa: ARG002
        await self._accept(stream)


class _UnixListener(BaseListener):  # type: ignore[misc]
    def __init__(
        self,
        location: str,
        handle: Callable[[Comm], Awaitable[None]],
        deserialize: bool,
        allow_offload: bool = True,
    ) -> None:
        super().__init__()
        host, number = parse_host_port(location, 0)
        self._location = f"{host}:{number or secrets.randbits(31)}"
        self._handle, self._deserialize, self._allow_offload = handle, deserialize, allow_offload
        self._server: _Server | None = None

    @property
    def prefix(self) -> str:
        return f"{SCHEME}://"

    @property
    def listen_address(self) -> str:
        return _url(self._location)

    @property
    def contact_address(self) -> str:
        return _url(self._location)

    async def start(self) -> None:
        self._server = _Server(self._accept)
        self._server.add_socket(bind_unix_socket(str(_socket_path(self._location)), mode=0o600))

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            _socket_path(self._location).unlink(missing_ok=True)

    async def _accept(self, stream: IOStream) -> None:
        if self._server is None:
            stream.close()
            return
        comm = UnixComm(stream, self.listen_address, self.listen_address, self._deserialize)
        comm.allow_offload = self._allow_offload
        try:
            await self.on_connection(comm)
        except CommClosedError:
            return
        await self._handle(comm)


class _UnixBackend(Backend):  # type: ignore[misc]
    def get_connector(self) -> _UnixConnector:
        return _UnixConnector()

    def get_listener(
        self,
        loc: str,
        handle_comm: Callable[[Comm], Awaitable[None]],
        deserialize: bool,
        allow_offload: bool = True,
        **_arguments: Any,
    ) -> _UnixListener:
        return _UnixListener(loc, handle_comm, deserialize, allow_offload)

    def get_address_host(self, loc: str) -> str:
        host: str = parse_host_port(loc)[0]
        return host

    def get_address_host_port(self, loc: str) -> tuple[str, int]:
        host, number = parse_host_port(loc)
        return host, number

    def resolve_address(self, loc: str) -> str:
        return loc

    def get_local_address_for(self, loc: str) -> str:
        return self.get_address_host(loc)


def register() -> None:
    """Teach Dask these addresses."""
    backends.setdefault(SCHEME, _UnixBackend())
