"""Writing and reading rows with Notion's own SDK."""

import re
from typing import Any

import pytest
from notion_client.errors import APIResponseError

from christmas_sandbox.seed import CONTACTS_DB_ID, TRACKER_DB_ID, TRACKER_SOURCE_ID
from christmas_sandbox.testing import SandboxHandle


def test_the_token_belongs_to_a_bot(notion: Any) -> None:
    """`users/me` answers as it does for an integration."""
    me = notion.users.me()
    assert (me["object"], me["type"]) == ("user", "bot")


def test_a_database_names_its_data_source_and_no_properties(notion: Any) -> None:
    """The schema is found at the data source only, as since 2025-09-03."""
    database = notion.databases.retrieve(TRACKER_DB_ID)
    assert database["data_sources"] == [{"id": TRACKER_SOURCE_ID, "name": "Email Sequence Tracker"}]
    assert "properties" not in database
    schema = notion.data_sources.retrieve(TRACKER_SOURCE_ID)["properties"]
    assert schema["Name"]["type"] == "title"
    assert schema["Email 5 Delivery"]["type"] == "select"


def test_an_id_without_hyphens_names_the_same_database(notion: Any) -> None:
    """Notion's addresses show ids without hyphens."""
    assert notion.databases.retrieve(TRACKER_DB_ID.replace("-", ""))["id"] == TRACKER_DB_ID


def test_a_row_reads_back_in_full_objects(notion: Any, make_row: Any) -> None:
    """What was written short comes back as Notion's long objects, with a value for every property."""
    page = make_row(
        "ann",
        Email={"email": "ann@example.org"},
        Segment={"select": {"name": "URGENT"}},
        Red_Systems={"number": 1},
        Started_At={"date": {"start": "2026-12-01T10:00:00+01:00"}},
    )
    read = notion.pages.retrieve(page["id"])
    properties = read["properties"]
    assert properties["Name"]["title"][0]["plain_text"] == "ann"
    assert properties["Name"]["title"][0]["annotations"]["bold"] is False
    assert properties["Segment"]["select"]["name"] == "URGENT"
    assert properties["Started At"]["date"]["start"] == "2026-12-01T10:00:00.000+01:00"
    assert properties["Next Email At"]["date"] is None
    assert properties["Stop Reason"]["rich_text"] == []
    assert read["parent"]["data_source_id"] == TRACKER_SOURCE_ID
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z", read["created_time"])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-12-01", "2026-12-01"),
        ("2026-12-01T09:00:00", "2026-12-01T09:00:00.000+00:00"),
        ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00.000+00:00"),
        ("2026-12-01T09:00:05.250+02:00", "2026-12-01T09:00:05.250+02:00"),
    ],
)
def test_dates_come_back_in_notions_form(make_row: Any, written: str, read: str) -> None:
    """A day stays a day; a time gets milliseconds and an offset."""
    page = make_row("ann", Started_At={"date": {"start": written}})
    assert page["properties"]["Started At"]["date"]["start"] == read


def test_seconds_of_dates_vanish_when_the_setting_says_so(sandbox: SandboxHandle, make_row: Any) -> None:
    """Notion's own pages hold times to the minute; the setting plays that."""
    sandbox.set_settings(notion_cut_dates_to_minute=True)
    page = make_row("ann", Started_At={"date": {"start": "2026-12-01T09:00:59Z"}})
    assert page["properties"]["Started At"]["date"]["start"] == "2026-12-01T09:00:00.000+00:00"


def test_an_update_leaves_other_properties_alone(notion: Any, make_row: Any) -> None:
    """PATCH is partial, and null clears."""
    page = make_row("ann", Email={"email": "ann@example.org"}, Red_Systems={"number": 3})
    changed = notion.pages.update(page["id"], properties={"Red Systems": {"number": None}})
    assert changed["properties"]["Red Systems"]["number"] is None
    assert changed["properties"]["Email"]["email"] == "ann@example.org"


