"""The Resend stand-in: emails, batch, domains, with the idempotency of 24 hours.

Left out: attachments (ignored), templates (never rendered), audiences, broadcasts. A mail counts as accepted
once it is on disk, which is before the answer.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from christmas_sandbox.clock import Clock
from christmas_sandbox.resend_checks import error_answer, read_mail, read_scheduled_at, refuse
from christmas_sandbox.resend_mails import Mails, fingerprint
from christmas_sandbox.wire import Answer, Call, JsonObject, NotJsonError, VendorError

MAX_BATCH = 100
MAX_LIMIT = 100
DEFAULT_LIMIT = 10
MAX_KEY = 256
_LISTED = ("id", "to", "from", "created_at", "subject", "bcc", "cc", "reply_to", "last_event", "scheduled_at")
_ID = r"([0-9A-Za-z_-]+)"


class ResendApi:
    """Handles calls to `/emails...` and `/domains...`.

    Args:
        mails: Where accepted mails go.
        clock: The sandbox's now.
        api_key: The only key that is let in.
        domains: The verified sender domains.
    """

    name = "resend"

    def __init__(self, mails: Mails, clock: Clock, api_key: str, domains: tuple[str, ...]) -> None:
        self._mails = mails
        self._clock = clock
        self._api_key = api_key
        self._domains = domains
        self._in_progress: set[str] = set()
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., JsonObject]]] = [
            ("POST", re.compile("/emails"), self._send),
            ("POST", re.compile("/emails/batch"), self._send_batch),
            ("GET", re.compile("/emails"), self._list),
            ("GET", re.compile(f"/emails/{_ID}"), self._get),
            ("PATCH", re.compile(f"/emails/{_ID}"), self._reschedule),
            ("POST", re.compile(f"/emails/{_ID}/cancel"), self._cancel),
            ("GET", re.compile("/domains"), self._list_domains),
            ("GET", re.compile(f"/domains/{_ID}"), self._get_domain),
        ]

    def open(self, call: Call) -> None:
        """Check the key, and claim the idempotency key; raises VendorError."""
        token = call.bearer()
        if token is None:
            raise VendorError(error_answer(401, "Missing API Key"))
        if token != self._api_key:
            raise VendorError(error_answer(403, "API key is invalid"))
        key = _idempotency_key(call)
        if key is None:
            return
        if key in self._in_progress:
            message = "The original request is still in progress. Try again later with the same idempotency key."
            raise VendorError(error_answer(409, message, "concurrent_idempotent_requests"))
        self._in_progress.add(key)

    def handle(self, call: Call) -> Answer:
        """Answer one call; a refused one writes nothing."""
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(call.path)
            if match is not None and method == call.method:
                return Answer(200, self._once(call, partial(handler, call, *match.groups())))
        raise VendorError(error_answer(404, "The requested endpoint does not exist."))

    def close(self, call: Call) -> None:
        """Give the idempotency key back."""
        key = _idempotency_key(call)
        if key is not None:
            self._in_progress.discard(key)

    def error(self, status: int, code: str | None = None, retry_after: int | None = None) -> Answer:
        """Build an error in Resend's form."""
        return error_answer(status, f"The sandbox answers {status} as asked.", code, retry_after)

    def _once(self, call: Call, act: Callable[[], JsonObject]) -> JsonObject:
        """Act, or give the answer that the idempotency key already has."""
        key = _idempotency_key(call)
        if key is None:
            return act()
        mark = fingerprint(call.path, _json(call))
        known = self._mails.remembered(key)
        if known is not None:
            if known[0] != mark:
                message = "Same idempotency key used with a different request payload."
                raise VendorError(error_answer(409, message, "invalid_idempotent_request"))
            answer: JsonObject = known[1]
            return answer
        answer = act()
        self._mails.remember(key, mark, answer)
        return answer

    def _send(self, call: Call) -> JsonObject:
        mail = read_mail(_json(call), self._domains, self._now())
        return {"id": self._mails.add(mail, _idempotency_key(call))}

    def _send_batch(self, call: Call) -> JsonObject:
        given = _json(call)
        if not isinstance(given, list) or not 1 <= len(given) <= MAX_BATCH:
            refuse(f"The batch must be an array of 1 to {MAX_BATCH} emails.")
        permissive = call.headers.get("x-batch-validation") == "permissive"
        good: list[JsonObject] = []
        errors: list[JsonObject] = []
        for index, one in enumerate(given):
            try:
                good.append(read_mail(one, self._domains, self._now()))
            except VendorError as refusal:
                if not permissive:
                    raise
                body = refusal.answer.body
                message = body["message"] if isinstance(body, dict) else ""
                errors.append({"index": index, "message": message})
        data = [{"id": self._mails.add(mail, _idempotency_key(call))} for mail in good]
        return {"data": data, "errors": errors} if permissive else {"data": data}

    def _list(self, call: Call) -> JsonObject:
        limit = _limit(call)
        after, before = call.query.get("after"), call.query.get("before")
        if after and before:
            refuse("Only one of `after` and `before` can be given.")
        if before:
            above = self._mails.oldest_first(limit + 1, above=self._seq(before))
            page, more = above[:limit][::-1], len(above) > limit
        else:
            below = self._mails.newest_first(limit + 1, below=self._seq(after) if after else None)
            page, more = below[:limit], len(below) > limit
        listed = [_email_form(mail) for mail in page]
        data = [{name: mail[name] for name in _LISTED} for mail in listed]
        return {"object": "list", "has_more": more, "data": data}

    def _get(self, _call: Call, mail_id: str) -> JsonObject:
        return _email_form(self._mail(mail_id))

    def _reschedule(self, call: Call, mail_id: str) -> JsonObject:
        body = _json(call)
        scheduled_at = read_scheduled_at(body.get("scheduled_at") if isinstance(body, dict) else None, self._now())
        if scheduled_at is None:
            refuse("Missing `scheduled_at` field.", name="missing_required_field")
        self._waiting(mail_id)
        self._mails.reschedule(mail_id, scheduled_at)
        return {"object": "email", "id": mail_id}

    def _cancel(self, _call: Call, mail_id: str) -> JsonObject:
        self._waiting(mail_id)
        self._mails.set_event(mail_id, "canceled")
        return {"object": "email", "id": mail_id}

    def _list_domains(self, _call: Call) -> JsonObject:
        data = [_domain_form(index, name) for index, name in enumerate(self._domains)]
        return {"object": "list", "has_more": False, "data": data}

    def _get_domain(self, _call: Call, domain_id: str) -> JsonObject:
        for index, name in enumerate(self._domains):
            form = _domain_form(index, name)
            if form["id"] == domain_id:
                return {"object": "domain", **form, "records": []}
        raise VendorError(error_answer(404, "Domain not found"))

    def _mail(self, mail_id: str) -> JsonObject:
        mail = self._mails.get(mail_id)
        if mail is None:
            raise VendorError(error_answer(404, "Email not found"))
        return mail

    def _waiting(self, mail_id: str) -> None:
        if self._mail(mail_id)["last_event"] != "scheduled":
            refuse("Email is not scheduled.")

    def _seq(self, mail_id: str) -> int:
        mail = self._mails.get(mail_id)
        if mail is None:
            refuse("The cursor is no known email id.")
        return int(mail["seq"])

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)


