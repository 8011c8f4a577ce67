"""The health check: every secret and setting by name, both vendors, mode, deadline, version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from importlib.metadata import version
from typing import Protocol

from christmas_tasks.columns import Database
from christmas_tasks.errors import ChristmasError, SettingsError
from christmas_tasks.notion_schema import Schema
from christmas_tasks.sequences import Mode, Sequence, all_template_names, template_name
from christmas_tasks.settings import OPTIONAL_SECRETS, Settings
from christmas_tasks.templates import Template, problems

_TEST_DOMAIN = "resend.dev"


class Databases(Protocol):
    """What the check asks of Notion."""

    def whoami(self) -> str:
        """The integration's name."""
        ...

    def schema(self, database: Database, *, fresh: bool = False) -> Schema:
        """How a database looks."""
        ...

    def templates(self, *, fresh: bool = False) -> Mapping[str, Template]:
        """All templates by name."""
        ...


class Domains(Protocol):
    """What the check asks of Resend."""

    def domains(self) -> dict[str, str]:
        """Sender domains and their status."""
        ...


class Pingable(Protocol):
    """What the check asks of Kestra."""

    def ping(self) -> None:
        """Prove that the API answers and takes the login."""
        ...


@dataclass(frozen=True)
class Report:
    """What the check has found.

    Args:
        lines: The whole report, one line for each item.
        faults: What breaks the campaign; empty: healthy.
        warnings: What a person may want to know.
    """

    lines: tuple[str, ...]
    faults: tuple[str, ...]
    warnings: tuple[str, ...]


class _Findings:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.faults: list[str] = []
        self.warnings: list[str] = []

    def good(self, line: str) -> None:
        self.lines.append(f"ok       {line}")

    def warn(self, line: str) -> None:
        self.lines.append(f"warning  {line}")
        self.warnings.append(line)

    def fault(self, line: str) -> None:
        self.lines.append(f"FAULT    {line}")
        self.faults.append(line)


def check(
    environ: Mapping[str, str],
    notion: Callable[[], Databases],
    mailer: Callable[[], Domains],
    engine: Callable[[], Pingable],
    now: datetime,
) -> Report:
    """Look at everything the campaign relies on; reads only, safe to repeat.

    Args:
        environ: The server's environment.
        notion: Makes the client; called only if its settings are there.
        mailer: Likewise.
        engine: Likewise; the waiting emails are started over it.
        now: Aware UTC.
    """
    findings = _Findings()
    findings.good(f"christmas-tasks {version('christmas-tasks')}")
    try:
        settings = Settings.load(environ)
    except SettingsError as error:
        for line in error.lines:
            findings.fault(line)
        return Report(tuple(findings.lines), tuple(findings.faults), tuple(findings.warnings))
    _check_settings(settings, findings, now)
    _guarded(findings, lambda: _check_notion(notion(), findings))
    _guarded(findings, lambda: _check_resend(mailer(), settings, findings))
    _guarded(findings, lambda: _check_engine(engine(), findings))
    return Report(tuple(findings.lines), tuple(findings.faults), tuple(findings.warnings))


def _guarded(findings: _Findings, look: Callable[[], None]) -> None:
    try:
        look()
    except ChristmasError as error:
        for line in error.lines:
            findings.fault(line)


def _check_settings(settings: Settings, findings: _Findings, now: datetime) -> None:
    missing = settings.missing()
    for name in missing:
        findings.fault(f"{name} is not set: put it into .env.kestra.")
    if not missing:
        findings.good("every required setting is there")
    for name in OPTIONAL_SECRETS:
        if not settings.optional_secret(name):
            findings.lines.append(f"off      {name} is not set: that is allowed")
    if settings.mode is Mode.TESTING:
        findings.warn(f"testing mode is on: a minute of the plan lasts {settings.testing_minute_seconds:g} s")
    else:
        findings.good("production mode")
    days = (settings.campaign_deadline - settings.local_date(now)).days
    if days < 0:
        findings.warn(f"the campaign's deadline {settings.campaign_deadline} has passed: mails say 0 days")
    else:
        findings.good(f"the campaign's deadline {settings.campaign_deadline} is in {days} days")


def _check_notion(notion: Databases, findings: _Findings) -> None:
    findings.good(f"Notion answers, integration {notion.whoami()}")
    for database in Database:
        try:
            schema = notion.schema(database, fresh=True)
        except ChristmasError as error:
            findings.fault(f"{database.value}: {error}")
            continue
        faults = schema.faults()
        for line in faults:
            findings.fault(f"{database.label} database: {line}")
        if not faults:
            findings.good(f"the {database.label} database has every required column")
        if gaps := schema.gaps():
            findings.warn(f"{database.label} database: optional columns are missing: {', '.join(gaps)}")
    _check_templates(notion.templates(fresh=True), findings)


def _check_templates(templates: Mapping[str, Template], findings: _Findings) -> None:
    good = 0
    website_only = template_name(Sequence.FIVE_DAY, 1)
    for name in all_template_names():
        template = templates.get(name)
        found = ("it is missing: add it",) if template is None else problems(template)
        good += not found
        for problem in found:
            line = f'template "{name}": {problem}'
            if name == website_only:
                findings.warn(f"{line} (the website sends this one)")
            else:
                findings.fault(line)
    findings.good(f"{good} of {len(all_template_names())} templates can be sent")


def _check_resend(mailer: Domains, settings: Settings, findings: _Findings) -> None:
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


def _check_engine(engine: Pingable, findings: _Findings) -> None:
    engine.ping()
    findings.good("Kestra's API answers and takes the login")
