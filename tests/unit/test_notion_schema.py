"""Databases as people really have them: names in any case, columns missing, both layouts (contract section 8)."""

from typing import Any

import pytest

from christmas_tasks.columns import COLUMNS, Database
from christmas_tasks.errors import SetupRefused
from christmas_tasks.notion_schema import Schema

REQUIRED = {
    Database.CONTACTS: {"Email", "Christmas Campaign Status", "Segment", "Email Suppressed"},
    Database.TEMPLATES: {"Template Name", "Subject Line", "Email Body HTML", "Status"},
}
# Contract section 8, spelled out.
NAMES: dict[Database, list[str]] = {
    Database.CONTACTS: [
        *("Email", "first_name", "last_name", "Name", "Business Name", "Christmas Campaign Status", "Assessment Score"),
        *("Segment", "Red Systems", "Orange Systems", "Yellow Systems", "Green Systems", "Signup Source"),
        *("Email Suppressed", "Last Email Sent At"),
    ],
    Database.TEMPLATES: [
        *("Template Name", "Subject Line", "Email Body HTML", "Email Body Plain Text", "Preview Text", "Status"),
    ],
    Database.TRACKER: [
        *("Name", "Email", "First Name", "Business Name", "Campaign", "Sequence Type", "Segment", "Assessment Score"),
        *("Red Systems", "Orange Systems", "Yellow Systems", "Green Systems", "Started At", "Last Email Sent"),
        *("Last Email Sent At", "Next Email At", "Sequence Status", "Stop Reason", "Enrolment Key", "Variables"),
        *("Calendly Event URI", "Call Date", "Payment Date"),
        *(f"Email {number} Scheduled At" for number in range(1, 6)),
        *(f"Email {number} Sent" for number in range(1, 6)),
        *(f"Email {number} Status" for number in range(1, 6)),
        *(f"Email {number} Sent By" for number in range(1, 6)),
        *(f"Email {number} Resend ID" for number in range(1, 6)),
    ],
}


def properties(database: Database, *without: str) -> dict[str, Any]:
    """A data source with every column of the contract but some, each of the type to create."""
    return {
        column.name: {"type": column.kinds[0], column.kinds[0]: {}}
        for column in COLUMNS[database]
        if column.name not in without
    }


def schema(database: Database, *without: str, **more: Any) -> Schema:
    return Schema.from_json(database, "ds", {**properties(database, *without), **more})


@pytest.mark.parametrize("database", list(Database))
def test_the_columns_are_the_contracts(database: Database) -> None:
    """All of section 8; more may be there."""
    assert set(NAMES[database]) <= {column.name for column in COLUMNS[database]}


@pytest.mark.parametrize("database", list(Database))
def test_a_complete_database_has_no_faults_and_no_gaps(database: Database) -> None:
    """Neither for the check command nor for the health check."""
    assert schema(database).faults() == ()
    assert schema(database).gaps() == ()


ALL = [(database, column) for database in Database for column in COLUMNS[database]]


@pytest.mark.parametrize(("database", "name", "is_required"), [(d, c.name, c.is_required) for d, c in ALL])
def test_a_missing_column_is_a_fault_or_a_gap(database: Database, name: str, is_required: bool) -> None:
    """Required: a clear error, with the type to add. Optional: a gap, and no error."""
    lacking = schema(database, name)
    if is_required:
        (line,) = lacking.faults()
        assert f'"{name}" is missing' in line
        with pytest.raises(SetupRefused, match=name):
            lacking.actual(name)
    else:
        assert lacking.faults() == ()
        # One of the two names of a contact is enough.
        assert lacking.gaps() == (() if name in {"first_name", "Name"} else (name,))
        assert lacking.actual(name) is None


@pytest.mark.parametrize(("database", "names"), list(REQUIRED.items()))
def test_what_the_campaign_cannot_do_without_is_required(database: Database, names: set[str]) -> None:
    """The rest decorates."""
    assert {column.name for column in COLUMNS[database] if column.is_required} == names


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title, lambda name: f" {name} "])
@pytest.mark.parametrize("database", list(Database))
def test_names_are_matched_without_regard_to_case(database: Database, change: Any) -> None:
    """And written back in the database's own spelling."""
    given = {change(name): column for name, column in properties(database).items()}
    read = Schema.from_json(database, "ds", given)
    assert read.faults() == read.gaps() == ()
    for column in COLUMNS[database]:
        found = read.actual(column.name)
        assert found is not None
        assert found.name in given
        assert found.name.strip().lower() == column.name.lower()


CONTACT_REST = ("first_name", "last_name", "Name", "Business Name", "Email")


def kind(name: str) -> dict[str, Any]:
    return {"type": name, name: {}}


