"""An alert within Discord's limits, without mentions, and with other people's text as plain text."""

from datetime import UTC, datetime
from typing import Any

import pytest

from christmas_tasks.discord import AMBER, RED, Alert, body, post

AT = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)


def embed(**parts: Any) -> dict[str, Any]:
    (only,) = message(**parts)["embeds"]
    assert isinstance(only, dict)
    return only


def message(**parts: Any) -> dict[str, Any]:
    return dict(body(Alert(**{"headline": "Hot lead", "title": "5-Day Nurture", "at": AT, **parts})))


def test_an_alert_has_a_line_and_an_embed() -> None:
    """Title, text, fields in order, colour and time."""
    assert message(text="Why", fields={"Email": "ann@example.org", "Red systems": "3"}, colour=RED) == {
        "content": "Hot lead",
        "allowed_mentions": {"parse": []},
        "embeds": [
            {
                "title": "5-Day Nurture",
                "description": "Why",
                "color": RED,
                "timestamp": "2025-11-20T09:00:00+00:00",
                "fields": [
                    {"name": "Email", "value": "ann@example.org", "inline": True},
                    {"name": "Red systems", "value": "3", "inline": True},
                ],
            }
        ],
    }
    assert embed()["color"] == AMBER


def test_red_is_red() -> None:
    """The colour of a hot lead: its red part outweighs the others."""
    red, green, blue = RED >> 16, RED >> 8 & 255, RED & 255
    assert red > 2 * max(green, blue)


@pytest.mark.parametrize("text", ["@everyone", "<@1234>", "<@&1>", "@here"])
def test_mentions_are_off_whatever_is_said(text: str) -> None:
    """By the API's own switch."""
    assert message(headline=text, text=text, fields={"a": text})["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold**", r"\*\*bold\*\*"),
        ("[click](https://example.org)", r"\[click\](https://example.org)"),
        ("`code` ||spoiler|| ~~gone~~ _it_ > quote", r"\`code\` \|\|spoiler\|\| \~\~gone\~\~ \_it\_ \> quote"),
        (r"\*not escaped\*", r"\\\*not escaped\\\*"),
        ("plain", "plain"),
    ],
)
def test_markup_of_other_people_is_shown_as_it_is(text: str, shown: str) -> None:
    """A name can't dress up a link; a backslash in it can't free what follows."""
    whole = message(headline=text, title=text, text=text, fields={"a": text})
    (only,) = whole["embeds"]
    assert whole["content"] == only["title"] == only["description"] == only["fields"][0]["value"] == shown


@pytest.mark.parametrize("sign", ["x", "*", "\U0001f384"])
@pytest.mark.parametrize("many", [1, 30])
def test_nothing_is_longer_than_discord_takes(sign: str, many: int) -> None:
    """2,000 in the line; 256, 4,096, 25 fields of 256 and 1,024, and 6,000 for the whole embed."""
    long = sign * 10_000
    whole = message(headline=long, title=long, text=long, fields={f"{n} {long}": long for n in range(many)})
    (only,) = whole["embeds"]
    assert len(whole["content"]) <= 2_000
    assert len(only["title"]) <= 256
    assert len(only["description"]) <= 4_096
    assert 1 <= len(only["fields"]) <= 25
    assert all(1 <= len(one["name"]) <= 256 and 1 <= len(one["value"]) <= 1_024 for one in only["fields"])
    total = len(only["title"]) + len(only["description"])
    assert total + sum(len(one["name"]) + len(one["value"]) for one in only["fields"]) <= 6_000


def test_twenty_short_fields_all_show() -> None:
    """The limits cut nothing that fits."""
    fields = {f"field {n}": f"value {n}" for n in range(20)}
    assert [one["value"] for one in embed(fields=fields)["fields"]] == list(fields.values())


def test_an_empty_value_is_a_dash() -> None:
    """Discord refuses an empty field."""
    assert embed(fields={"a": ""})["fields"][0]["value"] == "-"


def test_without_an_address_there_is_silence() -> None:
    """No URL, no alert, no failure."""
    assert post("", Alert("Hot lead", "x", AT)) is False
