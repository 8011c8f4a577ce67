"""Running the app: uvicorn on the loopback, with connections that a fault can drop."""

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


def make_server(app: ASGIApp, port: int) -> Server:
    """Make a server on 127.0.0.1; port 0 takes a free one."""
    config = Config(
        app,
        host=HOST,
        port=port,
        http=DroppingProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    return Server(config)


def bound_port(server: Server) -> int:
    """Give the port of a server that has started."""
    return int(server.servers[0].sockets[0].getsockname()[1])
