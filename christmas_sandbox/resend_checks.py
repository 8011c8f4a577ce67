"""What Resend accepts as an email, and its error form `{statusCode, name, message}`.

Source: Resend's error list and send-email reference. Where those are silent, the stricter reading.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from christmas_sandbox.wire import Answer, JsonObject, VendorError

MAX_RECIPIENTS = 50
MAX_TAG = 256
MAX_AHEAD = timedelta(days=30)

_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
_NAMED = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<address>[^<>]+)>\s*")
_TAG = re.compile(r"[A-Za-z0-9_-]+")
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_REFUSED_DOMAINS = frozenset({"example.com", "test.com"})
_KNOWN = frozenset(
    {
        *("from", "to", "subject", "html", "text", "cc", "bcc", "reply_to", "headers", "tags"),
        *("scheduled_at", "attachments", "template", "topic_id"),
    }
)
_NAMES = {
    400: "validation_error",
    401: "missing_api_key",
    403: "invalid_api_key",
    404: "not_found",
    405: "method_not_allowed",
    409: "concurrent_idempotent_requests",
    422: "validation_error",
    429: "rate_limit_exceeded",
    500: "internal_server_error",
    502: "application_error",
    503: "service_unavailable",
}


def error_answer(status: int, message: str, name: str | None = None, retry_after: int | None = None) -> Answer:
    """Build an error answer; the name follows from the status unless given."""
    body = {"statusCode": status, "name": name or _NAMES.get(status, "application_error"), "message": message}
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Answer(status, body, headers)


def refuse(message: str, status: int = 422, name: str = "validation_error") -> NoReturn:
    """Raise a refusal in Resend's form."""
    raise VendorError(error_answer(status, message, name))


def read_mail(given: object, domains: tuple[str, ...], now: datetime) -> JsonObject:
    """Check the body of a send and give the mail as it is kept.

    Args:
        given: The parsed body.
        domains: The verified sender domains.
        now: Aware UTC, for `scheduled_at`.

    Returns:
        All of from, to, cc, bcc, reply_to (lists), subject, html, text, headers, tags, scheduled_at.

    Raises:
        VendorError: 422 or 403 in Resend's form.
    """
    if not isinstance(given, dict):
        refuse("The request body should be an object.")
    for field in ("from", "to", "subject"):
        if not given.get(field) and not (field == "subject" and "template" in given):
            refuse(f"Missing `{field}` field.", name="missing_required_field")
    if not any(given.get(part) for part in ("html", "text", "template")):
        refuse("Missing `html` or `text` field.", name="missing_required_field")
    unknown = set(given) - _KNOWN
    if unknown:
        refuse(f"Unknown field `{min(unknown)}`.")
    for part in ("html", "text"):
        if not isinstance(given.get(part), str | None):
            refuse(f"The `{part}` field must be a `string`.")
    return {
        "from": _read_sender(given["from"], domains),
        "to": _read_recipients(given, "to"),
        "cc": _read_recipients(given, "cc"),
        "bcc": _read_recipients(given, "bcc"),
        "reply_to": _read_recipients(given, "reply_to"),
        "subject": _read_subject(given.get("subject", "")),
        "html": given.get("html"),
        "text": given.get("text"),
        "headers": _read_headers(given.get("headers")),
        "tags": _read_tags(given.get("tags")),
        "scheduled_at": read_scheduled_at(given.get("scheduled_at"), now),
    }


def read_scheduled_at(value: object, now: datetime) -> str | None:
    """Check a time to send and give it as ISO 8601 in UTC; None and the past mean at once.

    Raises:
        VendorError: 422, no ISO 8601 date with a zone, or more than 30 days ahead.
    """
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        refuse("The `scheduled_at` field must be a date in ISO 8601 with a time zone.")
    if moment > now + MAX_AHEAD:
        refuse("The `scheduled_at` field must be at most 30 days ahead.")
    return moment.astimezone(UTC).isoformat()


def bare_address(text: str) -> str | None:
    """Give the address of `a@b` or `Name <a@b>`, or None where it is neither."""
    named = _NAMED.fullmatch(text)
    address = (named["address"] if named else text).strip()
    return address if _ADDRESS.fullmatch(address) and len(address) <= 254 else None  # noqa: PLR2004 - RFC 5321


def _read_sender(value: object, domains: tuple[str, ...]) -> str:
    address = bare_address(value) if isinstance(value, str) else None
    if address is None or not isinstance(value, str) or _has_line_break(value):
        _refuse_address("from")
    domain = address.rpartition("@")[2].lower()
    if domain not in domains:
        message = (
            f"The {domain} domain is not verified. Please, add and verify your domain on https://resend.com/domains"
        )
        refuse(message, status=403)
    return value


def _read_recipients(given: JsonObject, field: str) -> list[str]:
    value = given.get(field)
    if value is None:
        return []
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        _refuse_address(field)
    if len(texts) > MAX_RECIPIENTS:
        refuse(f"The `{field}` field must have at most {MAX_RECIPIENTS} addresses.")
    for text in texts:
        address = bare_address(text) if isinstance(text, str) else None
        if address is None or _has_line_break(text):
            _refuse_address(field)
        if field != "reply_to" and address.rpartition("@")[2].lower() in _REFUSED_DOMAINS:
            message = (
                f"Invalid `{field}` field. Please use our testing email address instead of domains like `example.com`."
            )
            refuse(message)
    return texts


def _refuse_address(field: str) -> NoReturn:
    message = (
        f"Invalid `{field}` field. The email address needs to follow the `email@example.com` or "
        "`Name <email@example.com>` format."
    )
    refuse(message)


def _read_subject(value: object) -> str:
    if not isinstance(value, str):
        refuse("The `subject` field must be a `string`.")
    if _has_line_break(value):
        refuse("The `\\n` is not allowed in the `subject` field.")
    return value


def _read_headers(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        refuse("The `headers` field must be an object.")
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name) or not isinstance(text, str) or _has_line_break(text):
            refuse(f"Invalid header `{name}` in the `headers` field.")
    return value


def _read_tags(value: object) -> list[JsonObject]:
    if value is None:
        return []
    if not isinstance(value, list):
        refuse("The `tags` field must be an array.")
    for tag in value:
        if not isinstance(tag, dict) or set(tag) != {"name", "value"}:
            refuse("Each tag needs a `name` and a `value`.")
        for part in (tag["name"], tag["value"]):
            if not isinstance(part, str) or not _TAG.fullmatch(part) or len(part) > MAX_TAG:
                message = (
                    "Tags should only contain ASCII letters, numbers, underscores, or dashes, "
                    "and at most 256 characters."
                )
                refuse(message)
    return value


def _has_line_break(text: str) -> bool:
    return "\r" in text or "\n" in text
