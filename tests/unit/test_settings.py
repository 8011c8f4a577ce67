"""The settings of contract section 10: names, defaults, and a sentence for each one that is wrong."""

import base64
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta

import pytest

from christmas_tasks.errors import SettingsError
from christmas_tasks.quiet_hours import QuietHours
from christmas_tasks.sequences import Mode
from christmas_tasks.settings import Settings

REQUIRED_SECRETS = [
    "NOTION_TOKEN",
    "NOTION_CONTACTS_DB_ID",
    "NOTION_TEMPLATES_DB_ID",
    "NOTION_EMAIL_SEQUENCE_DB_ID",
    "RESEND_API_KEY",
    "WEBSITE_WEBHOOK_KEY",
    "CALENDLY_WEBHOOK_KEY",
    "RESEND_WEBHOOK_KEY",
    "UNSUBSCRIBE_SIGNING_KEY",
]
OPTIONAL_SECRETS = ["DISCORD_WEBHOOK_URL", "CALENDLY_SIGNING_KEY", "RESEND_SIGNING_SECRET"]
PLAIN = [
    "TESTING_MODE",
    "TESTING_MINUTE_SECONDS",
    "EMAIL_FROM",
    "EMAIL_REPLY_TO",
    "PUBLIC_URL",
    "UNSUBSCRIBE_PAGE_URL",
    "CAMPAIGN",
    "CAMPAIGN_DEADLINE",
    "MIN_EMAIL_GAP",
    "MAX_EMAIL_LATENESS",
    "QUIET_HOURS",
    "TIMEZONE",
    "POSTAL_ADDRESS",
    "CALENDLY_LINK",
    "PDF_DOWNLOAD_LINK",
    "SPOTS_REMAINING",
    "BOOKINGS_COUNT",
    "WEBSITE_ORIGIN",
    "NOTION_BASE_URL",
    "RESEND_API_URL",
]
VALUE = "s3cret-value"


def load(**environ: str) -> Settings:
    return Settings.load(environ)


def fault(**environ: str) -> str:
    """The one line about settings that can't be read."""
    with pytest.raises(SettingsError) as caught:
        load(**environ)
    (line,) = caught.value.lines
    return line


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_names_are_the_contracts() -> None:
    """All of section 10; more may be there."""
    assert {*REQUIRED_SECRETS, *OPTIONAL_SECRETS, *PLAIN} <= set(Settings.names())


def test_nothing_set_is_no_error() -> None:
    """Defaults are the contract's; what is required is named by the health check."""
    settings = load()
    assert settings.mode is Mode.PRODUCTION
    assert settings.testing_minute_seconds == 60
    assert settings.campaign == "Christmas 2025"
    assert settings.campaign_deadline == date(2025, 12, 5)
    assert settings.min_email_gap == timedelta(hours=6)
    assert settings.max_email_lateness == timedelta(days=7)
    assert settings.quiet is None
    assert settings.notion_base_url == "https://api.notion.com"
    assert settings.resend_api_url == "https://api.resend.com"


def test_everything_required_is_named_if_it_is_missing() -> None:
    """By name: the nine secrets, and the plain ones that a mail can't do without."""
    missing = load().missing()
    assert [name for name in missing if name in REQUIRED_SECRETS] == REQUIRED_SECRETS
    assert not set(missing) & {*OPTIONAL_SECRETS, "TESTING_MODE", "QUIET_HOURS", "CALENDLY_LINK"}
    plain = {"EMAIL_FROM", "PUBLIC_URL", "UNSUBSCRIBE_PAGE_URL", "POSTAL_ADDRESS"}
    assert set(missing) == {*REQUIRED_SECRETS, *plain}


@pytest.mark.parametrize("name", REQUIRED_SECRETS)
def test_a_required_secret_is_named_when_it_is_asked_for(name: str) -> None:
    """Set: its value. Not set: a line with its name and where to put it."""
    assert load(**{name: VALUE}).secret(name) == VALUE
    assert name not in load(**{name: VALUE}).missing()
    with pytest.raises(SettingsError, match=f"^{name} is not set"):
        load().secret(name)


@pytest.mark.parametrize("name", OPTIONAL_SECRETS)
def test_an_optional_secret_that_is_not_set_is_empty(name: str) -> None:
    """Never an error."""
    assert load().optional_secret(name) == ""
    assert load(**{name: VALUE}).optional_secret(name) == VALUE


@pytest.mark.parametrize("name", [*REQUIRED_SECRETS, *OPTIONAL_SECRETS])
def test_a_secret_may_stand_in_base64_as_kestra_has_it(name: str) -> None:
    """Its own name wins; a line break of ``base64`` does no harm."""
    assert load(**{f"SECRET_{name}": encoded(VALUE)}).optional_secret(name) == VALUE
    assert load(**{f"SECRET_{name}": f" {encoded(VALUE)[:6]}\n{encoded(VALUE)[6:]}\n"}).optional_secret(name) == VALUE
    assert load(**{name: VALUE, f"SECRET_{name}": encoded("other")}).optional_secret(name) == VALUE


