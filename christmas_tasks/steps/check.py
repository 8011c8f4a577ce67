"""The health check: every secret and setting by name, both vendors, Kestra, mode, deadline, version."""

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parseaddr
from importlib.metadata import version
from typing import Protocol

from christmas_tasks.columns import Database
from christmas_tasks.engine_api import StandingStill
from christmas_tasks.errors import SettingsError
from christmas_tasks.sequences import Mode
from christmas_tasks.settings import OPTIONAL_SECRETS, REQUIRED_SECRETS, Settings
from christmas_tasks.steps.databases import Schemas, look_at_database, look_at_templates
from christmas_tasks.steps.findings import Finding, Findings, Report, State
from christmas_tasks.templates import Template

_TEST_DOMAIN = "resend.dev"


class Databases(Schemas, Protocol):
    """What the check asks of Notion."""

    def whoami(self) -> str:
        """The integration's name."""
        ...

    def templates(self, *, fresh: bool = False) -> Mapping[str, Template]:
        """All templates by name."""
        ...


class Domains(Protocol):
    """What the check asks of Resend."""

    def domains(self) -> dict[str, str]:
        """Sender domains and their status."""
        ...


class Engine(Protocol):
    """What the check asks of Kestra."""

    def ping(self) -> None:
        """Prove that the API answers and takes the login."""
        ...

    def standing_still(self) -> tuple[StandingStill, ...]:
        """What has been in one state for hours."""
        ...


def check(
    environ: Mapping[str, str],
    notion: Callable[[], Databases],
    mailer: Callable[[], Domains],
    engine: Callable[[], Engine],
    now: datetime,
    tell: Callable[[Finding], None] = lambda _: None,
) -> Report:
    """Look at everything the campaign relies on; reads only, safe to repeat.

    Args:
        environ: The server's environment.
        notion: Makes the client; called only if its settings are there.
        mailer: Likewise.
        engine: Likewise; the waiting emails are started over it.
        now: Aware UTC.
        tell: Gets each item as soon as it is found: a vendor that gives no answer takes a minute.
    """
    findings = Findings(tell)
    findings.good(f"christmas-tasks {version('christmas-tasks')}")
    try:
        settings = Settings.load(environ)
    except SettingsError as error:
        for line in error.lines:
            findings.fault(line)
        findings.add(State.OFF, "nothing else was looked at: correct the settings first")
        return findings.report()
    _check_settings(settings, findings, now)
    notion_settings = ("NOTION_TOKEN", *Database)
    _unless_missing(settings, "Notion", notion_settings, findings, lambda: _check_notion(notion(), findings))
    resend_settings = ("RESEND_API_KEY", "EMAIL_FROM")
    _unless_missing(settings, "Resend", resend_settings, findings, lambda: _check_resend(mailer(), settings, findings))
    findings.guarded(lambda: _check_engine(engine(), findings))
    return findings.report()


def _unless_missing(
    settings: Settings, vendor: str, names: tuple[str, ...], findings: Findings, look: Callable[[], None]
) -> None:
    missing = [name for name in names if name in settings.missing()]
    if missing:
        findings.add(State.OFF, f"{vendor} was not looked at: {', '.join(missing)} must be set first")
    else:
        findings.guarded(look)


def _check_settings(settings: Settings, findings: Findings, now: datetime) -> None:
    missing = settings.missing()
    for name in missing:
        in_file = f"SECRET_{name} (base64)" if name in REQUIRED_SECRETS else name
        findings.fault(f"{name} is not set: put {in_file} into .env.kestra")
    if not missing:
        findings.good("every required setting is there")
    for name in OPTIONAL_SECRETS:
        if not settings.optional_secret(name):
            findings.add(State.OFF, f"{name} is not set: that is allowed")
    if settings.mode is Mode.TESTING:
        findings.warn(f"testing mode is on: a minute of the plan lasts {settings.testing_minute_seconds:g} s")
    else:
        findings.good("production mode")
    days = (settings.campaign_deadline - settings.local_date(now)).days
    if days < 0:
        findings.warn(f"the campaign's deadline {settings.campaign_deadline} has passed: mails say 0 days")
    else:
        findings.good(f"the campaign's deadline {settings.campaign_deadline} is in {days} days")


def _check_notion(notion: Databases, findings: Findings) -> None:
    findings.good(f"Notion answers, integration {notion.whoami()}")
    readable = [database for database in Database if look_at_database(notion, database, findings, briefly=True)]
    if Database.TEMPLATES in readable:
        look_at_templates(notion.templates(fresh=True).values(), findings)


def _check_resend(mailer: Domains, settings: Settings, findings: Findings) -> None:
    domain = parseaddr(settings.email_from)[1].rpartition("@")[2].lower()
    status = mailer.domains().get(domain)
    if domain == _TEST_DOMAIN:
        findings.warn("EMAIL_FROM is Resend's test sender: it reaches the account's owner only")
    elif status is None:
        findings.fault("EMAIL_FROM has a domain that Resend does not know: add it at Resend, or change the sender.")
    elif status != "verified":
        findings.fault(f"EMAIL_FROM has a domain that is {status} at Resend: finish its DNS records there.")
    else:
        findings.good("Resend answers, the sender's domain is verified")


def _check_engine(engine: Engine, findings: Findings) -> None:
    engine.ping()
    findings.good("Kestra's API answers and takes the login")
    for still in engine.standing_still():
        findings.fault(
            f"Execution {still.execution_id} of {still.flow} stands still since {still.since:%Y-%m-%d %H:%M} UTC: "
            "kill it, then press Replay, which mails nothing twice."
        )
