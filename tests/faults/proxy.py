"""A TCP proxy before PostgreSQL that cuts the line where it is told to."""

import select
import socket
import socketserver
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from enum import Enum, auto

from sqlalchemy import URL

_CHUNK = 65536


class Cut(Enum):
    """What happens to a message on its way to the server."""

    NEVER = auto()
    BEFORE = auto()
    """The server does not get it."""
    AFTER = auto()
    """The server gets it and answers; the client does not get the answer."""


Decide = Callable[[bytes], Cut]


def is_commit(message: bytes) -> bool:
    """Whether a message to the server is COMMIT."""
    return message[:1] == b"Q" and message.endswith(b"COMMIT\x00")


def is_query(message: bytes) -> bool:
    """Whether a message to the server is SQL, COMMIT and ROLLBACK included."""
    return message[:1] == b"Q"


class Proxy(socketserver.ThreadingTCPServer):
    """``decide`` is asked about every message to the server; a thread for each connection."""

    def __init__(self, server: URL) -> None:
        self.target = (server.host or "127.0.0.1", server.port or 5432)
        self.decide: Decide = lambda _message: Cut.NEVER
        super().__init__(("127.0.0.1", 0), _Relay)

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self.socket.getsockname()[1])

    def once(self, matches: Callable[[bytes], bool], cut: Cut) -> None:
        """Cut at the next message that matches, and at no other."""
        lock = threading.Lock()
        done = False

        def decide(message: bytes) -> Cut:
            nonlocal done
            with lock:
                if done or not matches(message):
                    return Cut.NEVER
                done = True
                return cut

        self.decide = decide


class _Relay(socketserver.BaseRequestHandler):
    request: socket.socket

    def handle(self) -> None:
        line = self.server
        assert isinstance(line, Proxy)
        with suppress(OSError), socket.create_connection(line.target) as server:
            while self._pass_on(server, line):
                pass

    def _pass_on(self, server: socket.socket, line: Proxy) -> bool:
        """Pass on what there is; False where the line is to be cut, or is."""
        readable, _, _ = select.select([self.request, server], [], [])
        if server in readable:
            answer = server.recv(_CHUNK)
            self.request.sendall(answer)
            return bool(answer)
        message = self.request.recv(_CHUNK)
        cut = line.decide(message) if message else Cut.BEFORE
        if cut is not Cut.BEFORE:
            server.sendall(message)
        if cut is Cut.AFTER:
            server.recv(_CHUNK)  # by then it is done
        return cut is Cut.NEVER


@contextmanager
def proxy(server: URL) -> Generator[Proxy]:
    """Run it; what goes through it must be closed before it."""
    with Proxy(server) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.02,), name="proxy")
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()
