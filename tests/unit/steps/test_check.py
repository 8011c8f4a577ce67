"""The health check's report: one line for each item, a fault for each thing that would break the campaign."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from christmas_tasks.columns import COLUMNS, Database
from christmas_tasks.engine_api import StandingStill
from christmas_tasks.errors import SetupRefused, VendorUnavailable
from christmas_tasks.notion_schema import ActualColumn, Schema
from christmas_tasks.settings import OPTIONAL_SECRETS, REQUIRED_PLAIN, REQUIRED_SECRETS
from christmas_tasks.steps.check import check
from christmas_tasks.steps.findings import Report
from christmas_tasks.templates import Template
from tests.fakes import broken, good_templates

NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)
SECRET = "a-value-that-must-not-be-told"


def good_environ() -> dict[str, str]:
    secrets = {f"SECRET_{name}": base64.b64encode(SECRET.encode()).decode() for name in REQUIRED_SECRETS}
    return {
        **secrets,
        "EMAIL_FROM": "Anna <anna@example.org>",
        "PUBLIC_URL": "https://flows.example.org",
        "UNSUBSCRIBE_PAGE_URL": "https://www.example.org/unsubscribe",
        "POSTAL_ADDRESS": "Example Street 1",
    }


def full_schema(database: Database) -> Schema:
    return Schema(database, "d5", tuple(ActualColumn(column.name, column.kinds[0]) for column in COLUMNS[database]))


@dataclass
class FakeVendors:
    """Notion, Resend and Kestra as the check sees them."""

    templates_found: dict[str, Template] = field(default_factory=good_templates)
    schemas: dict[Database, Schema] = field(default_factory=lambda: {each: full_schema(each) for each in Database})
    domains_found: dict[str, str] = field(default_factory=lambda: {"example.org": "verified"})
    refused: Database | None = None
    wrong_login: bool = False
    still: tuple[StandingStill, ...] = ()

    def whoami(self) -> str:
        return "Campaign"

    def schema(self, database: Database, *, fresh: bool = False) -> Schema:
        assert fresh
        if database is self.refused:
            raise SetupRefused("It is not shared with the integration.")
        return self.schemas[database]

    def templates(self, *, fresh: bool = False) -> Mapping[str, Template]:
        assert fresh
        return self.templates_found

    def domains(self) -> dict[str, str]:
        return self.domains_found

    def ping(self) -> None:
        if self.wrong_login:
            raise SetupRefused("Kestra's API refuses the login.")

    def standing_still(self) -> tuple[StandingStill, ...]:
        return self.still


def look(vendors: FakeVendors | None = None, environ: Mapping[str, str] | None = None) -> Report:
    found = vendors or FakeVendors()
    return check({**good_environ(), **(environ or {})}, lambda: found, lambda: found, lambda: found, NOW)


def test_a_healthy_campaign_has_no_fault() -> None:
    """The report names version, mode, deadline, both vendors and the templates."""
    report = look()
    assert report.faults == ()
    text = "\n".join(report.lines)
    for words in ("christmas-tasks 0", "production mode", "in 15 days", "Notion answers", "14 of 14", "verified"):
        assert words in text


@pytest.mark.parametrize("name", REQUIRED_SECRETS)
def test_each_missing_secret_is_named(name: str) -> None:
    """By name; never by value."""
    report = look(environ={f"SECRET_{name}": ""})
    assert any(line.startswith(f"{name} is not set") for line in report.faults)
    assert SECRET not in "\n".join(report.lines)


@pytest.mark.parametrize("name", REQUIRED_PLAIN)
def test_each_missing_plain_setting_is_named(name: str) -> None:
    assert any(line.startswith(f"{name} is not set") for line in look(environ={name: ""}).faults)


def test_optional_secrets_are_no_faults() -> None:
    """Absent ones are listed as off."""
    lines = look().lines
    for name in OPTIONAL_SECRETS:
        assert any(line.startswith("off") and name in line for line in lines)


def test_a_value_that_can_not_be_read_ends_the_check_with_its_name() -> None:
    """Nothing else can be told then."""
    report = look(environ={"MIN_EMAIL_GAP": "soon", "QUIET_HOURS": "late"})
    assert any("MIN_EMAIL_GAP" in line for line in report.faults)
    assert all("soon" not in line for line in report.lines)


@pytest.mark.parametrize("database", list(Database))
def test_each_required_column_that_is_missing_is_a_fault(database: Database) -> None:
    """One line each, with database and type; one of an optional column is a warning."""
    vendors = FakeVendors()
    schema = vendors.schemas[database]
    gone = next(column for column in COLUMNS[database] if column.is_required)
    kept = tuple(column for column in schema.columns if column.name != gone.name)
    vendors.schemas[database] = replace(schema, columns=kept)
    (fault,) = look(vendors).faults
    assert gone.name in fault
    assert database.label in fault
    assert gone.kinds[0] in fault


def test_a_missing_optional_column_is_a_warning() -> None:
    vendors = FakeVendors()
    schema = vendors.schemas[Database.TRACKER]
    kept = tuple(column for column in schema.columns if column.name != "Next Email At")
    vendors.schemas[Database.TRACKER] = replace(schema, columns=kept)
    report = look(vendors)
    assert report.faults == ()
    assert any("Next Email At" in line for line in report.warnings)


def test_a_column_of_the_wrong_type_is_a_fault() -> None:
    vendors = FakeVendors()
    schema = vendors.schemas[Database.TRACKER]
    columns = tuple(replace(one, kind="checkbox") if one.name == "Started At" else one for one in schema.columns)
    vendors.schemas[Database.TRACKER] = replace(schema, columns=columns)
    assert any("Started At" in line and "checkbox" in line for line in look(vendors).faults)


def test_a_database_that_is_not_shared_does_not_hide_the_others() -> None:
    """Its fault is told, the check goes on."""
    report = look(FakeVendors(refused=Database.CONTACTS))
    assert any("NOTION_CONTACTS_DB_ID" in line for line in report.faults)
    assert any("sequence tracker database has every required column" in line for line in report.lines)


def test_each_template_that_blocks_is_a_fault_but_the_websites_own() -> None:
    """5-Day E1 is the website's: a warning."""
    vendors = FakeVendors()
    del vendors.templates_found["5-Day E1"]
    vendors.templates_found["5-Day E2"] = broken(vendors.templates_found["5-Day E2"])
    report = look(vendors)
    assert [line for line in report.faults if "5-Day E2" in line and "favourite_colour" in line]
    assert len(report.faults) == 1
    assert any("5-Day E1" in line for line in report.warnings)


