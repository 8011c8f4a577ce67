"""What Kestra's searches say of emails that wait and run, and of what stands still."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from christmas_tasks import engine_api
from christmas_tasks.engine_api import EngineApi, StandingStill


def execution(number: int, state: str, *, since: timedelta, due: timedelta | None = None) -> dict[str, Any]:
    """One of ``send-email`` that entered its state some time ago, and was due some time ago."""
    now = datetime.now(UTC)
    histories = [
        {"state": "CREATED", "date": (now - timedelta(days=9)).isoformat()},
        {"state": state, "date": (now - since).isoformat()},
    ]
    return {
        "id": f"e{number}",
        "flowId": "send-email",
        "state": {"current": state, "startDate": histories[0]["date"], "histories": histories},
        "scheduleDate": (now - due).isoformat() if due is not None else None,
        "labels": [{"key": "enrolment", "value": "noshow-1"}, {"key": "email", "value": str(number)}],
    }


class Kestra:
    """Searches by state among its executions."""

    def __init__(self, *executions: dict[str, Any]) -> None:
        self.executions = list(executions)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        states = request.url.params["filters[state][IN]"].split(",")
        found = [one for one in self.executions if one["state"]["current"] in states]
        return httpx.Response(200, json={"results": found, "total": len(found)})


def client(answers: Callable[[httpx.Request], httpx.Response]) -> EngineApi:
    """Of a Kestra that answers so."""
    api = EngineApi("http://kestra.example.org", "anna@example.org", "secret", budget_s=0.01)
    api._http = httpx.Client(base_url="http://kestra.example.org/api/v1/main/", transport=httpx.MockTransport(answers))
    return api


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited for, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr(engine_api, "sleep", waited.append)
    return waited


@pytest.mark.parametrize(
    ("state", "since", "due", "is_live"),
    [
        ("CREATED", timedelta(days=4), timedelta(hours=-1), True),
        ("CREATED", timedelta(days=4), timedelta(minutes=10), True),
        ("CREATED", timedelta(days=4), timedelta(minutes=16), False),
        ("CREATED", timedelta(minutes=1), None, True),
        ("RUNNING", timedelta(hours=2), timedelta(hours=4), True),
        ("RUNNING", timedelta(hours=4), timedelta(hours=4), False),
        ("KILLING", timedelta(hours=4), None, False),
        ("PAUSED", timedelta(hours=4), None, True),
    ],
)
def test_an_email_whose_execution_stands_still_is_not_on_its_way(
    state: str, since: timedelta, due: timedelta | None, *, is_live: bool
) -> None:
    """Killed in a bad moment, Kestra forgets to go on: the email is started anew, and mailed once all the same."""
    kestra = client(Kestra(execution(1, state, since=since, due=due)))
    assert kestra.live_emails() == (frozenset({("noshow-1", 1)}) if is_live else frozenset())


def test_what_has_no_history_is_left_alone() -> None:
    """When it was made says nothing of how long it has been as it is."""
    found = execution(1, "RUNNING", since=timedelta(days=1))
    del found["state"]["histories"]
    assert client(Kestra(found)).live_emails() == {("noshow-1", 1)}


def test_a_kestra_that_is_catching_up_gets_a_minute(monkeypatch: pytest.MonkeyPatch, looks: list[float]) -> None:
    """After hours without it, everything that was due meanwhile is overdue until it has looked at it."""
    kestra = Kestra(execution(1, "CREATED", since=timedelta(days=4), due=timedelta(hours=5)))

    def go_on(seconds: float) -> None:
        looks.append(seconds)
        kestra.executions = [execution(1, "RUNNING", since=timedelta(), due=timedelta(hours=5))]

    monkeypatch.setattr(engine_api, "sleep", go_on)
    assert client(kestra).live_emails() == {("noshow-1", 1)}
    assert looks == [60.0]
    assert client(kestra).live_emails() == {("noshow-1", 1)}
    assert looks == [60.0]


def test_an_email_with_another_execution_that_goes_on_is_on_its_way(looks: list[float]) -> None:
    """The one that stands still is nobody's trouble then."""
    old = execution(1, "RUNNING", since=timedelta(hours=5))
    assert client(Kestra(old, execution(1, "RUNNING", since=timedelta(0)))).live_emails() == {("noshow-1", 1)}
    assert looks == []


def test_what_waits_is_counted_with_or_without_what_is_overdue() -> None:
    """A handler must not start a first attempt beside one that may still wake; reconcile must not wait for it."""
    overdue = execution(1, "CREATED", since=timedelta(days=4), due=timedelta(hours=1))
    kestra = client(Kestra(overdue, execution(2, "CREATED", since=timedelta(days=4), due=timedelta(days=-1))))
    assert kestra.waiting_numbers("noshow-1", overdue=True) == {1, 2}
    assert kestra.waiting_numbers("noshow-1", overdue=False) == {2}


def test_what_has_been_in_one_state_for_hours_is_named() -> None:
    """What is younger may still be trying; what waits, is paused or is being killed is nobody's to mend here."""
    hours = timedelta(hours=5)
    others = [execution(number, state, since=hours) for number, state in enumerate(("CREATED", "PAUSED", "KILLING"))]
    young, old = execution(8, "RUNNING", since=timedelta(hours=1)), execution(9, "RUNNING", since=hours)
    (still,) = client(Kestra(*others, young, old)).standing_still()
    since = datetime.fromisoformat(old["state"]["histories"][-1]["date"])
    assert still == StandingStill("e9", "send-email", since)


def test_each_part_of_a_start_says_how_long_it_is() -> None:
    """Netty needs it where the network cuts the form behind a value."""
    bodies = []

    def take(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(200, json={"id": "e1"})

    assert client(take).start({"enrolment": "größe", "email_number": "2"}, {}, datetime.now(UTC)) == "e1"
    assert bodies[0].count(b"Content-Length: ") == 2
    assert b"Content-Length: 7\r\n\r\ngr\xc3\xb6\xc3\x9fe\r\n" in bodies[0]
