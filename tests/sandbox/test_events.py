"""Delivery events: signed as Resend signs, and posted to a local receiver."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import resend

from christmas_sandbox.resend_events import DEFAULT_SECRET
from christmas_sandbox.testing import SandboxHandle


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    posts: list[tuple[dict[str, str], str]]

    def do_POST(self) -> None:
        """Take one event."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], str]]]]:
    """A receiver's address and what it got."""
    Receiver.posts = []
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", Receiver.posts
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mail_id(mailer: Any) -> str:
    """An accepted mail."""
    tags = [{"name": "campaign", "value": "noshow"}]
    mail = {"from": "c@example.org", "to": "ann@example.org", "subject": "Hi", "text": "t", "tags": tags}
    return str(mailer.Emails.send(mail)["id"])


def verify(post: tuple[dict[str, str], str], secret: str) -> Any:
    headers, body = post
    given = {name: headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
    return resend.Webhooks.verify({"payload": body, "headers": given, "webhook_secret": secret})  # type: ignore[typeddict-item]


def test_a_signed_event_passes_the_sdks_check(
    sandbox: SandboxHandle, mail_id: str, receiver: tuple[str, list[Any]]
) -> None:
    """Body and headers as Resend's, tags as an object; the mail's last event follows."""
    url, posts = receiver
    answer = sandbox.deliver_event(mail_id, "bounced", url)
    assert answer["status"] == 202
    event = verify(posts[0], DEFAULT_SECRET)
    assert (event["type"], event["data"]["email_id"]) == ("email.bounced", mail_id)
    assert event["data"]["bounce"]["type"] == "Permanent"
    assert event["data"]["tags"] == {"campaign": "noshow"}
    assert sandbox.mails()[0]["last_event"] == "bounced"


def test_an_event_can_be_late_forged_or_repeated(
    sandbox: SandboxHandle, mail_id: str, receiver: tuple[str, list[Any]]
) -> None:
    """An old time or another secret fails the SDK's check; a retry has the same id."""
    url, posts = receiver
    sandbox.deliver_event(mail_id, "delivered", url, timestamp_offset_seconds=-3600, svix_id="msg_1")
    sandbox.deliver_event(mail_id, "delivered", url, secret="whsec_b3RoZXI=", svix_id="msg_1")
    for post in posts:
        with pytest.raises(ValueError, match=r".+"):
            verify(post, DEFAULT_SECRET)
    assert [headers["svix-id"] for headers, _body in posts] == ["msg_1", "msg_1"]


def test_an_event_stays_on_this_machine(sandbox: SandboxHandle, mail_id: str) -> None:
    """Another host is refused; a dead port is told as status 0."""
    with pytest.raises(Exception, match="400"):
        sandbox.deliver_event(mail_id, "delivered", "https://example.org/hook")
    assert sandbox.deliver_event(mail_id, "delivered", "http://127.0.0.1:1/hook")["status"] == 0
