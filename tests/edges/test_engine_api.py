"""What Kestra's searches say of emails that wait and run, and of what stands still."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from christmas_tasks.engine_api import EngineApi, StandingStill

NOW = datetime.now(UTC)


def execution(number: int, state: str, *, since: timedelta, due: timedelta | None = None) -> dict[str, Any]:
    """One of ``send-email`` that entered its state some time ago, and was due some time ago."""
    return {
        "id": f"e{number}",
        "flowId": "send-email",
        "state": {
            "current": state,
            "histories": [
                {"state": "CREATED", "date": "2026-01-01T00:00:00Z"},
                {"state": state, "date": (NOW - since).isoformat()},
            ],
        },
        "scheduleDate": (NOW - due).isoformat() if due is not None else None,
        "labels": [{"key": "enrolment", "value": "noshow-1"}, {"key": "email", "value": str(number)}],
    }


def engine(*executions: dict[str, Any]) -> EngineApi:
    """Kestra with exactly these executions, whatever is asked for."""
    api = EngineApi("http://kestra.example.org", "anna@example.org", "secret", budget_s=0.01)
    answer = {"results": list(executions), "total": len(executions)}
    api._http = httpx.Client(
        base_url="http://kestra.example.org/api/v1/main/",
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answer)),
    )
    return api


@pytest.mark.parametrize(
    ("state", "since", "due", "is_live"),
    [
        ("CREATED", timedelta(days=4), timedelta(hours=-1), True),
        ("CREATED", timedelta(days=4), timedelta(minutes=14), True),
        ("CREATED", timedelta(days=4), timedelta(minutes=16), False),
        ("CREATED", timedelta(minutes=1), None, True),
        ("RUNNING", timedelta(minutes=179), timedelta(hours=4), True),
        ("RUNNING", timedelta(minutes=181), timedelta(hours=4), False),
        ("KILLING", timedelta(hours=4), None, False),
    ],
)
def test_an_email_whose_execution_stands_still_is_not_on_its_way(
    state: str, since: timedelta, due: timedelta | None, *, is_live: bool
) -> None:
    """Killed in a bad moment, Kestra forgets to go on: the email is started anew, and mailed once all the same."""
    kestra = engine(execution(1, state, since=since, due=due))
    assert kestra.live_emails() == (frozenset({("noshow-1", 1)}) if is_live else frozenset())
    assert kestra.waiting_numbers("noshow-1") == (frozenset({1}) if is_live else frozenset())


def test_what_has_run_for_hours_is_named() -> None:
    """With the time since when; what is younger may still be trying."""
    young = execution(1, "RUNNING", since=timedelta(hours=1))
    old = execution(2, "RUNNING", since=timedelta(hours=5))
    assert engine(young, old).standing_still() == (StandingStill("e2", "send-email", NOW - timedelta(hours=5)),)


def test_each_part_of_a_start_says_how_long_it_is() -> None:
    """Netty needs it where the network cuts the form behind a value."""
    bodies = []

    def take(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(200, json={"id": "e1"})

    kestra = engine()
    kestra._http = httpx.Client(base_url="http://kestra.example.org/api/v1/main/", transport=httpx.MockTransport(take))
    assert kestra.start({"enrolment": "größe", "email_number": "2"}, {}, NOW) == "e1"
    assert bodies[0].count(b"Content-Length: ") == 2
    assert b"Content-Length: 7\r\n\r\ngr\xc3\xb6\xc3\x9fe\r\n" in bodies[0]
