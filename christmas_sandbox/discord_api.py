"""The Discord stand-in: webhooks that take messages within Discord's limits.

Source: Discord's pages "Execute Webhook" and "Embed limits". Any webhook id and token are let in.
"""

import json
import re
import uuid

from christmas_sandbox.clock import Clock, iso_ms
from christmas_sandbox.notion_values import utf16_units
from christmas_sandbox.store import Store
from christmas_sandbox.wire import Answer, Call, JsonObject, NotJsonError, VendorError

MAX_CONTENT = 2000
MAX_EMBEDS = 10
MAX_FIELDS = 25
MAX_TOTAL = 6000
_EMBED_LIMITS = {"title": 256, "description": 4096}
_FIELD_LIMITS = {"name": 256, "value": 1024}
_PATH = re.compile(r"/discord/webhooks/([^/]+)/([^/]+)")
_ERRORS = {401: "401: Unauthorized", 404: "Unknown Webhook", 429: "You are being rate limited."}


class DiscordApi:
    """Handles `POST /discord/webhooks/{id}/{token}`.

    Args:
        store: Keeps the messages.
        clock: The sandbox's now.
    """

    name = "discord"

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def open(self, call: Call) -> None:
        """Nothing to check before the body."""

    def handle(self, call: Call) -> Answer:
        """Keep one message; 204, or 200 with the message for `?wait=true`."""
        match = _PATH.fullmatch(call.path)
        if match is None:
            raise VendorError(self.error(404))
        if call.method != "POST":
            raise VendorError(Answer(405, {"message": "405: Method Not Allowed", "code": 0}))
        message = _read_message(call)
        message_id = str(uuid.uuid4().int % 10**18)
        now = self._clock.now_ms()
        self._store.execute(
            "INSERT INTO discord (id, webhook_id, posted_ms, message) VALUES (?, ?, ?, ?)",
            *(message_id, match[1], now, json.dumps(message)),
        )
        if call.query.get("wait", "").lower() != "true":
            return Answer(204)
        form = {"id": message_id, "type": 0, "webhook_id": match[1], "timestamp": iso_ms(now)}
        return Answer(200, {**form, "content": message.get("content", ""), "embeds": message.get("embeds", [])})

    def close(self, call: Call) -> None:
        """Nothing is claimed at Discord."""

    def error(self, status: int, code: str | None = None, retry_after: int | None = None) -> Answer:
        """Build an error in Discord's form."""
        body: JsonObject = {"message": code or _ERRORS.get(status, f"{status}: error"), "code": 0}
        if status == 429:  # noqa: PLR2004 - Too Many Requests
            body = {"message": _ERRORS[429], "retry_after": float(retry_after or 1), "global": False}
        return Answer(status, body, {} if retry_after is None else {"retry-after": str(retry_after)})

    def messages(self) -> list[JsonObject]:
        """List all kept messages, oldest first."""
        return [
            {
                "id": row["id"],
                "webhook_id": row["webhook_id"],
                "posted_at": iso_ms(row["posted_ms"]),
                **json.loads(row["message"]),
            }
            for row in self._store.execute("SELECT * FROM discord ORDER BY seq")
        ]


def _read_message(call: Call) -> JsonObject:
    try:
        message = call.json()
    except NotJsonError:
        raise VendorError(Answer(400, {"message": "The request body contains invalid JSON.", "code": 50109})) from None
    if not isinstance(message, dict):
        raise VendorError(_form_errors({"_": _problem("DICT_TYPE_CONVERT", "Only dictionaries may be used.")}))
    embeds = message.get("embeds") or []
    if not message.get("content") and not embeds:
        raise VendorError(Answer(400, {"message": "Cannot send an empty message", "code": 50006}))
    errors: JsonObject = {}
    _check_text(message, "content", MAX_CONTENT, errors)
    if not isinstance(embeds, list) or len(embeds) > MAX_EMBEDS:
        errors["embeds"] = _problem("BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {MAX_EMBEDS} in length.")
    else:
        _check_embeds(embeds, errors)
    if errors:
        raise VendorError(_form_errors(errors))
    return message


def _check_embeds(embeds: list[object], errors: JsonObject) -> None:
    found: JsonObject = {}
    total = 0
    for index, embed in enumerate(embeds):
        if not isinstance(embed, dict):
            found[str(index)] = _problem("MODEL_TYPE_CONVERT", "Only dictionaries may be used.")
            continue
        problems: JsonObject = {}
        for part, longest in _EMBED_LIMITS.items():
            total += _check_text(embed, part, longest, problems)
        for part in ("footer", "author"):
            inner = embed.get(part)
            if isinstance(inner, dict):
                total += utf16_units(str(inner.get("text") or inner.get("name") or ""))
        total += _check_fields(embed.get("fields") or [], problems)
        if problems:
            found[str(index)] = problems
    if total > MAX_TOTAL:
        message = f"Embed size exceeds maximum size of {MAX_TOTAL}"
        found["_errors"] = _problem("MAX_EMBED_SIZE_EXCEEDED", message)["_errors"]
    if found:
        errors["embeds"] = found


def _check_fields(fields: object, problems: JsonObject) -> int:
    if not isinstance(fields, list) or len(fields) > MAX_FIELDS:
        problems["fields"] = _problem("BASE_TYPE_MAX_LENGTH", f"Must be {MAX_FIELDS} or fewer in length.")
        return 0
    total = 0
    found: JsonObject = {}
    for index, field in enumerate(fields):
        wrong: JsonObject = {}
        for part, longest in _FIELD_LIMITS.items():
            text = field.get(part) if isinstance(field, dict) else None
            if not text:
                wrong[part] = _problem("BASE_TYPE_REQUIRED", "This field is required")
            else:
                total += _check_text(field, part, longest, wrong)
        if wrong:
            found[str(index)] = wrong
    if found:
        problems["fields"] = found
    return total


def _check_text(holder: JsonObject, part: str, longest: int, problems: JsonObject) -> int:
    text = holder.get(part)
    if text is None:
        return 0
    if not isinstance(text, str):
        problems[part] = _problem("STRING_TYPE_CONVERT", "Could not convert to string.")
        return 0
    if utf16_units(text) > longest:
        problems[part] = _problem("BASE_TYPE_MAX_LENGTH", f"Must be {longest} or fewer in length.")
    return utf16_units(text)


def _problem(code: str, message: str) -> JsonObject:
    return {"_errors": [{"code": code, "message": message}]}


def _form_errors(errors: JsonObject) -> Answer:
    return Answer(400, {"message": "Invalid Form Body", "code": 50035, "errors": errors})
