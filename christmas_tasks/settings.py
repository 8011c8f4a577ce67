"""Every setting of contract section 10, read once from the environment, with a reason for each one that is wrong.

A secret is read from ``NAME`` (as the flows hand it over) or from ``SECRET_NAME`` in base64 (as Kestra's server has
it). Values never appear in messages or in ``repr``.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from christmas_tasks import setting_forms
from christmas_tasks.decisions import SendPolicy
from christmas_tasks.errors import SettingsError
from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.sequences import Mode, Timing
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


class Secret:
    """A value that shows in no ``repr``, no traceback and no dump."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(***)"

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value


def _secret() -> Any:  # noqa: ANN401 - dataclasses.field's own type
    return field(default=None, metadata={"read": Secret})


def _plain(default: object, read: Callable[[str], object] = setting_forms.text) -> Any:  # noqa: ANN401 - likewise
    return field(default=default, metadata={"read": read})


@dataclass(frozen=True)
class Settings:
    """The settings of one server; field names are the environment's, in lower case.

    A plain dataclass: building a pydantic model costs each of the three tasks of an email 0.1 s of CPU.
    """

    notion_token: Secret | None = _secret()
    notion_contacts_db_id: Secret | None = _secret()
    notion_templates_db_id: Secret | None = _secret()
    notion_email_sequence_db_id: Secret | None = _secret()
    resend_api_key: Secret | None = _secret()
    website_webhook_key: Secret | None = _secret()
    calendly_webhook_key: Secret | None = _secret()
    resend_webhook_key: Secret | None = _secret()
    unsubscribe_signing_key: Secret | None = _secret()
    discord_webhook_url: Secret | None = _secret()
    calendly_signing_key: Secret | None = _secret()
    resend_signing_secret: Secret | None = _secret()

    testing_mode: bool = _plain(default=False, read=setting_forms.only_true_is_on)
    testing_minute_seconds: float = _plain(60.0, setting_forms.seconds)
    email_from: str = _plain("", setting_forms.sender)
    email_reply_to: str = _plain("", setting_forms.sender)
    public_url: str = _plain("", setting_forms.base_url)
    unsubscribe_page_url: str = _plain("", setting_forms.base_url)
    campaign: str = _plain("Christmas 2025", setting_forms.campaign)
    campaign_deadline: date = _plain(date(2025, 12, 5), setting_forms.day)
    min_email_gap: timedelta = _plain(timedelta(hours=6), setting_forms.duration)
    max_email_lateness: timedelta = _plain(timedelta(days=7), setting_forms.duration)
    quiet_hours: str = _plain("", setting_forms.quiet_hours)
    timezone: str = _plain("UTC", setting_forms.zone)
    postal_address: str = _plain("")
    calendly_link: str = _plain("", setting_forms.link)
    pdf_download_link: str = _plain("", setting_forms.link)
    spots_remaining: str = _plain("")
    bookings_count: str = _plain("")
    website_origin: str = _plain("", setting_forms.base_url)
    notion_base_url: str = _plain("https://api.notion.com", setting_forms.vendor_url)
    resend_api_url: str = _plain("https://api.resend.com", setting_forms.vendor_url)
    onboarding_unsubscribe: bool = _plain(default=False, read=setting_forms.only_true_is_on)
    vendor_budget_seconds: float = _plain(60.0, setting_forms.seconds)
    notion_calls_per_second: float = _plain(3.0, setting_forms.rate)
    resend_calls_per_second: float = _plain(5.0, setting_forms.rate)
    christmas_cache_dir: str = _plain("")

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings; blank ones count as unset.

        Raises:
            SettingsError: One line for each value that can't be read, with its name and an example.
        """
        found: dict[str, Any] = {}
        lines: list[str] = []
        for setting in fields(cls):
            name = setting.name.upper()
            try:
                if value := _find(environ, name):
                    found[setting.name] = setting.metadata["read"](value)
            except SettingsError as error:
                lines.extend(error.lines)
            except ValueError as error:
                lines.append(f"{name} {error}")
        if lines:
            raise SettingsError(lines)
        return cls(**found)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Every setting as it is spelled in the environment."""
        return tuple(setting.name.upper() for setting in fields(cls))

    def secret(self, name: str) -> str:
        """The value of a required secret.

        Raises:
            SettingsError: It is not set.
        """
        value: Secret | None = getattr(self, name.lower())
        if value is None:
            raise SettingsError([f"{name} is not set: put it into .env.kestra as SECRET_{name} (base64)."])
        return value.reveal()

    def optional_secret(self, name: str) -> str:
        """The value of a secret, or empty."""
        value: Secret | None = getattr(self, name.lower())
        return "" if value is None else value.reveal()

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