def _email_form(mail: JsonObject) -> JsonObject:
    created_at = mail["accepted_at"].replace("T", " ").replace("Z", "000+00")
    hidden = {"seq", "accepted_at", "idempotency_key", "headers", "tags"}
    shown = {name: value for name, value in mail.items() if name not in hidden}
    return {"object": "email", **shown, "created_at": created_at}


def _domain_form(index: int, name: str) -> JsonObject:
    return {
        "id": f"d0000000-0000-4000-8000-{index + 1:012d}",
        "name": name,
        "status": "verified",
        "created_at": "2025-11-01 00:00:00.000000+00",
        "region": "eu-west-1",
        "capabilities": {"sending": "enabled", "receiving": "disabled"},
    }


def _idempotency_key(call: Call) -> str | None:
    key = call.headers.get("idempotency-key")
    if key is None or call.method != "POST" or call.path not in {"/emails", "/emails/batch"}:
        return None
    if not 1 <= len(key) <= MAX_KEY:
        message = f"The idempotency key must have between 1 and {MAX_KEY} characters."
        raise VendorError(error_answer(400, message, "invalid_idempotency_key"))
    return key


def _json(call: Call) -> object:
    try:
        return call.json()
    except NotJsonError:
        refuse("The request body is no valid JSON.", status=400)


def _limit(call: Call) -> int:
    text = call.query.get("limit", str(DEFAULT_LIMIT))
    limit = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= limit <= MAX_LIMIT:
        refuse(f"The `limit` must be between 1 and {MAX_LIMIT}.")
    return limit