@pytest.mark.parametrize(("status", "said"), [("pending", "pending"), ("", "does not know")])
def test_an_unverified_sender_is_a_fault(status: str, said: str) -> None:
    vendors = FakeVendors(domains_found={"example.org": status} if status else {})
    (fault,) = look(vendors).faults
    assert said in fault


def test_trouble_at_one_vendor_is_one_fault_and_the_other_is_still_asked() -> None:
    def away() -> Any:
        raise VendorUnavailable("Notion is in trouble.")

    report = check(good_environ(), away, FakeVendors, FakeVendors, NOW)
    assert report.faults == ("Notion is in trouble.",)
    assert any("Resend answers" in line for line in report.lines)


def test_a_wrong_login_of_kestras_api_is_a_fault() -> None:
    """Without it no email can be scheduled."""
    assert look(FakeVendors(wrong_login=True)).faults == ("Kestra's API refuses the login.",)


def test_an_execution_that_stands_still_is_a_fault() -> None:
    """A lead may be without its emails: the report says which one, since when, and what to do."""
    still = StandingStill("e1", "assessment-handler", NOW)
    (fault,) = look(FakeVendors(still=(still,))).faults
    assert fault.startswith("Execution e1 of assessment-handler stands still since 2025-11-20 12:00 UTC: kill it,")


def test_testing_mode_and_a_past_deadline_are_warnings() -> None:
    """Both are allowed, and both want to be seen."""
    report = look(environ={"TESTING_MODE": " TRUE ", "CAMPAIGN_DEADLINE": "2025-11-01"})
    assert report.faults == ()
    assert any("testing mode" in line for line in report.warnings)
    assert any("deadline" in line for line in report.warnings)


@pytest.mark.parametrize(
    ("name", "vendor"), [("NOTION_TOKEN", "Notion"), ("NOTION_CONTACTS_DB_ID", "Notion"), ("RESEND_API_KEY", "Resend")]
)
def test_a_vendor_without_its_settings_is_not_looked_at(name: str, vendor: str) -> None:
    """What is not set is one fault, told once; the other vendor is looked at all the same."""
    report = look(environ={f"SECRET_{name}": ""})
    assert report.faults == (f"{name} is not set: put SECRET_{name} (base64) into .env.kestra",)
    assert any(line.startswith("off") and f"{vendor} was not looked at: {name}" in line for line in report.lines)
    other = {"Notion": "Resend", "Resend": "Notion"}[vendor]
    assert any(f"{other} answers" in line for line in report.lines)


def test_a_status_column_without_an_option_that_must_be_written_is_a_fault() -> None:
    """Notion adds a select option by itself, a status option never."""
    vendors = FakeVendors()
    schema = vendors.schemas[Database.TRACKER]
    columns = tuple(
        replace(one, kind="status", options=("Active", "Held", "Completed")) if one.name == "Sequence Status" else one
        for one in schema.columns
    )
    vendors.schemas[Database.TRACKER] = replace(schema, columns=columns)
    (fault,) = look(vendors).faults
    assert '"Sequence Status" lacks the option "stopped"' in fault
    assert "add it in Notion" in fault
