"""What the databases are made like, and what one that is there still lacks (contract section 8)."""

from dataclasses import replace
from typing import Any

import pytest

from christmas_tasks.columns import COLUMNS, Column, Database
from christmas_tasks.errors import SetupRefused
from christmas_tasks.notion_admin import page_id_of
from christmas_tasks.notion_blueprint import Lack, lack, missing_options, new_database, options_of
from christmas_tasks.notion_schema import ActualColumn, Schema

# Contract section 8, spelled out.
OPTIONS = {
    (Database.CONTACTS, "Email Suppressed"): ("unsubscribed", "bounced", "complained"),
    (Database.CONTACTS, "Segment"): ("CRITICAL", "URGENT", "OPTIMIZE"),
    (Database.TEMPLATES, "Status"): ("Active",),
    (Database.TRACKER, "Sequence Type"): ("5day", "noshow", "postcall", "onboarding"),
    (Database.TRACKER, "Sequence Status"): ("active", "held", "completed", "stopped"),
    (Database.TRACKER, "Email 3 Status"): ("scheduled", "sent", "failed", "skipped", "unresolved"),
    (Database.TRACKER, "Email 5 Sent By"): ("website", "kestra"),
}
TYPES = {
    Database.CONTACTS: {"first_name": "title", "last_name": "rich_text", "email": "email", "Segment": "select"},
    Database.TEMPLATES: {"Template Name": "title", "Email Body HTML": "rich_text", "Status": "select"},
    Database.TRACKER: {
        "Name": "title",
        "Email": "email",
        "Campaign": "select",
        "Started At": "date",
        "Email 1 Sent": "date",
        "Email 1 Resend ID": "rich_text",
        "Last Email Sent": "number",
        "Variables": "rich_text",
    },
}


def made(database: Database) -> Schema:
    """A database as Notion shows it right after it was made."""
    properties: dict[str, Any] = {}
    for name, config in new_database(database, "Christmas 2026").items():
        (kind,) = config
        properties[name] = {"type": kind, **config}
    return Schema.from_json(database, "ds", properties)


@pytest.mark.parametrize("database", list(Database))
def test_a_new_database_lacks_nothing(database: Database) -> None:
    """Neither columns nor options, and nothing is there twice."""
    schema = made(database)
    assert lack(schema) == Lack()
    assert (schema.faults(), schema.gaps(), schema.doubles()) == ((), (), ())


@pytest.mark.parametrize("database", list(Database))
def test_a_new_database_has_one_title_which_comes_first(database: Database) -> None:
    """Notion takes no other number, and shows the columns in this order."""
    kinds = [next(iter(config)) for config in new_database(database, "Christmas 2026").values()]
    assert kinds[0] == "title"
    assert kinds.count("title") == 1


@pytest.mark.parametrize("database", list(Database))
def test_columns_have_the_contracts_names_and_types(database: Database) -> None:
    kinds = {column.name: column.kind for column in made(database).columns}
    assert TYPES[database].items() <= kinds.items()


@pytest.mark.parametrize(("database", "name"), list(OPTIONS))
def test_columns_of_choices_have_the_contracts_options(database: Database, name: str) -> None:
    column = next(column for column in COLUMNS[database] if column.name == name)
    assert options_of(database, column) == OPTIONS[database, name]


def test_the_campaign_is_an_option_without_a_comma() -> None:
    """Notion refuses commas in options; rows are written without them, too."""
    made_so = new_database(Database.TRACKER, "Christmas, 2026")["Campaign"]
    assert made_so == {"select": {"options": [{"name": "Christmas  2026"}]}}


REMOVABLE = [
    (database, column)
    for database in Database
    for column in COLUMNS[database]
    if column.kinds[0] != "title" and column.name != "Name"
]


@pytest.mark.parametrize(("database", "column"), REMOVABLE, ids=lambda value: getattr(value, "name", None))
def test_each_column_that_is_gone_is_added_again(database: Database, column: Column) -> None:
    """Required or not; nothing else is touched."""
    schema = made(database)
    gone = schema.find(column)
    kept = tuple(actual for actual in schema.columns if actual != gone)
    assert lack(replace(schema, columns=kept)) == Lack(columns=(column,))


def changed(database: Database, name: str, /, **change: Any) -> Schema:
    schema = made(database)
    columns = tuple(replace(one, **change) if one.name == name else one for one in schema.columns)
    return replace(schema, columns=columns)


def test_missing_select_options_are_added_whatever_the_case_of_the_others() -> None:
    """Who writes "Held" by hand has the option "held"."""
    schema = changed(Database.TRACKER, "Sequence Status", options=("Active", "HELD", "paused"))
    assert lack(schema) == Lack(options={"Sequence Status": ("completed", "stopped")})
    assert [each.is_fault for each in missing_options(schema)] == [False]


@pytest.mark.parametrize(
    ("database", "name", "change"),
    [
        (Database.TRACKER, "Sequence Status", {"kind": "status", "options": ("active", "held", "completed")}),
        (Database.TRACKER, "Started At", {"kind": "rich_text"}),
        (Database.TRACKER, "Name", {"name": "Task"}),
        (Database.TEMPLATES, "Template Name", {"name": "Title"}),
        (Database.CONTACTS, "first_name", {"name": "Person"}),
    ],
)
def test_what_cannot_be_added_is_one_line_for_a_person(database: Database, name: str, change: dict[str, Any]) -> None:
    """Types, titles and the options of a status: Notion's API changes none of them, or not safely."""
    found = lack(changed(database, name, **change))
    assert not found.can_be_added
    (line,) = found.by_hand
    assert f'"{name}"' in line


def test_the_other_layout_of_contacts_lacks_nothing() -> None:
    """It is not turned into the campaign's own."""
    names = {"first_name": "Name", "email": "Email", "business_name": "Business Name"}
    schema = made(Database.CONTACTS)
    columns = tuple(
        ActualColumn(names.get(one.name, one.name), one.kind, one.options)
        for one in schema.columns
        if one.name != "last_name"
    )
    assert lack(replace(schema, columns=columns)) == Lack()


ID = "01234567-89ab-cdef-0123-456789abcdef"
COMPACT = ID.replace("-", "")


@pytest.mark.parametrize(
    "given",
    [
        ID,
        ID.upper(),
        f" {COMPACT}\n",
        f"https://www.notion.so/{COMPACT}",
        f"https://www.notion.so/team/Our-Campaign-{COMPACT}?pvs=4",
        f"https://app.notion.com/p/Our-Campaign-{COMPACT}#fedcba9876543210fedcba9876543210",
        f"https://www.notion.so/fedcba9876543210fedcba9876543210?v=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&p={COMPACT}&pm=s",
    ],
)
def test_a_page_is_named_by_its_id_or_any_link_to_it(given: str) -> None:
    """As it is copied from Notion, beside a database too."""
    assert page_id_of(given) == ID


@pytest.mark.parametrize("given", ["", "page", "https://www.notion.so/Our-Campaign", COMPACT[:-1], "http://[", "v=1"])
def test_a_text_without_an_id_is_refused(given: str) -> None:
    """With where to find one."""
    with pytest.raises(SetupRefused, match="Copy link"):
        page_id_of(given)
