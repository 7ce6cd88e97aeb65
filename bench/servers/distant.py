"""A proxy that makes the server behind it look far away, and notes every request.

A reply leaves exactly one round trip after its request has arrived, however long the server itself took (unless that
was longer): the distance is the same for everyone, and the speed of server and proxy is no part of the figures.
Connections themselves are made at once; on a real line each costs round trips of its own.
"""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import parse_qs

# More than any client here opens at once; awsiam's own bound is 64 calls.
MOST_CONNECTIONS = 64


@dataclass(frozen=True)
class Request:
    """A request, with when it had arrived and when its reply was sent."""

    operation: str
    arrived: float
    replied: float


def dependent_round_trips(requests: list[Request]) -> int:
    """How many round trips had to be waited for one after the other: a request that arrives after the reply to an
    earlier one was sent belongs to a later wave than that one."""
    waves: list[tuple[float, int]] = []
    for request in sorted(requests, key=lambda request: request.arrived):
        before = [wave for replied, wave in waves if replied <= request.arrived]
        waves.append((request.replied, max(before, default=0) + 1))
    return max((wave for _, wave in waves), default=0)


class Distance:
    """The proxy. Empty `requests` before each run."""

    def __init__(self, server_port: int) -> None:
        self.round_trip_ms = 0.0
        self.requests: list[Request] = []
        self._server = ("127.0.0.1", server_port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=MOST_CONNECTIONS)
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        # All wait already: making a thread for a connection would delay its first request.
        for _ in range(MOST_CONNECTIONS):
            threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            try:
                with client:
                    self._serve(client)
            except (EOFError, ConnectionError):
                pass

    def _serve(self, client: socket.socket) -> None:
        server = None
        requests = client.makefile("rb")
        try:
            while True:
                head, body = read_message(requests)
                arrived = time.perf_counter()
                # Connecting only now takes its time out of the distance, rather than from the client.
                if server is None:
                    server = socket.create_connection(self._server)
                    replies = server.makefile("rb")
                    for one in (client, server):
                        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.sendall(head + body)
                reply = b"".join(read_message(replies))
                time.sleep(max(0.0, arrived + self.round_trip_ms / 1e3 - time.perf_counter()))
                operation = parse_qs(body.decode()).get("Action", [""])[0]
                self.requests.append(Request(operation, arrived, time.perf_counter()))
                client.sendall(reply)
        finally:
            if server is not None:
                server.close()


def read_message(stream: BinaryIO) -> tuple[bytes, bytes]:
    """An HTTP message's head and body. Both sides give the length of what they send."""
    head, length = b"", 0
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            raise EOFError
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        head += line
    return head, stream.read(length)
