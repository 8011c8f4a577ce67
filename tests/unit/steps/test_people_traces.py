"""Which executions are about one person, wherever the address stands, and which only speak of them."""

import pytest

from christmas_tasks.engine_records import Execution
from christmas_tasks.errors import PayloadError
from christmas_tasks.steps.people import read_address
from christmas_tasks.steps.traces import Traces, find_traces
from christmas_tasks.unsubscribe import Claim, make_token
from tests.fakes import Calls
from tests.unit.steps.people_fakes import FakeEngine

ANN = "ann@example.org"
KEY = "noshow-0123456789abcdef0123456789abcdef"
TOKEN = make_token("some key", Claim(ANN, f"{KEY}-1"))


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(Calls())


def found(engine: FakeEngine, *keys: str) -> Traces:
    return find_traces(ANN, keys, engine)


def ids(executions: tuple[Execution, ...]) -> list[str]:
    return [execution.execution_id for execution in executions]


@pytest.mark.parametrize(
    ("flow", "body"),
    [
        ("signup-handler", {"email": ANN}),
        ("signup-handler", {"email": " Ann <ANN@example.org> "}),
        ("assessment-handler", {"email": ANN, "red_systems": "no number: the execution has failed"}),
        ("noshow-recovery-handler", {"event": "invitee_no_show.created", "payload": {"email": ANN}}),
        ("call-booked-handler", {"event": "invitee.created", "payload": {"email": ANN}}),
        ("resend-events", {"type": "email.opened", "data": {"to": [ANN]}}),
        ("resend-events", {"type": "email.bounced", "data": {"to": f"Ann <{ANN}>"}}),
        ("unsubscribe", f"List-Unsubscribe=One-Click&token={TOKEN}".encode()),
        ("unsubscribe", f"List-Unsubscribe=One-Click&token={TOKEN.replace('_', '%5F')}".encode()),
    ],
)
@pytest.mark.parametrize("stored", [False, True])
def test_a_body_that_names_the_address_is_the_persons(
    engine: FakeEngine, flow: str, body: object, *, stored: bool
) -> None:
    """In each caller's form, whether Kestra keeps the body in the execution or as a file."""
    given = body.decode() if isinstance(body, bytes) and not stored else body
    engine.add_body("own", flow, given, stored=stored)
    assert ids(found(engine).own) == ["own"]


def test_inputs_token_links_and_labels_are_looked_at(engine: FakeEngine) -> None:
    """A flow started by hand, a token in a link or a header, an email by label, input or tag."""
    engine.add("by-hand", "postcall-maybe-handler", inputs={"email": "Ann@Example.org"})
    engine.add("link", "unsubscribe", trigger={"parameters": {"token": [TOKEN]}})
    engine.add("referer", "unsubscribe", trigger={"headers": {"Referer": [f"https://example.org/u?token={TOKEN}"]}})
    engine.add_email(KEY, 2)
    engine.add("send-by-hand", "send-email", inputs={"enrolment": KEY, "email_number": 3})
    engine.add_body("event", "resend-events", {"data": {"to": ["x"], "tags": {"enrolment": KEY}}}, stored=True)
    engine.add("health", "health-check")
    assert ids(found(engine, KEY).own) == ["by-hand", "link", "referer", f"send-{KEY}-2-3", "send-by-hand", "event"]


@pytest.mark.parametrize(
    "body",
    [
        {"email": "ben@example.org", "call_notes": f"Knows {ANN}."},
        {"event": "x", "payload": {"email": "ben@example.org", "event_memberships": [{"user_email": ANN}]}},
        {"type": "email.sent", "data": {"from": ANN, "to": ["ben@example.org"]}},
    ],
)
def test_a_body_that_only_speaks_of_the_address_is_somebody_elses(engine: FakeEngine, body: object) -> None:
    """The host of a call, the sender of a mail, a name in a note: told, and left alone."""
    engine.add_body("bens", "some-flow", body, stored=True)
    traces = found(engine)
    assert (ids(traces.own), ids(traces.mentions)) == ([], ["bens"])


@pytest.mark.parametrize("other", [f"jo{ANN}", f"{ANN}.uk", f"x.{ANN}", f"{ANN}a"])
def test_a_longer_address_is_another_one(engine: FakeEngine, other: str) -> None:
    """Neither owned nor mentioned."""
    engine.add_body("other", "signup-handler", {"email": other})
    assert found(engine) == Traces((), (), frozenset(), 1)


def test_a_body_cannot_make_somebody_elses_emails_look_like_the_persons(engine: FakeEngine) -> None:
    """The unsubscribe webhook is open to all: a key that stands in a posted body or token proves nothing."""
    forged = make_token("not our key", Claim(ANN, "noshow-somebody-elses-1"))
    engine.add_body("forged", "unsubscribe", f"token={forged}".encode(), stored=True)
    engine.add_body("tags", "resend-events", {"data": {"to": [ANN], "tags": {"enrolment": "noshow-somebody-elses"}}})
    engine.add_email("noshow-somebody-elses", 1)
    traces = found(engine)
    assert ids(traces.own) == ["forged", "tags"]
    assert traces.keys == frozenset()


def test_a_hostile_body_costs_no_more_than_its_length(engine: FakeEngine) -> None:
    """Two million letters that could begin a token: within seconds, not days."""
    engine.add_body("long", "unsubscribe", b"a" * 2_000_000 + b"." + b"a" * 21, stored=True)
    engine.add_body("junk", "unsubscribe", b"\xff\x00[[[" * 1_000, stored=True)
    assert found(engine).own == ()


@pytest.mark.parametrize("text", ["", "ann", "ann@", "ann@example.org, ben@example.org", "ann@@example.org"])
def test_a_malformed_address_is_refused(text: str) -> None:
    """In words that name the rule."""
    with pytest.raises(PayloadError, match="email"):
        read_address(text)
