"""Running the app: uvicorn on the loopback, with connections that a fault can drop."""

import socket

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from christmas_sandbox.gate import DROP

HOST = "127.0.0.1"
# How long a stop waits for answers under way.
STOP_SECONDS = 2


class DroppingProtocol(H11Protocol):
    """HTTP/1.1 whose requests can close their connection without an answer, through an ASGI extension."""

    def handle_events(self) -> None:
        """Parse what came in, and give a request that starts the means to drop its connection."""
        super().handle_events()
        # The request's task has been made but has not run yet, so its scope can still be added to.
        if self.scope is not None:
            self.scope.setdefault("extensions", {})[DROP] = {"drop": self.transport.abort}


def bind(port: int, host: str = HOST) -> socket.socket:
    """Take a port of 127.0.0.1, or of another address of this machine; port 0 takes a free one.

    Raises:
        OSError: the port is taken, and the message says which.
    """
    # asyncio switches Nagle's delay (40 ms an answer) off only where the protocol is named.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Without it a restart would wait for old connections to fade.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"port {port}: {error.strerror}") from None
    return bound


def make_server(app: ASGIApp) -> Server:
    """Make a server; run it with a socket of `bind`."""
    config = Config(
        app,
        http=DroppingProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    return Server(config)


def url_of(bound: socket.socket) -> str:
    """Give the address of a bound socket."""
    return f"http://{HOST}:{bound.getsockname()[1]}"
