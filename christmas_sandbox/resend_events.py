"""Delivery events that the sandbox signs as Resend does (Svix) and posts to a local webhook."""

import base64
import binascii
import hashlib
import hmac
import time
import uuid
from urllib.parse import urlsplit

import httpx

from christmas_sandbox.clock import Clock, iso_ms
from christmas_sandbox.resend_mails import Mails
from christmas_sandbox.wire import JsonObject, dump_json

# "whsec_" and the base64 of "christmas-sandbox-webhooks".
DEFAULT_SECRET = "whsec_Y2hyaXN0bWFzLXNhbmRib3gtd2ViaG9va3M="  # noqa: S105 - a stand-in's, for local use only
TIMEOUT_SECONDS = 15.0
_TYPES = frozenset(
    {
        *("sent", "scheduled", "delivered", "delivery_delayed", "complained", "bounced"),
        *("opened", "clicked", "failed", "suppressed"),
    }
)
_EXTRA: dict[str, JsonObject] = {
    "bounced": {
        "bounce": {
            "type": "Permanent",
            "subType": "General",
            "message": "The recipient's mail server refused the mail.",
            "diagnosticCode": ["smtp; 550 5.1.1 user unknown"],
        }
    },
    "clicked": {
        "click": {
            "ipAddress": "192.0.2.1",
            "link": "https://example.org/",
            "timestamp": "2025-12-01T09:00:00.000Z",
            "userAgent": "sandbox",
        }
    },
    "failed": {"failed": {"reason": "reached_daily_quota"}},
    "suppressed": {
        "suppressed": {
            "message": "The address bounced before.",
            "type": "OnAccountSuppressionList",
            "reason": "previous_bounce",
        }
    },
}


async def deliver_event(mails: Mails, clock: Clock, given: JsonObject) -> JsonObject:
    """Sign an event about an accepted mail and post it once.

    Args:
        mails: Where the mail is; its `last_event` becomes this one.
        clock: For `created_at`; the signature uses the machine's own time, as verifiers do.
        given: `email_id`, `type` (with or without `email.`), `url` (this machine only); optional `secret`,
            `data` (laid over the event's data), `svix_id` (repeat one to play a retry), `timestamp_offset_seconds`.

    Returns:
        `{svix_id, status, body}` of the receiver; status 0 where nobody answered.

    Raises:
        ValueError: one line about what is wrong with `given`.
    """
    kind = str(given.get("type", "")).removeprefix("email.")
    mail = mails.get(str(given.get("email_id")))
    url = str(given.get("url", ""))
    if kind not in _TYPES:
        raise ValueError(f"type is none of {sorted(_TYPES)}")
    if mail is None:
        raise ValueError("email_id is no accepted mail")
    if urlsplit(url).hostname not in {"127.0.0.1", "localhost"}:
        raise ValueError("url is not on this machine")
    mails.set_event(mail["id"], kind)
    data = {
        "email_id": mail["id"],
        "message_id": mail["message_id"],
        "created_at": mail["accepted_at"],
        "from": mail["from"],
        "to": mail["to"],
        "subject": mail["subject"],
        "tags": {tag["name"]: tag["value"] for tag in mail["tags"]},
        **_EXTRA.get(kind, {}),
        **given.get("data", {}),
    }
    body = dump_json({"type": f"email.{kind}", "created_at": iso_ms(clock.now_ms()), "data": data})
    svix_id = str(given.get("svix_id") or f"msg_{uuid.uuid4().hex}")
    at = int(time.time() + float(given.get("timestamp_offset_seconds", 0)))
    headers = sign(body, svix_id, at, str(given.get("secret") or DEFAULT_SECRET))
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = await client.post(url, content=body, headers=headers)
    except httpx.TransportError as error:
        return {"svix_id": svix_id, "status": 0, "body": type(error).__name__}
    return {"svix_id": svix_id, "status": answer.status_code, "body": answer.text[:2000]}


def sign(body: bytes, svix_id: str, at_seconds: int, secret: str) -> dict[str, str]:
    """Give the headers of a signed webhook.

    Raises:
        ValueError: the secret is not `whsec_` and base64.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("secret is not whsec_ and base64") from None
    digest = hmac.new(key, f"{svix_id}.{at_seconds}.".encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "svix-id": svix_id,
        "svix-timestamp": str(at_seconds),
        "svix-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