@pytest.mark.parametrize(
    "layout",
    [
        {"email": kind("email"), "first_name": kind("title"), "last_name": kind("rich_text")},
        {"Email": kind("email"), "Name": kind("title"), "Business Name": kind("rich_text")},
    ],
)
def test_both_layouts_of_the_contacts_are_found(layout: dict[str, Any]) -> None:
    """By themselves, without a setting."""
    read = Schema.from_json(Database.CONTACTS, "ds", {**properties(Database.CONTACTS, *CONTACT_REST), **layout})
    assert read.faults() == ()
    assert set(read.gaps()) <= {"Business Name"}
    assert {found.name for name in CONTACT_REST if (found := read.actual(name))} == set(layout)


def test_contacts_without_any_name_column_are_a_fault() -> None:
    """One of the two titles must be there."""
    (line,) = schema(Database.CONTACTS, "first_name", "Name").faults()
    assert '"first_name" or "Name"' in line


def test_a_column_of_a_wrong_type_is_a_fault() -> None:
    """With what it is and what it must be."""
    wrong = schema(Database.TRACKER, **{"Email 2 Sent": kind("rich_text")})
    line = 'the column "Email 2 Sent" is rich_text, it must be date: change its type in Notion'
    assert wrong.faults() == wrong.misfits() == (line,)


def test_a_missing_title_is_to_be_renamed_not_added() -> None:
    """Notion has exactly one title column in each database."""
    (line,) = schema(Database.TRACKER, "Name", Task=kind("title")).faults()
    assert line == 'the column "Name" is missing: rename the title column "Task" to it'


def test_columns_that_count_as_the_same_are_told() -> None:
    """Only one of them is ever read or written."""
    (line,) = schema(Database.CONTACTS, email=kind("email")).doubles()
    assert line == 'the columns "Email" and "email" count as the same: only "Email" is used'
    assert schema(Database.CONTACTS).doubles() == ()


# Writing.


def test_changes_are_written_under_the_databases_own_names_and_types() -> None:
    """The contract's names on one side, the person's on the other."""
    read = schema(Database.TRACKER, "Email", "Segment", EMAIL=kind("email"), segment=kind("status"))
    read.columns = tuple(
        type(column)(column.name, column.kind, ("CRITICAL",)) if column.name == "segment" else column
        for column in read.columns
    )
    written = read.encode({"Email": "ann@example.org", "Segment": "CRITICAL"})
    assert written == {"EMAIL": {"email": "ann@example.org"}, "segment": {"status": {"name": "CRITICAL"}}}
    assert read.left_out == []


def test_an_optional_column_that_is_missing_is_left_out_with_one_warning() -> None:
    """However often it is written."""
    read = schema(Database.TRACKER, "Next Email At")
    for _ in range(3):
        assert read.encode({"Next Email At": None, "Stop Reason": "x"}).keys() == {"Stop Reason"}
    assert read.left_out == ['"Next Email At" (no such column)']


def test_a_required_column_that_is_missing_is_an_error_at_the_write() -> None:
    """Never a row without its status."""
    with pytest.raises(SetupRefused, match="Email 2 Status"):
        schema(Database.TRACKER, "Email 2 Status").encode({"Email 2 Status": "sent"})


def test_a_value_that_does_not_fit_is_left_out_without_being_told() -> None:
    """The warning names the column, never the text of other people."""
    read = schema(Database.TRACKER, "Payment Amount", **{"Payment Amount": kind("number")})
    assert read.encode({"Payment Amount": "two thousand", "Call Date": "Monday"}) == {}
    assert len(read.left_out) == 2
    assert not any("thousand" in line or "Monday" in line for line in read.left_out)


def test_a_status_column_takes_only_options_that_it_has() -> None:
    """Notion can't add one over the API: a required column's is an error, since a stop would be lost silently."""
    options = {"type": "status", "status": {"options": [{"name": "Active"}, {"name": "Stopped"}]}}
    read = schema(Database.TRACKER, "Sequence Status", **{"Sequence Status": options})
    assert read.encode({"Sequence Status": "active"}) == {"Sequence Status": {"status": {"name": "Active"}}}
    with pytest.raises(SetupRefused, match='has no option "held"'):
        read.encode({"Sequence Status": "held"})
    optional = schema(Database.TRACKER, "Email 1 Sent By", **{"Email 1 Sent By": options})
    assert optional.encode({"Email 1 Sent By": "kestra"}) == {}
    assert optional.left_out == ['"Email 1 Sent By" (no option of that name)']


# Reading.


def test_a_cell_is_found_by_the_contracts_name() -> None:
    """None if the optional column, or the cell, is missing."""
    read = schema(Database.TRACKER, "Next Email At", "Email", EMAIL=kind("email"))
    page = {"properties": {"EMAIL": {"type": "email", "email": "ann@example.org"}}}
    assert read.cell(page, "Email") == {"type": "email", "email": "ann@example.org"}
    assert read.cell(page, "Next Email At") is None
    assert read.cell(page, "Stop Reason") is None
