"""What an empty sandbox starts with: the campaign's three databases, templates from a folder, and an empty page.

The ids are fixed, so that settings can name them.
"""

import tomllib
from enum import StrEnum
from pathlib import Path

from christmas_sandbox.clock import Clock
from christmas_sandbox.notion_rows import Database, DataSource, PlainPage, Tables
from christmas_sandbox.notion_schema import read_schema
from christmas_sandbox.notion_values import MAX_TEXT, read_cell, read_rich_text, utf16_units
from christmas_sandbox.wire import JsonObject, VendorError

CONTACTS_DB_ID = "c0a7ac75-0000-4000-8000-0000000000db"
CONTACTS_SOURCE_ID = "c0a7ac75-0000-4000-8000-0000000000d5"
TEMPLATES_DB_ID = "7e391a7e-0000-4000-8000-0000000000db"
TEMPLATES_SOURCE_ID = "7e391a7e-0000-4000-8000-0000000000d5"
TRACKER_DB_ID = "75ac6e50-0000-4000-8000-0000000000db"
TRACKER_SOURCE_ID = "75ac6e50-0000-4000-8000-0000000000d5"
PARENT_PAGE_ID = "c4a39a19-0000-4000-8000-0000000000aa"
SOURCE_IDS = {"contacts": CONTACTS_SOURCE_ID, "templates": TEMPLATES_SOURCE_ID, "tracker": TRACKER_SOURCE_ID}
DATABASE_IDS = {"contacts": CONTACTS_DB_ID, "templates": TEMPLATES_DB_ID, "tracker": TRACKER_DB_ID}

_WORKSPACE: JsonObject = {"type": "workspace", "workspace": True}
_TEXT: JsonObject = {"rich_text": {}}
_NUMBER: JsonObject = {"number": {}}
_DATE: JsonObject = {"date": {}}
_EMAIL: JsonObject = {"email": {}}
_TITLE: JsonObject = {"title": {}}
# What a row keeps of the webhook that caused it.
_CAUSE_TEXTS = (
    "Calendly Event URI",
    "Scheduled Time",
    "Event Type",
    "Call Date",
    "Interest Level",
    "Call Outcome",
    "Call Notes",
    "Objections",
    "Follow Up Priority",
    "Payment Status",
    "Payment Date",
    "Payment Amount",
    "Package Type",
    "Salon Address",
    "Start Date",
    "Observation Dates",
)


class TemplateFolderError(ValueError):
    """A template lacks a file or a setting, or is larger than Notion takes."""


class ContactsLayout(StrEnum):
    """The two forms that a contacts database is found in."""

    CAMPAIGN = "campaign"
    BUSINESS = "business"


def seed(tables: Tables, clock: Clock, layout: ContactsLayout, templates_dir: Path | None) -> None:
    """Fill an empty sandbox; a sandbox that has any database is left alone, so a repeat is safe.

    Args:
        tables: Where to.
        clock: For the times of creation.
        layout: How the contacts database names its columns.
        templates_dir: Each sub-folder with `template.toml` (name, subject, preview, status), `body.html` and
            `body.txt` becomes a row; None for no templates.

    Raises:
        TemplateFolderError: a template can't be read; nothing is written then, given a transaction around.
    """
    if PARENT_PAGE_ID not in tables.plain_pages:
        title = read_rich_text([{"text": {"content": "Christmas Campaign"}}], "title")
        tables.add_plain_page(PlainPage(PARENT_PAGE_ID, title, _WORKSPACE, clock.now_ms()))
    if tables.databases:
        return
    _add(tables, clock, "contacts", "Christmas Contacts", _contacts_schema(layout))
    _add(tables, clock, "templates", "Email Templates", _templates_schema())
    _add(tables, clock, "tracker", "Email Sequence Tracker", _tracker_schema())
    if templates_dir is not None:
        for settings in sorted(templates_dir.glob("*/template.toml")):
            try:
                _add_template(tables, settings.parent)
            except (OSError, KeyError, ValueError, VendorError) as error:
                raise TemplateFolderError(f"template {settings.parent}: {error!r}") from error


def _add(tables: Tables, clock: Clock, key: str, title: str, properties: dict[str, JsonObject]) -> None:
    now = clock.now_ms()
    rich_title = read_rich_text([{"text": {"content": title}}], "title")
    database = Database(DATABASE_IDS[key], rich_title, _WORKSPACE, now)
    source = DataSource(SOURCE_IDS[key], database.id, title, now, read_schema(properties))
    tables.add_database(database, source)


