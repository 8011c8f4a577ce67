"""What every handler of the Notion stand-in reads from a call: body, page size, ids. Pure."""

import uuid

from christmas_sandbox.notion_errors import error_answer, refuse, refuse_body
from christmas_sandbox.wire import Call, JsonObject, NotJsonError, VendorError

MAX_PAGE_SIZE = 100


def read_body(call: Call, known: set[str]) -> JsonObject:
    """Give the JSON object of a call; keys that Notion does not know are refused.

    Raises:
        VendorError: 400.
    """
    try:
        body = call.json() if call.body else {}
    except NotJsonError:
        raise VendorError(error_answer(400, "Error parsing JSON body.", "invalid_json")) from None
    if not isinstance(body, dict):
        refuse("body failed validation: body should be an object.")
    for key in body:
        if key not in known:
            refuse_body(key, "should be not present")
    return body


def read_page_size(size: object) -> int:
    """Give the size of one page of a list.

    Raises:
        VendorError: 400, not a whole number from 1 to 100.
    """
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MAX_PAGE_SIZE:
        refuse_body("page_size", f"should be a number between `1` and `{MAX_PAGE_SIZE}`, instead was `{size!r}`")
    return size


def read_uuid(given: str) -> str:
    """Give an id in its form with hyphens; both forms name the same thing.

    Raises:
        VendorError: 400, no id.
    """
    try:
        return str(uuid.UUID(given))
    except ValueError:
        refuse(f"path failed validation: path.id should be a valid uuid, instead was `{given}`.")
