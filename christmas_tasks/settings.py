"""Every setting of contract section 10, read once from the environment, with a reason for each one that is wrong.

A secret is read from ``NAME`` (as the flows hand it over) or from ``SECRET_NAME`` in base64 (as Kestra's server has
it). Values never appear in messages or in ``repr``.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from christmas_tasks.errors import SettingsError
from christmas_tasks.payloads import is_safe_link
from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.sequences import Mode, Timing
from christmas_tasks.tracker import SendPolicy
from christmas_tasks.variables import Campaign

REQUIRED_SECRETS = (
    "NOTION_TOKEN",
    "NOTION_CONTACTS_DB_ID",
    "NOTION_TEMPLATES_DB_ID",
    "NOTION_EMAIL_SEQUENCE_DB_ID",
    "RESEND_API_KEY",
    "WEBSITE_WEBHOOK_KEY",
    "CALENDLY_WEBHOOK_KEY",
    "RESEND_WEBHOOK_KEY",
    "UNSUBSCRIBE_SIGNING_KEY",
)
OPTIONAL_SECRETS = ("DISCORD_WEBHOOK_URL", "CALENDLY_SIGNING_KEY", "RESEND_SIGNING_SECRET")
OTHER_NAMES = {"NOTION_TEMPLATES_DB_ID": ("NOTION_EMAIL_TEMPLATES_DB_ID",)}
REQUIRED_PLAIN = ("EMAIL_FROM", "PUBLIC_URL", "UNSUBSCRIBE_PAGE_URL", "POSTAL_ADDRESS")

_DURATION = re.compile(r"(?:P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?)|(?:(\d+)\s*([dhm]))", re.IGNORECASE)
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def _wrong(reason: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{reason}", {"reason": reason})


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value).strip())
    if match is None or not any(match.groups()):
        raise _wrong("must be a duration, for example 6h, 7d or PT6H")
    days, hours, minutes, amount, unit = match.groups()
    try:
        if amount:
            return timedelta(**{_UNITS[unit.lower()]: int(amount)})
        return timedelta(days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0))
    except OverflowError:
        raise _wrong("is too long a duration, for example 6h, 7d or PT6H") from None


def _zone(value: object) -> object:
    try:
        return ZoneInfo(str(value).strip()).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _wrong("must be a time zone's name, for example America/New_York") from None


def _day(value: object) -> object:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise _wrong("must be a date, for example 2025-12-05") from None


def _minute(value: object) -> object:
    try:
        seconds = float(str(value))
    except ValueError:
        raise _wrong("must be a number of seconds, for example 60") from None
    if not 0 < seconds <= 3600:  # noqa: PLR2004 - an hour for a minute is a typing mistake
        raise _wrong("must be more than 0 and at most 3600 seconds, for example 60")
    return seconds


def _quiet_hours(value: object) -> object:
    text = str(value).strip()
    try:
        if text:
            QuietHours.parse(text, "UTC")
    except ValueError as error:
        raise _wrong(str(error)) from None
    return text


def _link(value: object) -> object:
    text = str(value).strip()
    if text and not is_safe_link(text):
        raise _wrong("must be an https address, for example https://example.org/page")
    return text


def _base_url(value: object) -> object:
    text = str(value).strip().rstrip("/")
    if text and not re.fullmatch(r"https://[^\s\"'<>]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[^\s\"'<>]*)?", text):
        raise _wrong("must be an https address (http only for 127.0.0.1), for example https://flows.example.org")
    return text


def _sender(value: object) -> object:
    text = str(value).strip()
    if text and not re.fullmatch(r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+", text):
        raise _wrong('must be one address, for example "Anna <anna@example.org>"')
    return text


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Link = Annotated[str, BeforeValidator(_link)]
BaseUrl = Annotated[str, BeforeValidator(_base_url)]
Sender = Annotated[str, BeforeValidator(_sender)]


class Settings(BaseModel):
    """The settings of one server; field names are the environment's, in lower case."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    notion_token: SecretStr | None = None
    notion_contacts_db_id: SecretStr | None = None
    notion_templates_db_id: SecretStr | None = None
    notion_email_sequence_db_id: SecretStr | None = None
    resend_api_key: SecretStr | None = None
    website_webhook_key: SecretStr | None = None
    calendly_webhook_key: SecretStr | None = None
    resend_webhook_key: SecretStr | None = None
    unsubscribe_signing_key: SecretStr | None = None
    discord_webhook_url: SecretStr | None = None
    calendly_signing_key: SecretStr | None = None
    resend_signing_secret: SecretStr | None = None

    testing_mode: bool = False
    testing_minute_seconds: Annotated[float, BeforeValidator(_minute)] = 60.0
    email_from: Sender = ""
    email_reply_to: Sender = ""
    public_url: BaseUrl = ""
    unsubscribe_page_url: BaseUrl = ""
    campaign: str = Field(default="Christmas 2025", max_length=100)
    campaign_deadline: Annotated[date, BeforeValidator(_day)] = date(2025, 12, 5)
    min_email_gap: Duration = timedelta(hours=6)
    max_email_lateness: Duration = timedelta(days=7)
    quiet_hours: Annotated[str, BeforeValidator(_quiet_hours)] = ""
    timezone: Annotated[str, BeforeValidator(_zone)] = "UTC"
    postal_address: str = ""
    calendly_link: Link = ""
    pdf_download_link: Link = ""
    spots_remaining: str = ""
    bookings_count: str = ""
    website_origin: BaseUrl = ""
    notion_base_url: BaseUrl = "https://api.notion.com"
    resend_api_url: BaseUrl = "https://api.resend.com"
    onboarding_unsubscribe: bool = False
    vendor_budget_seconds: Annotated[float, BeforeValidator(_minute)] = 60.0
    cache_dir: str = Field(default="", validation_alias="christmas_cache_dir")

    @model_validator(mode="before")
    @classmethod
    def _only_true_is_on(cls, values: dict[str, object]) -> dict[str, object]:
        for name in ("testing_mode", "onboarding_unsubscribe"):
            if name in values:
                values[name] = str(values[name]).strip().lower() == "true"
        return values

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings; blank ones count as unset.

        Raises:
            SettingsError: One line for each value that can't be read, with its name and an example.
        """
        found: dict[str, str] = {}
        lines: list[str] = []
        for name in cls.names():
            try:
                if value := _find(environ, name):
                    found[name.lower()] = value
            except SettingsError as error:
                lines.extend(error.lines)
        try:
            settings = cls.model_validate(found)
        except ValidationError as error:
            raise SettingsError([*lines, *(_line(problem) for problem in error.errors(include_url=False))]) from None
        if lines:
            raise SettingsError(lines)
        return settings

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Every setting as it is spelled in the environment."""
        return tuple(str(info.validation_alias or name).upper() for name, info in cls.model_fields.items())

    def secret(self, name: str) -> str:
        """The value of a required secret.

        Raises:
            SettingsError: It is not set.
        """
        value: SecretStr | None = getattr(self, name.lower())
        if value is None:
            raise SettingsError([f"{name} is not set: put it into .env.kestra as SECRET_{name} (base64)."])
        return value.get_secret_value()

    def optional_secret(self, name: str) -> str:
        """The value of a secret, or empty."""
        value: SecretStr | None = getattr(self, name.lower())
        return "" if value is None else value.get_secret_value()

    def missing(self) -> tuple[str, ...]:
        """The names of required settings that are not set."""
        secrets = [name for name in REQUIRED_SECRETS if getattr(self, name.lower()) is None]
        return (*secrets, *(name for name in REQUIRED_PLAIN if not getattr(self, name.lower())))

    @property
    def mode(self) -> Mode:
        """Testing only if ``TESTING_MODE`` reads ``true`` (contract section 5)."""
        return Mode.TESTING if self.testing_mode else Mode.PRODUCTION

    @property
    def quiet(self) -> QuietHours | None:
        """``QUIET_HOURS`` in ``TIMEZONE``, or None."""
        return QuietHours.parse(self.quiet_hours, self.timezone) if self.quiet_hours else None

    @property
    def timing(self) -> Timing:
        """What turns an anchor into planned times."""
        return Timing(self.mode, self.testing_minute_seconds, self.quiet)

    @property
    def send_policy(self) -> SendPolicy:
        """Gap, lateness, quiet hours; in testing mode the gap is a sixth of a testing minute (contract section 5)."""
        gap = timedelta(seconds=self.testing_minute_seconds / 6) if self.testing_mode else self.min_email_gap
        return SendPolicy(gap, self.max_email_lateness, self.quiet)

    @property
    def campaign_facts(self) -> Campaign:
        """What the settings give to every mail."""
        return Campaign(
            self.campaign_deadline,
            self.calendly_link,
            self.pdf_download_link,
            self.spots_remaining,
            self.bookings_count,
            self.postal_address,
        )

    def local_date(self, now: datetime) -> date:
        """The date in ``TIMEZONE`` at *now*."""
        return now.astimezone(ZoneInfo(self.timezone)).date()


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """Every setting that is set, by name; secrets decoded, values unchecked.

    Raises:
        SettingsError: A secret that is not base64.
    """
    return {name: value for name in Settings.names() if (value := _find(environ, name))}


def read_one(environ: Mapping[str, str], name: str) -> str:
    """One setting as text, unchecked; empty if it is not set or can't be decoded."""
    try:
        return _find(environ, name)
    except SettingsError:
        return ""


def utc_now() -> datetime:
    """The clock; edges and entries read it, the core is told."""
    return datetime.now(UTC)


def _find(environ: Mapping[str, str], name: str) -> str:
    for spelling in (name, *OTHER_NAMES.get(name, ())):
        plain = environ.get(spelling, "").strip()
        if plain:
            return plain
        if name in (*REQUIRED_SECRETS, *OPTIONAL_SECRETS):
            encoded = environ.get(f"SECRET_{spelling}", "").strip()
            if encoded:
                return _decoded(spelling, encoded)
    return ""


def _decoded(name: str, encoded: str) -> str:
    try:
        return base64.b64decode("".join(encoded.split()), validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        raise SettingsError([f"SECRET_{name} is not base64: encode it with printf %s VALUE | base64 -w0."]) from None


def _line(problem: ErrorDetails) -> str:
    name = ".".join(str(part) for part in problem["loc"]).upper()
    return f"{name} {problem['msg']}" if name else str(problem["msg"])
