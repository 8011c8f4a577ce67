"""A running sandbox for tests: real HTTP in a thread, with calls for what tests switch and read."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
from uvicorn import Server

from christmas_sandbox.app import create_app
from christmas_sandbox.sandbox import SandboxOptions
from christmas_sandbox.server import bind, make_server, url_of
from christmas_sandbox.wire import JsonObject

START_SECONDS = 10.0
STOP_SECONDS = 10.0


class SandboxHandle:
    """A sandbox as tests see it; every call goes over HTTP, so it also serves a sandbox of another process.

    Args:
        url: Such as `http://127.0.0.1:8025`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30.0)

    def close(self) -> None:
        """Close the connection; safe to repeat."""
        self._client.close()

    def mails(self, to: str | None = None) -> list[JsonObject]:
        """List the accepted mails in order, all or those to one address."""
        found: list[JsonObject] = self._get("mails", {"to": to} if to else {})["mails"]
        return found

    def rows(self, database: str, address: str | None = None) -> list[JsonObject]:
        """List the rows of `contacts`, `templates` or `tracker`, trashed too, oldest first; all or one person's."""
        found: list[JsonObject] = self._get(f"rows/{database}", {} if address is None else {"address": address})["rows"]
        return found

    def discord(self) -> list[JsonObject]:
        """List the messages at Discord, oldest first."""
        found: list[JsonObject] = self._get("discord")["messages"]
        return found

    def calls(self, after: int = 0) -> list[JsonObject]:
        """List the logged vendor calls from after a number."""
        found: list[JsonObject] = self._get("calls", {"after": str(after)})["calls"]
        return found

    def state(self) -> JsonObject:
        """Give the state: clock, ids, counts, limits, faults, settings."""
        return self._get("state")

    def add_fault(self, vendor: str, kind: str, **more: object) -> int:
        """Switch a fault on (see `faults.Fault`) and give its id."""
        return int(self._post("faults", {"vendor": vendor, "kind": kind, **more})["id"])

    def clear_faults(self, fault_id: int | None = None) -> None:
        """Switch one fault off, or all; hanging calls go on."""
        path = "faults" if fault_id is None else f"faults/{fault_id}"
        self._client.delete(f"/_sandbox/{path}").raise_for_status()

    def set_limits(self, **limits: object) -> None:
        """Switch rate limits: `notion=True`, `resend={"per_second": 5, "burst": 5}`, `discord=None`."""
        self._post("limits", limits)

    def set_settings(self, **settings: object) -> None:
        """Set `query_lag_ms` or `notion_cut_dates_to_minute`."""
        self._post("settings", settings)

    def shift_clock(self, offset_seconds: float) -> None:
        """Set how far the sandbox's now is ahead of the machine's."""
        self._post("clock", {"offset_seconds": offset_seconds})

    def reset(self) -> None:
        """Make the sandbox as new."""
        self._post("reset", {})

    def deliver_event(self, email_id: str, event: str, url: str, **more: object) -> JsonObject:
        """Sign and post a delivery event (see `resend_events.deliver_event`)."""
        return self._post("resend/events", {"email_id": email_id, "type": event, "url": url, **more})

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> JsonObject:
        answer = self._client.get(f"/_sandbox/{path}", params=params)
        answer.raise_for_status()
        found: JsonObject = answer.json()
        return found

    def _post(self, path: str, body: Mapping[str, object]) -> JsonObject:
        answer = self._client.post(f"/_sandbox/{path}", json=body)
        answer.raise_for_status()
        found: JsonObject = answer.json()
        return found


@contextmanager
def running_sandbox(
    data_dir: Path, options: SandboxOptions | None = None, static: Mapping[str, Path] | None = None, port: int = 0
) -> Iterator[SandboxHandle]:
    """Run a sandbox in a thread on a free port of 127.0.0.1 while the block runs.

    Raises:
        RuntimeError: it did not start or stop in time.
    """
    with bind(port) as bound:
        server = make_server(create_app(data_dir, options, static))
        run = partial(server.run, sockets=[bound])
        thread = threading.Thread(target=run, name="christmas-sandbox", daemon=True)
        thread.start()
        _wait_for_start(server, thread)
        handle = SandboxHandle(url_of(bound))
        try:
            yield handle
        finally:
            handle.close()
            server.should_exit = True
            thread.join(STOP_SECONDS)
            if thread.is_alive():
                raise RuntimeError("the sandbox did not stop")


def _wait_for_start(server: Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.002)