@pytest.mark.parametrize("name", [*REQUIRED_SECRETS, *OPTIONAL_SECRETS])
def test_a_secret_never_shows(name: str) -> None:
    """Not in ``repr``, not in ``str``, not in a dump."""
    settings = load(**{name: VALUE})
    assert VALUE not in f"{settings!r} {settings} {vars(settings)} {asdict(settings)}"


@pytest.mark.parametrize("text", ["%%%", "abc", VALUE])
def test_a_secret_that_is_no_base64_is_named_without_its_value(text: str) -> None:
    """The line says what to do."""
    line = fault(SECRET_RESEND_API_KEY=text)
    assert line.startswith("SECRET_RESEND_API_KEY is not base64")
    assert text not in line.replace("SECRET_RESEND_API_KEY", "")


@pytest.mark.parametrize(
    "environ",
    [
        {"NOTION_EMAIL_TEMPLATES_DB_ID": VALUE},
        {"SECRET_NOTION_EMAIL_TEMPLATES_DB_ID": encoded(VALUE)},
        {"NOTION_TEMPLATES_DB_ID": VALUE, "NOTION_EMAIL_TEMPLATES_DB_ID": "other"},
        {"NOTION_TEMPLATES_DB_ID": " ", "NOTION_EMAIL_TEMPLATES_DB_ID": VALUE},
    ],
)
def test_the_templates_database_has_another_name(environ: dict[str, str]) -> None:
    """Contract section 8."""
    assert load(**environ).secret("NOTION_TEMPLATES_DB_ID") == VALUE


@pytest.mark.parametrize("name", [*REQUIRED_SECRETS, *OPTIONAL_SECRETS, *PLAIN])
@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_setting_counts_as_unset(name: str, blank: str) -> None:
    """As an env file with empty lines gives it."""
    assert load(**{name: blank}) == load()


@pytest.mark.parametrize("text", ["true", "TRUE", " True ", "tRuE"])
def test_testing_mode_is_on_if_it_reads_true(text: str) -> None:
    """In any case of letters."""
    assert load(TESTING_MODE=text).mode is Mode.TESTING


@pytest.mark.parametrize("text", ["false", "1", "yes", "on", "t", "truee", "true!", "0", "testing"])
def test_testing_mode_is_off_for_everything_else(text: str) -> None:
    """Nobody mails a campaign within minutes by mistake; and it is no error."""
    assert load(TESTING_MODE=text).mode is Mode.PRODUCTION


@pytest.mark.parametrize(("text", "seconds"), [("60", 60), ("2", 2), ("0.5", 0.5), (" 3600 ", 3600)])
def test_a_testing_minute_has_as_many_seconds_as_it_says(text: str, seconds: float) -> None:
    """Demos lower it; it changes the plan and the gap of the testing mode alone."""
    testing = load(TESTING_MODE="true", TESTING_MINUTE_SECONDS=text)
    assert testing.timing.testing_minute_s == seconds
    assert testing.send_policy.min_gap == timedelta(seconds=seconds / 6)
    assert load(TESTING_MINUTE_SECONDS=text).send_policy.min_gap == timedelta(hours=6)


@pytest.mark.parametrize("text", ["0", "-1", "3601", "nan", "inf", "a minute", "1_000_000"])
def test_a_testing_minute_that_is_none_is_refused(text: str) -> None:
    """With an example."""
    assert fault(TESTING_MINUTE_SECONDS=text).startswith("TESTING_MINUTE_SECONDS must be ")


@pytest.mark.parametrize("name", ["MIN_EMAIL_GAP", "MAX_EMAIL_LATENESS"])
@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("6h", timedelta(hours=6)),
        ("90 m", timedelta(minutes=90)),
        ("7D", timedelta(days=7)),
        ("PT6H", timedelta(hours=6)),
        ("P1DT2H3M", timedelta(days=1, hours=2, minutes=3)),
        ("p7d", timedelta(days=7)),
        ("0h", timedelta(0)),
    ],
)
def test_a_duration_is_read_in_both_forms(name: str, text: str, span: timedelta) -> None:
    """Short, and ISO 8601."""
    policy = load(**{name: text}).send_policy
    assert (policy.min_gap if name == "MIN_EMAIL_GAP" else policy.max_lateness) == span


@pytest.mark.parametrize("name", ["MIN_EMAIL_GAP", "MAX_EMAIL_LATENESS"])
@pytest.mark.parametrize("text", ["6", "six hours", "-6h", "1.5h", "P", "PT", "6w", "9999999999d", "P99999999999D"])
def test_a_duration_that_is_none_is_refused(name: str, text: str) -> None:
    """With an example."""
    line = fault(**{name: text})
    assert line.startswith(f"{name} ")
    assert "7d" in line


def test_quiet_hours_are_read_in_the_settings_zone() -> None:
    """Off by default; both the plan and the send know them."""
    settings = load(QUIET_HOURS="21:00-08:00", TIMEZONE="America/New_York")
    assert settings.quiet == QuietHours(time(21), time(8), "America/New_York")
    assert settings.timing.quiet_hours == settings.send_policy.quiet_hours == settings.quiet