def _add_template(tables: Tables, folder: Path) -> None:
    settings = tomllib.loads((folder / "template.toml").read_text(encoding="utf-8"))
    texts = {
        "Template Name": settings["name"],
        "Subject Line": settings["subject"],
        "Preview Text": settings.get("preview", ""),
        "Email Body HTML": (folder / "body.html").read_text(encoding="utf-8"),
        "Email Body Plain Text": (folder / "body.txt").read_text(encoding="utf-8"),
    }
    source = tables.data_sources[TEMPLATES_SOURCE_ID]
    given: dict[str, JsonObject] = {name: {source.schema[name]["type"]: _pieces(text)} for name, text in texts.items()}
    given["Status"] = {"select": {"name": settings.get("status", "Active")}}
    cells = {
        source.schema[name]["id"]: read_cell(source.schema[name], name, value, cut_to_minute=False)
        for name, value in given.items()
    }
    tables.add_row(source, cells)


def _pieces(text: str) -> list[JsonObject]:
    pieces: list[JsonObject] = []
    start = 0
    while start < len(text):
        end = start + MAX_TEXT
        while utf16_units(text[start:end]) > MAX_TEXT:
            end -= 1
        pieces.append({"text": {"content": text[start:end]}})
        start = min(end, len(text))
    return pieces


def _select(*names: str) -> JsonObject:
    return {"select": {"options": [{"name": name} for name in names]}}


def _segment() -> JsonObject:
    return _select("CRITICAL", "URGENT", "OPTIMIZE")


def _counts() -> dict[str, JsonObject]:
    names = ("Assessment Score", "Red Systems", "Orange Systems", "Yellow Systems", "Green Systems")
    return dict.fromkeys(names, _NUMBER)


def _contacts_schema(layout: ContactsLayout) -> dict[str, JsonObject]:
    if layout is ContactsLayout.CAMPAIGN:
        named = {"first_name": _TITLE, "last_name": _TEXT, "email": _EMAIL, "business_name": _TEXT}
    else:
        named = {"Name": _TITLE, "Email": _EMAIL, "Business Name": _TEXT}
    return {
        **named,
        "Christmas Campaign Status": _select("Signed Up", "Nurture Sequence"),
        **_counts(),
        "Segment": _segment(),
        "Signup Source": _TEXT,
        "Email Suppressed": _select("unsubscribed", "bounced", "complained"),
        "Last Email Sent At": _DATE,
    }


def _templates_schema() -> dict[str, JsonObject]:
    return {
        "Template Name": _TITLE,
        "Subject Line": _TEXT,
        "Email Body HTML": _TEXT,
        "Email Body Plain Text": _TEXT,
        "Preview Text": _TEXT,
        "Status": _select("Active", "Draft", "Archived"),
    }


def _tracker_schema() -> dict[str, JsonObject]:
    schema: dict[str, JsonObject] = {
        "Name": _TITLE,
        "Email": _EMAIL,
        "First Name": _TEXT,
        "Business Name": _TEXT,
        "Campaign": _select("Christmas 2025"),
        "Sequence Type": _select("5day", "noshow", "postcall", "onboarding"),
        "Segment": _segment(),
        **_counts(),
        "Started At": _DATE,
    }
    for number in range(1, 6):
        email = f"Email {number}"
        schema[f"{email} Scheduled At"] = _DATE
        schema[f"{email} Sent"] = _DATE
        schema[f"{email} Status"] = _select("scheduled", "sent", "failed", "skipped", "unresolved")
        schema[f"{email} Sent By"] = _select("website", "kestra")
        schema[f"{email} Resend ID"] = _TEXT
        schema[f"{email} Delivery"] = _select("delivered", "bounced", "complained", "failed", "suppressed")
    return {
        **schema,
        "Last Email Sent": _NUMBER,
        "Last Email Sent At": _DATE,
        "Next Email At": _DATE,
        "Sequence Status": _select("active", "held", "completed", "stopped"),
        "Stop Reason": _TEXT,
        "Enrolment Key": _TEXT,
        "Variables": _TEXT,
        **dict.fromkeys(_CAUSE_TEXTS, _TEXT),
        "Reschedule URL": {"url": {}},
        "Docusign Completed": {"checkbox": {}},
    }
