"""The idempotency key: the same answer for 24 hours, and both conflicts."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from resend.exceptions import ResendError

from christmas_sandbox.testing import SandboxHandle

MAIL: dict[str, Any] = {"from": "c@example.org", "to": "ann@example.org", "subject": "Hello", "text": "Hello"}
KEY = {"idempotency_key": "christmas/abc/2"}
DAY_SECONDS = 24 * 3600


def test_the_same_key_and_mail_give_the_first_answer(sandbox: SandboxHandle, mailer: Any) -> None:
    """Nothing is sent again, even if the fields come in another order."""
    first = mailer.Emails.send(MAIL, KEY)
    again = mailer.Emails.send(dict(reversed(MAIL.items())), KEY)
    assert again["id"] == first["id"]
    assert len(sandbox.mails()) == 1


def test_the_same_key_with_another_mail_is_refused(sandbox: SandboxHandle, mailer: Any) -> None:
    """409 `invalid_idempotent_request`."""
    mailer.Emails.send(MAIL, KEY)
    with pytest.raises(ResendError) as caught:
        mailer.Emails.send({**MAIL, "subject": "Other"}, KEY)
    assert (caught.value.code, caught.value.error_type) == (409, "invalid_idempotent_request")
    assert len(sandbox.mails()) == 1


def test_the_key_is_forgotten_after_24_hours(sandbox: SandboxHandle, mailer: Any) -> None:
    """A second before, the key still holds; at 24 hours it sends again."""
    mailer.Emails.send(MAIL, KEY)
    sandbox.shift_clock(DAY_SECONDS - 60)
    mailer.Emails.send(MAIL, KEY)
    assert len(sandbox.mails()) == 1
    sandbox.shift_clock(DAY_SECONDS + 1)
    mailer.Emails.send(MAIL, KEY)
    assert len(sandbox.mails()) == 2


def test_a_key_in_use_is_a_conflict(sandbox: SandboxHandle, mailer: Any) -> None:
    """409 `concurrent_idempotent_requests` while the first is under way; afterwards its answer."""
    fault = sandbox.add_fault("resend", "hang", times=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(mailer.Emails.send, MAIL, KEY)
        _until(lambda: sandbox.state()["faults"][0]["hits"] == 1)
        with pytest.raises(ResendError) as caught:
            mailer.Emails.send(MAIL, KEY)
        sandbox.clear_faults(fault)
        sent = first.result(timeout=10)
    assert (caught.value.code, caught.value.error_type) == (409, "concurrent_idempotent_requests")
    assert mailer.Emails.send(MAIL, KEY)["id"] == sent["id"]
    assert len(sandbox.mails()) == 1


def test_twenty_posts_at_once_send_one_mail(sandbox: SandboxHandle, mailer: Any) -> None:
    """Whatever each of them is answered, one mail is accepted."""

    def send(_number: int) -> str:
        try:
            return str(mailer.Emails.send(MAIL, KEY)["id"])
        except ResendError as error:
            return str(error.error_type)

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(send, range(20)))
    assert len(sandbox.mails()) == 1
    assert answers <= {sandbox.mails()[0]["id"], "concurrent_idempotent_requests"}


def test_a_refused_mail_does_not_use_up_its_key(sandbox: SandboxHandle, mailer: Any) -> None:
    """After the repair the same key sends."""
    with pytest.raises(ResendError):
        mailer.Emails.send({**MAIL, "to": "x"}, KEY)
    mailer.Emails.send(MAIL, KEY)
    assert len(sandbox.mails()) == 1


@pytest.mark.parametrize("key", ["", "k" * 257])
def test_a_key_of_wrong_length_is_refused(sandbox: SandboxHandle, mailer: Any, key: str) -> None:
    """400 `invalid_idempotency_key`."""
    with pytest.raises(ResendError) as caught:
        mailer.Emails.send(MAIL, {"idempotency_key": key})
    assert (caught.value.code, caught.value.error_type) == (400, "invalid_idempotency_key")
    assert sandbox.mails() == []


def test_a_batch_is_sent_once_too(sandbox: SandboxHandle, mailer: Any) -> None:
    """The key of a batch stands for the whole batch."""
    first = mailer.Batch.send([MAIL, MAIL], KEY)
    assert mailer.Batch.send([MAIL, MAIL], KEY)["data"] == first["data"]
    assert len(sandbox.mails()) == 2


def _until(condition: Any, seconds: float = 10) -> None:
    waiting = threading.Event()
    for _attempt in range(int(seconds / 0.005)):
        if condition():
            return
        waiting.wait(0.005)
    pytest.fail("the condition did not come true in time")