@pytest.mark.parametrize(
    ("environ", "beginning"),
    [
        ({"QUIET_HOURS": "9 to 5"}, "QUIET_HOURS must look like"),
        ({"TIMEZONE": "Mars/Olympus"}, "TIMEZONE must be a time zone's name"),
        ({"TIMEZONE": "../../etc/passwd"}, "TIMEZONE must be a time zone's name"),
        ({"CAMPAIGN_DEADLINE": "5.12.2025"}, "CAMPAIGN_DEADLINE must be a date"),
        ({"CAMPAIGN": "x" * 101}, "CAMPAIGN "),
        ({"EMAIL_FROM": "Zoe Frost"}, "EMAIL_FROM must be one address"),
        ({"EMAIL_FROM": "a@example.org, b@example.org"}, "EMAIL_FROM must be one address"),
        ({"EMAIL_REPLY_TO": "Anna <anna>"}, "EMAIL_REPLY_TO must be one address"),
        ({"CALENDLY_LINK": "javascript:alert(1)"}, "CALENDLY_LINK must be an https address"),
        ({"PDF_DOWNLOAD_LINK": "http://example.org"}, "PDF_DOWNLOAD_LINK must be an https address"),
        ({"PUBLIC_URL": "http://flows.example.org"}, "PUBLIC_URL must be an https address"),
        ({"PUBLIC_URL": "http://127.0.0.1.example.org"}, "PUBLIC_URL must be an https address"),
        ({"UNSUBSCRIBE_PAGE_URL": "pages.example.org"}, "UNSUBSCRIBE_PAGE_URL must be an https address"),
        ({"WEBSITE_ORIGIN": "*"}, "WEBSITE_ORIGIN must be an https address"),
        ({"NOTION_BASE_URL": "http://notion.example.org"}, "NOTION_BASE_URL must be an https address"),
        ({"RESEND_API_URL": "ftp://example.org"}, "RESEND_API_URL must be an https address"),
    ],
)
def test_a_setting_that_cannot_be_read_has_a_line_with_its_name(environ: dict[str, str], beginning: str) -> None:
    """What it must be, and never what it was."""
    line = fault(**environ)
    assert line.startswith(beginning)
    assert not [value for value in environ.values() if value in line]


def test_every_setting_at_fault_has_its_line_at_once() -> None:
    """Nobody restarts a server once for each mistake."""
    with pytest.raises(SettingsError) as caught:
        load(
            QUIET_HOURS="x",
            TIMEZONE="x",
            MIN_EMAIL_GAP="x",
            SECRET_NOTION_TOKEN="%%%",
            SECRET_RESEND_API_KEY="%%%",
        )
    assert sorted(line.split()[0] for line in caught.value.lines) == [
        "MIN_EMAIL_GAP",
        "QUIET_HOURS",
        "SECRET_NOTION_TOKEN",
        "SECRET_RESEND_API_KEY",
        "TIMEZONE",
    ]


@pytest.mark.parametrize("sender", ["anna@example.org", "Anna Frost <anna@example.org>", "<anna@example.org>"])
def test_a_sender_is_one_address_with_or_without_a_name(sender: str) -> None:
    """As Resend takes it."""
    assert load(EMAIL_FROM=sender).email_from == sender


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://flows.example.org/", "https://flows.example.org"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/x", "http://localhost:8080/x"),
    ],
)
def test_a_base_address_has_no_slash_at_its_end(given: str, read: str) -> None:
    """Paths are put behind it; plain http is for this machine alone."""
    assert load(PUBLIC_URL=given).public_url == read


def test_the_mails_get_what_the_settings_say() -> None:
    """Deadline, links, numbers and address."""
    facts = load(
        CAMPAIGN_DEADLINE="2025-12-24",
        CALENDLY_LINK="https://example.org/call",
        PDF_DOWNLOAD_LINK="https://example.org/pdf",
        SPOTS_REMAINING="12",
        BOOKINGS_COUNT="40",
        POSTAL_ADDRESS="1 Example Street",
    ).campaign_facts
    assert facts.deadline == date(2025, 12, 24)
    assert (facts.calendly_link, facts.pdf_download_link) == ("https://example.org/call", "https://example.org/pdf")
    assert (facts.spots_remaining, facts.bookings_count, facts.postal_address) == ("12", "40", "1 Example Street")


def test_the_day_is_that_of_the_campaigns_zone() -> None:
    """At 03:00 UTC it is still yesterday in New York."""
    at = datetime(2025, 12, 5, 3, 0, tzinfo=UTC)
    assert load(TIMEZONE="America/New_York").local_date(at) == date(2025, 12, 4)
    assert load().local_date(at) == date(2025, 12, 5)


@pytest.mark.parametrize("name", ["MIN_EMAIL_GAP", "MAX_EMAIL_LATENESS"])
@pytest.mark.parametrize("text", ["4000d", "P4000D", "99999999999d"])
def test_a_duration_that_no_date_could_bear_is_refused(name: str, text: str) -> None:
    """Added to a date it would overflow in the middle of a send; ten years are enough."""
    assert fault(**{name: text}).startswith(f"{name} is too long a duration")
    assert load(**{name: "3650d"})
