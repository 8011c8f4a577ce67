"""The bodies of the webhooks as models (contract section 3): strict on what decides, forgiving on what decorates.

Parsing is pure: no clock, no network. ``parse`` takes the decoded JSON of a flat body and returns a model, or raises
``PayloadError`` with one line for each field at fault; a line names the field and the rule, never the value.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from christmas_tasks.errors import PayloadError
from christmas_tasks.instants import read_instant
from christmas_tasks.payload_fields import (
    Address,
    Count,
    Flag,
    Link,
    Money,
    Notes,
    OptionalCount,
    Score,
    Status,
    Text,
    Texts,
    fault,
    is_blank,
)
from christmas_tasks.segments import SYSTEMS_TOTAL
from christmas_tasks.text import first_word

_PAID = frozenset({"paid", "completed", "succeeded"})
_MAX_AHEAD = timedelta(days=1)


class Payload(BaseModel):
    """What all bodies share: who it is about. Unknown fields are ignored and kept nowhere."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    # Fields of which at least one must be there, and the sentence for a body that has none.
    one_of: ClassVar[tuple[str, ...]] = ()
    none_of_them: ClassVar[str] = ""

    email: Address
    first_name: Text = ""
    last_name: Text = ""
    name: Text = ""
    business_name: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _blank_is_absent(cls, body: object) -> object:
        # Before the aliases are looked up: a null under one name must not hide the value under the other.
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if not is_blank(value)}

    @model_validator(mode="after")
    def _has_one_of(self) -> Self:
        if self.one_of and not any(getattr(self, name) for name in self.one_of):
            raise fault(self.none_of_them)
        return self

    @property
    def given_name(self) -> str:
        """``first_name``, else the first word of ``name``, else empty."""
        return self.first_name or first_word(self.name)

    @property
    def family_name(self) -> str:
        """``last_name``, else what follows the first word of ``name``, else empty."""
        return self.last_name or " ".join(self.name.split()[1:])


class Signup(Payload):
    """A visitor signed up; the website mails the confirmation."""

    source: Text = ""


class Assessment(Payload):
    """A visitor finished the assessment; the website has sent #1 of ``5day``, or has tried to."""

    red_systems: Count
    orange_systems: Count
    yellow_systems: OptionalCount = 0
    green_systems: OptionalCount = 0
    email_1_sent_at: Any = Field(default=None)
    email_1_status: Status = ""
    assessment_score: Score = Field(default=None, validation_alias=AliasChoices("assessment_score", "overall_score"))
    weakest_system_1: Text = Field(default="", validation_alias=AliasChoices("weakest_system_1", "weakest_system"))
    weakest_system_2: Text = ""
    strongest_system: Text = ""
    revenue_leak_total: Money = 0.0

    @property
    def email_1_failed(self) -> bool:
        """Whether the website says that #1 did not go out; absent or blank counts as sent."""
        return self.email_1_status.lower() not in {"", "sent"}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person may want to know, though it is accepted."""
        total = self.red_systems + self.orange_systems + self.yellow_systems + self.green_systems
        if total != SYSTEMS_TOTAL:
            return (f"The systems add up to {total}, not {SYSTEMS_TOTAL}: accepted as they are.",)
        return ()


class NoShow(Payload):
    """A contact missed a call. Flat form of a relay, or taken out of Calendly's own envelope."""

    one_of = ("calendly_event_id", "calendly_event_uri", "scheduled_time")
    none_of_them = "calendly_event_id, calendly_event_uri or scheduled_time is missing"

    calendly_event_id: Text = ""
    calendly_event_uri: Text = ""
    scheduled_time: Text = ""
    event_type: Text = ""
    reschedule_url: Link = ""
    time_zone: Text = ""

    @property
    def cause(self) -> str:
        """The missed call: the event's id in either spelling, else its time as an instant if it can be read."""
        event = self.calendly_event_id or self.calendly_event_uri
        if event:
            return event.rstrip("/").rpartition("/")[2] or event
        return _date_cause(self.scheduled_time)


class PostCall(Payload):
    """A contact said "maybe" on a call."""

    call_date: Text = ""
    interest_level: Text = ""
    call_outcome: Text = ""
    call_notes: Notes = ""
    objections: Texts = ()
    follow_up_priority: Text = ""

    @property
    def cause(self) -> str:
        """``call_date``, as an instant if it holds one; absent: one enrolment for each campaign."""
        return _date_cause(self.call_date)


class Onboarding(Payload):
    """A contact has paid, or the caller tells that it hasn't yet."""

    one_of = ("payment_status", "payment_confirmed")
    none_of_them = "payment_status (or payment_confirmed: true) is missing"

    payment_status: Text = ""
    payment_confirmed: Flag = False
    payment_date: Text = ""
    payment_amount: Text = ""
    package_type: Text = ""
    docusign_completed: Flag = False
    portal_url: Link = ""
    diagnostic_call_date: Text = ""
    salon_address: Text = ""
    start_date: Text = ""
    observation_dates: Texts = ()

    @property
    def is_paid(self) -> bool:
        """The payment rule of contract section 3."""
        return self.payment_confirmed or self.payment_status.lower() in _PAID

    @property
    def cause(self) -> str:
        """``payment_date``; absent: one enrolment for each campaign."""
        return _date_cause(self.payment_date)


P = TypeVar("P", bound=Payload)


def parse(model: type[P], body: object) -> P:
    """Read a flat body.

    Raises:
        PayloadError: No JSON object, or fields at fault: one line for each.
    """
    if not isinstance(body, dict):
        raise PayloadError(["The body must be a JSON object."])
    try:
        return model.model_validate(body)
    except ValidationError as error:
        lines = [_line(problem) for problem in error.errors(include_url=False)]
        # Pydantic looks at single fields first; without this the next fault would show only after the first repair.
        if (
            model.none_of_them not in lines
            and model.one_of
            and not any(_is_given(body.get(name)) for name in model.one_of)
        ):
            lines.append(model.none_of_them)
        raise PayloadError(lines) from None


def website_sent_at(value: object, received_at: datetime) -> tuple[datetime, tuple[str, ...]]:
    """When the website sent #1 of ``5day`` (contract section 3), and warnings about it.

    Args:
        value: ``email_1_sent_at`` as it came.
        received_at: The execution's start, aware UTC; the fallback.
    """
    fallback = "the time of receipt is used"
    if is_blank(value):
        return received_at, (f"email_1_sent_at is absent: {fallback}.",)
    moment = read_instant(value)
    if moment is None:
        return received_at, (f"email_1_sent_at is no ISO 8601 time: {fallback}.",)
    if moment.instant > received_at + _MAX_AHEAD:
        return received_at, (f"email_1_sent_at is more than a day ahead: {fallback}.",)
    if not moment.had_zone:
        return moment.instant, ("email_1_sent_at has no time zone: read as UTC.",)
    return moment.instant, ()


def _date_cause(text: str) -> str:
    moment = read_instant(text)
    return text if moment is None else moment.instant.isoformat()


def _is_given(value: object) -> bool:
    return value is not False and not is_blank(value)


def _line(problem: ErrorDetails) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    reason = "is missing" if problem["type"] == "missing" else problem["msg"]
    return f"{field}: {reason}" if field else str(reason)
