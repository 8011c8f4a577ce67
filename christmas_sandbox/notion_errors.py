"""Notion's error form: `{object, status, code, message, request_id}`.

Source: notion-client's recorded responses and error codes; Notion's page "Status codes".
"""

import uuid
from typing import NoReturn

from christmas_sandbox.wire import Answer, VendorError

_CODES = {
    400: "validation_error",
    401: "unauthorized",
    403: "restricted_resource",
    404: "object_not_found",
    409: "conflict_error",
    429: "rate_limited",
    500: "internal_server_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "gateway_timeout",
    529: "service_overload",
}


def error_answer(status: int, message: str, code: str | None = None, retry_after: int | None = None) -> Answer:
    """Build an error answer; the code follows from the status unless given."""
    body = {
        "object": "error",
        "status": status,
        "code": code or _CODES.get(status, "internal_server_error"),
        "message": message,
        "request_id": str(uuid.uuid4()),
    }
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Answer(status, body, headers)


def refuse(message: str) -> NoReturn:
    """Raise the 400 `validation_error` that Notion gives for a bad request."""
    raise VendorError(error_answer(400, message))


def refuse_body(path: str, problem: str) -> NoReturn:
    """Raise a `validation_error` about one place of the body."""
    refuse(f"body failed validation: body.{path} {problem}.")


def not_found(what: str, given_id: str) -> NoReturn:
    """Raise the 404 that Notion gives for what does not exist or is not shared."""
    message = (
        f"Could not find {what} with ID: {given_id}. "
        "Make sure the relevant pages and databases are shared with your integration."
    )
    raise VendorError(error_answer(404, message))