def test_a_property_can_be_named_by_its_id(notion: Any, make_row: Any) -> None:
    """Notion takes names and ids alike."""
    page = make_row("ann")
    prop_id = page["properties"]["Email"]["id"]
    changed = notion.pages.update(page["id"], properties={prop_id: {"email": "b@example.org"}})
    assert changed["properties"]["Email"]["email"] == "b@example.org"


def test_two_equal_creates_make_two_rows(sandbox: SandboxHandle, make_row: Any) -> None:
    """Notion knows no unique constraint, so neither does the stand-in."""
    make_row("ann", Enrolment_Key={"rich_text": [{"text": {"content": "k"}}]})
    make_row("ann", Enrolment_Key={"rich_text": [{"text": {"content": "k"}}]})
    assert len(sandbox.rows("tracker")) == 2


def test_a_new_select_name_becomes_an_option(notion: Any, make_row: Any) -> None:
    """The option is in the schema afterwards, once."""
    make_row("ann", Campaign={"select": {"name": "Christmas 2026"}})
    make_row("bob", Campaign={"select": {"name": "Christmas 2026"}})
    options = notion.data_sources.retrieve(TRACKER_SOURCE_ID)["properties"]["Campaign"]["select"]["options"]
    assert [option["name"] for option in options].count("Christmas 2026") == 1


def test_a_refused_write_creates_no_option(notion: Any, make_row: Any) -> None:
    """All of a write is refused, the option that came before the fault too."""
    with pytest.raises(APIResponseError):
        make_row("ann", Campaign={"select": {"name": "Ghost"}}, Red_Systems={"number": "x"})
    options = notion.data_sources.retrieve(TRACKER_SOURCE_ID)["properties"]["Campaign"]["select"]["options"]
    assert "Ghost" not in [option["name"] for option in options]


def test_a_trashed_row_is_readable_but_not_writable(notion: Any, make_row: Any) -> None:
    """Writing needs it out of the trash first."""
    page = make_row("ann")
    notion.pages.update(page["id"], in_trash=True)
    assert notion.pages.retrieve(page["id"])["in_trash"] is True
    with pytest.raises(APIResponseError, match="archived"):
        notion.pages.update(page["id"], properties={"Email": {"email": "a@example.org"}})
    assert notion.pages.update(page["id"], in_trash=False)["in_trash"] is False


def test_a_database_can_be_made_and_changed(notion: Any) -> None:
    """Create with an initial data source, then add, rename and remove properties."""
    database = notion.databases.create(
        parent={"type": "workspace", "workspace": True},
        title=[{"text": {"content": "Extra"}}],
        initial_data_source={"properties": {"Name": {"title": {}}, "Stage": {"status": {}}, "Old": {"url": {}}}},
    )
    source_id = database["data_sources"][0]["id"]
    changed = notion.data_sources.update(
        source_id, properties={"Stage": {"name": "State"}, "Old": None, "Age": {"number": {}}}
    )
    assert set(changed["properties"]) == {"Name", "State", "Age"}
    page = notion.pages.create(
        parent={"database_id": database["id"]}, properties={"State": {"status": {"name": "Done"}}}
    )
    assert page["properties"]["State"]["status"]["name"] == "Done"
    with pytest.raises(APIResponseError, match="status option"):
        notion.pages.update(page["id"], properties={"State": {"status": {"name": "Elsewhere"}}})


def test_renaming_a_property_keeps_its_values(notion: Any, make_row: Any) -> None:
    """Values belong to the property's id."""
    page = make_row("ann", Email={"email": "ann@example.org"})
    notion.data_sources.update(TRACKER_SOURCE_ID, properties={"Email": {"name": "E-mail"}})
    assert notion.pages.retrieve(page["id"])["properties"]["E-mail"]["email"] == "ann@example.org"


def test_search_finds_data_sources_and_pages(notion: Any, make_row: Any) -> None:
    """By a part of the title."""
    make_row("Annabel")
    assert [found["object"] for found in notion.search(query="annab")["results"]] == ["page"]
    found = notion.search(query="", filter={"property": "object", "value": "data_source"})["results"]
    assert CONTACTS_DB_ID in [source["parent"]["database_id"] for source in found]
