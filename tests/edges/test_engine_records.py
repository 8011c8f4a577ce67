"""Kestra's answers about executions, whatever they are: pages, refusals, what is gone."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from christmas_tasks.engine_records import EngineRecords
from christmas_tasks.errors import OutcomeUnknown, SetupRefused, VendorUnavailable


def light(number: int, **more: Any) -> dict[str, Any]:
    """An execution as Kestra's search shows it."""
    state = {"current": "CREATED", "startDate": "2026-01-02T03:04:05Z"}
    return {"id": f"e{number}", "flowId": "send-email", "state": state, **more}


class Kestra:
    """Answers each request with the next of the given ones, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response | Exception] = []
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}?{request.url.query.decode()}")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def kestra() -> Kestra:
    return Kestra()


@pytest.fixture
def records(kestra: Kestra) -> Iterator[EngineRecords]:
    records = EngineRecords("http://kestra.example.org", "anna@example.org", "secret", budget_s=0.01)
    records._http = httpx.Client(
        base_url="http://kestra.example.org/api/v1/main/", transport=httpx.MockTransport(kestra)
    )
    yield records
    records.close()


def test_all_reads_every_page_in_an_order_that_new_ones_do_not_move(kestra: Kestra, records: EngineRecords) -> None:
    """100 at a time, oldest first; what a search leaves out is empty."""
    first = [light(number) for number in range(100)]
    last = light(
        100,
        labels=[{"key": "enrolment", "value": "noshow-1"}, {"key": "system.from", "value": "api"}],
        trigger={"variables": {"uri": "kestra:///body"}},
        scheduleDate="2026-02-01T00:00:00Z",
    )
    kestra.answers = [httpx.Response(200, json={"results": page, "total": 101}) for page in (first, [last])]
    found = list(records.all())
    assert [execution.execution_id for execution in found] == [f"e{number}" for number in range(101)]
    assert (found[-1].labels, found[-1].stored_body) == ({"enrolment": "noshow-1"}, "kestra:///body")
    assert (found[0].labels, found[0].stored_body, found[0].scheduled_at) == ({}, "", None)
    assert all("sort=state.startDate%3Aasc" in asked for asked in kestra.asked)


def test_what_is_gone_is_no_trouble(kestra: Kestra, records: EngineRecords) -> None:
    """Another erase, or a purge, was faster."""
    kestra.answers = [httpx.Response(404) for _ in range(7)]
    assert (records.has_ended("x"), records.whole("x"), records.outputs("x"), records.logs("x")) == (True, None, [], [])
    assert records.file("x", "kestra:///x") is None
    records.kill("x")
    assert records.delete("x")


def test_an_execution_that_has_not_ended_is_not_deleted(kestra: Kestra, records: EngineRecords) -> None:
    """And one that has ended can't be killed, which is as well."""
    kestra.answers = [httpx.Response(409), httpx.Response(409), httpx.Response(204)]
    records.kill("x")
    assert [records.delete("x"), records.delete("x")] == [False, True]


@pytest.mark.parametrize(
    ("state", "task", "has_ended"),
    [
        ("SUCCESS", "SUCCESS", True),
        ("CREATED", None, False),
        ("RETRYING", "RETRYING", False),
        ("KILLING", "RUNNING", False),
        ("KILLING", "KILLING", False),
        ("KILLING", "RETRYING", True),
        ("KILLED", "KILLED", True),
    ],
)
def test_what_has_ended_does_nothing_any_more(
    kestra: Kestra, records: EngineRecords, state: str, task: str | None, *, has_ended: bool
) -> None:
    """Also one that was killed between two tries, which Kestra 2.0.0 leaves in KILLING for ever."""
    runs = [{"state": {"current": task}}] if task else None
    kestra.answers = [httpx.Response(200, json={"state": {"current": state}, "taskRunList": runs})]
    assert records.has_ended("x") is has_ended


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), SetupRefused),
        (httpx.Response(422), SetupRefused),
        (httpx.Response(429), VendorUnavailable),
        (httpx.Response(500), VendorUnavailable),
        (httpx.ConnectError("no"), OutcomeUnknown),
    ],
)
def test_trouble_is_told_as_such(
    kestra: Kestra, records: EngineRecords, answer: httpx.Response | Exception, error: type[Exception]
) -> None:
    """In words for the person who typed a command."""
    kestra.answers = [answer] * 50
    with pytest.raises(error) as caught:
        records.delete("x")
    assert "restart the execution" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, html="<p>We are back soon.</p>"), httpx.Response(302, headers={"Location": "/ui/login"})],
)
def test_what_is_no_kestra_is_told_as_such(kestra: Kestra, records: EngineRecords, answer: httpx.Response) -> None:
    """A page of a proxy, or of a login, is no answer of the API."""
    kestra.answers = [answer] * 100
    with pytest.raises(OutcomeUnknown, match="KESTRA_URL"):
        records.ping()
    with pytest.raises(OutcomeUnknown, match="KESTRA_URL"):
        records.whole("x")


def test_an_address_that_is_none_is_told_as_such() -> None:
    """Without the address itself, which may hold a password."""
    with pytest.raises(SetupRefused, match="KESTRA_URL") as caught:
        EngineRecords("http://anna:secret@kestra:port", "", "")
    assert "secret" not in str(caught.value)
