"""What Notion refuses, the stand-in refuses, in Notion's error form and with nothing written."""

from typing import Any

import httpx
import notion_client
import pytest
from notion_client.errors import APIErrorCode, APIResponseError

from christmas_sandbox.sandbox import DEFAULT_NOTION_TOKEN
from christmas_sandbox.seed import TRACKER_SOURCE_ID
from christmas_sandbox.testing import SandboxHandle

AUTH = {"authorization": f"Bearer {DEFAULT_NOTION_TOKEN}", "notion-version": "2025-09-03"}


def text(content: str, pieces: int = 1) -> dict[str, Any]:
    return {"rich_text": [{"text": {"content": content}}] * pieces}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Nope", {"number": 1}),
        ("email", {"email": "a@example.org"}),
        ("Email", {"rich_text": []}),
        ("Email", "a@example.org"),
        ("Email", {"email": 7}),
        ("Email", {"email": ""}),
        ("Email", {"email": "a" * 189 + "@example.org"}),
        ("Red Systems", {"number": "3"}),
        ("Red Systems", {"number": True}),
        ("Segment", {"select": "URGENT"}),
        ("Segment", {"select": {"name": "a, b"}}),
        ("Segment", {"select": {"name": ""}}),
        ("Variables", text("x" * 2001)),
        ("Variables", text("🎄" * 1001)),
        ("Variables", text("x", 101)),
        ("Variables", {"rich_text": "x"}),
        ("Variables", {"rich_text": [{"text": {"content": 5}}]}),
        ("Started At", {"date": "2026-12-01"}),
        ("Started At", {"date": {"start": "01.12.2026"}}),
        ("Started At", {"date": {"start": "2026-13-01"}}),
        ("Started At", {"date": {"start": "2026-12-01", "zone": "UTC"}}),
        ("Started At", {"date": {"start": "2026-12-02", "end": "2026-12-01"}}),
        ("Started At", {"date": {"start": "2026-12-01T09:00:00", "time_zone": "Mars/Base"}}),
    ],
)
def test_a_wrong_value_is_a_validation_error(sandbox: SandboxHandle, make_row: Any, name: str, value: Any) -> None:
    """400 `validation_error`, and no row."""
    with pytest.raises(APIResponseError) as caught:
        make_row("ann", **{name: value})
    assert (caught.value.status, caught.value.code) == (400, APIErrorCode.ValidationError)
    assert caught.value.request_id
    assert sandbox.rows("tracker") == []


@pytest.mark.parametrize("value", [text("x" * 2000, 100), text("🎄" * 1000), text("")])
def test_text_up_to_the_limits_is_taken(sandbox: SandboxHandle, make_row: Any, value: Any) -> None:
    """2,000 UTF-16 units a piece, 100 pieces."""
    make_row("ann", Variables=value)
    written = "".join(piece["text"]["content"] for piece in value["rich_text"])
    assert sandbox.rows("tracker")[0]["properties"]["Variables"] == written


def test_a_payload_over_500_kilobytes_is_refused(make_row: Any) -> None:
    """However well each piece keeps its limit."""
    with pytest.raises(APIResponseError, match="bytes"):
        make_row("ann", Variables=text("€" * 2000, 100))


def test_a_wrong_token_is_unauthorized(sandbox: SandboxHandle) -> None:
    """401 `unauthorized`."""
    client = notion_client.Client(auth="other", base_url=sandbox.url, retry=False)
    with pytest.raises(APIResponseError) as caught:
        client.users.me()
    client.close()
    assert (caught.value.status, caught.value.code) == (401, APIErrorCode.Unauthorized)


def test_the_version_header_is_required(http: httpx.Client) -> None:
    """Without one `missing_version`, with an older one a validation error."""
    without = http.get("/v1/users/me", headers={"authorization": AUTH["authorization"]})
    assert (without.status_code, without.json()["code"]) == (400, "missing_version")
    older = http.get("/v1/users/me", headers={**AUTH, "notion-version": "2022-06-28"})
    assert (older.status_code, older.json()["code"]) == (400, "validation_error")


@pytest.mark.parametrize(
    "path",
    ["pages/{id}", "databases/{id}", "data_sources/{id}"],
)
def test_an_unknown_id_is_not_found(http: httpx.Client, path: str) -> None:
    """404 `object_not_found` in Notion's form."""
    answer = http.get("/v1/" + path.format(id="00000000-0000-4000-8000-000000000000"), headers=AUTH)
    assert answer.status_code == 404
    assert set(answer.json()) == {"object", "status", "code", "message", "request_id"}
    assert answer.json()["code"] == "object_not_found"


def test_what_is_no_uuid_is_a_validation_error(http: httpx.Client) -> None:
    """An id is checked for its form first."""
    assert http.get("/v1/pages/abc", headers=AUTH).json()["code"] == "validation_error"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": NaN}', b'{"properties": {"Name": "\\ud800"}}'])
def test_what_is_no_json_object_is_refused(http: httpx.Client, body: bytes) -> None:
    """Bad syntax, NaN, lone surrogates, other types."""
    assert http.post("/v1/pages", content=body, headers=AUTH).status_code == 400


def test_a_misspelt_field_of_the_body_is_refused(http: httpx.Client) -> None:
    """The SDK would drop it silently; Notion does not."""
    answer = http.post(f"/v1/data_sources/{TRACKER_SOURCE_ID}/query", json={"filters": {}}, headers=AUTH)
    assert "body.filters should be not present" in answer.json()["message"]


def test_an_unknown_address_is_refused(http: httpx.Client) -> None:
    """The query of a database went away with 2025-09-03."""
    answer = http.post(f"/v1/databases/{TRACKER_SOURCE_ID}/query", json={}, headers=AUTH)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request_url")
