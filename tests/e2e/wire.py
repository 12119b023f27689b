"""A network between a browser and the server that can be cut without a word, as by a pulled cable."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 65536


class Wire:
    """Passes connections on to ``port``; while ``cut`` nothing passes, and nobody is told."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._up = threading.Event()
        self._up.set()
        self._sockets: list[socket.socket] = []
        self._dead: set[socket.socket] = set()
        self._hanging: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Let nothing pass any more."""
        self._up.clear()
        self._dead.update(self._sockets)

    def mend(self) -> None:
        """Let what is connected from now on pass.

        What had nothing to say meanwhile is reset. What had goes on hanging, as TCP does: it tries again ever
        more seldom, and so may be silent for as long again as the cut was.
        """
        self._up.set()
        for one in self._dead - self._hanging:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._end(one)

    def close(self) -> None:
        """End all connections."""
        for one in (self._listening, *self._sockets):
            self._end(one)

    @staticmethod
    def _end(one: socket.socket) -> None:
        # Only a shutdown wakes a thread that waits at a socket.
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                self._sockets.append(near)
                if not self._up.is_set():
                    self._dead.add(near)
                    self._hanging.add(near)
                    continue
                far = socket.create_connection(("127.0.0.1", self._port))
                self._sockets.append(far)
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                if source in self._dead:
                    self._hanging.add(source)
                else:
                    target.sendall(piece)
            if source not in self._dead:
                target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def wire_to(url: str) -> Iterator[Wire]:
    """Lay a wire to a server."""
    wire = Wire(int(url.rpartition(":")[2]))
    try:
        yield wire
    finally:
        wire.close()
