"""Resend as the sender: the only module that talks to it (resend.com/docs/api-reference).

The idempotency key goes with every send. An answer that got lost is repeated with the same key and the same bytes only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from christmas_tasks.errors import ChristmasError, MailRefused, OutcomeUnknown, SetupRefused, VendorUnavailable
from christmas_tasks.instants import read_instant
from christmas_tasks.pacing import NO_PACE, Pace
from christmas_tasks.retrying import retry_after_s, retrying

T = TypeVar("T")

_TIMEOUT_S = 15
_LIST_PAGE = 100
_LIST_PAGES = 100
_TOO_MANY = 429
_SERVER_FAULTS = 500
_QUOTA = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
_KEY_IN_USE = "concurrent_idempotent_requests"
_KEY_SPENT = "invalid_idempotent_request"


@dataclass(frozen=True)
class Mail:
    """The exact mail as it goes to Resend: frozen before the send, equal on every repeat.

    Args:
        to: One address.
        marker: Stands in the HTML; tells this (enrolment, number) apart in Resend's own list.
        headers: ``List-Unsubscribe`` and the like.
        tags: Letters, digits, ``_`` and ``-`` only.
    """

    sender: str
    to: str
    reply_to: str
    subject: str
    html: str
    text: str
    marker: str
    headers: Mapping[str, str]
    tags: Mapping[str, str]


class Answer(StrEnum):
    """What Resend said to a send."""

    ACCEPTED = "accepted"
    ALREADY = "already accepted"


@dataclass(frozen=True)
class Sent:
    """The answer to a send: the id, unless another request with this key was accepted before."""

    answer: Answer
    resend_id: str = ""


class Trace(StrEnum):
    """What looking a mail up has settled."""

    FOUND = "found"
    NEVER_SENT = "never sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class LookedUp:
    """Where a mail stands at Resend."""

    trace: Trace
    resend_id: str = ""
    accepted_at: datetime | None = None


class Mailer:
    """Resend with one key.

    Args:
        api_key: Of the sender's team.
        api_url: ``https://api.resend.com``, or a stand-in.
        budget_s: Seconds that one call may take with all its repeats.
        pace: Keeps the calls of all tasks apart.
    """

    def __init__(
        self,
        api_key: str,
        api_url: str = "https://api.resend.com",
        budget_s: float = 60.0,
        pace: Pace = NO_PACE,
    ) -> None:
        import resend  # noqa: PLC0415 - 350 ms that only tasks with Resend pay

        # The SDK keeps one key and one address for each process.
        resend.api_key = api_key
        resend.api_url = api_url
        resend.default_http_client = resend.RequestsClient(timeout=_TIMEOUT_S)
        self._resend = resend
        self._budget_s = budget_s
        self._pace = pace

    def send(self, mail: Mail, key: str) -> Sent:
        """Hand one mail to Resend with its idempotency key. Safe to repeat within 24 hours of the first try.

        Raises:
            MailRefused: Resend will not take this mail; it was not accepted.
            SetupRefused: Key or domain; it was not accepted.
            OutcomeUnknown: No usable answer within the budget; it may have been accepted.
            VendorUnavailable: Rate limit or quota; the last try was not accepted, an earlier one may have been.
        """
        params: Any = {
            "from": mail.sender,
            "to": [mail.to],
            "subject": mail.subject,
            "html": mail.html,
            "text": mail.text,
            "headers": dict(mail.headers),
            "tags": [{"name": name, "value": value} for name, value in mail.tags.items()],
        }
        if mail.reply_to:
            params["reply_to"] = mail.reply_to
        try:
            accepted = self._call("send an email", lambda: self._resend.Emails.send(params, {"idempotency_key": key}))
        except _KeySpent:
            return Sent(Answer.ALREADY)
        return Sent(Answer.ACCEPTED, str(accepted["id"]))

    def look_up(self, mail: Mail, since: datetime) -> LookedUp:
        """Find out whether a mail was accepted, from Resend's own list. Reads only.

        Args:
            mail: Its receiver and marker are compared.
            since: No attempt was made before this instant.

        Returns:
            ``NEVER_SENT`` only if the list reaches back behind *since*: a list that ends later may have been cut.
        """
        after: str | None = None
        for _ in range(_LIST_PAGES):
            page = self._page_after(after)
            for item in page["data"]:
                created = read_instant(str(item["created_at"]))
                if created is not None and created.instant < since:
                    return LookedUp(Trace.NEVER_SENT)
                if mail.to in _addresses(item["to"]) and self._is_it(str(item["id"]), mail.marker):
                    return LookedUp(Trace.FOUND, str(item["id"]), created.instant if created else None)
            if not page.get("has_more") or not page["data"]:
                return LookedUp(Trace.UNKNOWN)
            after = str(page["data"][-1]["id"])
        return LookedUp(Trace.UNKNOWN)

    def _page_after(self, after: str | None) -> Any:  # noqa: ANN401 - the SDK's dict
        params: Any = {"limit": _LIST_PAGE, **({"after": after} if after else {})}
        return self._call("list the emails", lambda: self._resend.Emails.list(params))

    def sent_to(self, address: str) -> list[dict[str, Any]]:
        """The mails to one address that Resend still lists, newest first, with their content. Reads only.

        A call for each 100 mails of the account, the newest 10,000 at most, and one for each mail to the address.
        """
        found: list[dict[str, Any]] = []
        after: str | None = None
        for _ in range(_LIST_PAGES):
            page = self._page_after(after)
            for item in page["data"]:
                if address in _addresses(item["to"]):
                    resend_id = str(item["id"])
                    found.append(dict(self._call("read an email", partial(self._resend.Emails.get, resend_id))))
            if not page.get("has_more") or not page["data"]:
                break
            after = str(page["data"][-1]["id"])
        return found

    def domains(self) -> dict[str, str]:
        """The team's sender domains and their status, for example ``{"example.org": "verified"}``."""
        page = self._call("list the domains", self._resend.Domains.list)
        return {str(domain["name"]): str(domain["status"]) for domain in page["data"]}

    def _is_it(self, resend_id: str, marker: str) -> bool:
        try:
            email = self._call("read an email", lambda: self._resend.Emails.get(resend_id))
        except MailRefused:
            raise VendorUnavailable(
                "Resend lists an email that it can't show: nothing is sent before it can."
            ) from None
        return marker in str(email.get("html") or "")

    def _call(self, what: str, call: Callable[[], T]) -> T:
        return retrying(lambda: self._once(what, call), budget_s=self._budget_s)

    def _once(self, what: str, call: Callable[[], T]) -> T:
        self._pace.wait(self._budget_s)
        try:
            return call()
        except self._resend.exceptions.ResendError as error:
            if int(error.code) == _TOO_MANY and str(error.error_type) not in _QUOTA:
                self._pace.hold_back(retry_after_s(error.headers) or 1.0)
            raise _translated(what, error) from None
        except (self._resend.exceptions.NoContentError, ValueError) as error:
            raise OutcomeUnknown(f"Resend gave no usable answer ({type(error).__name__}) to: {what}.") from None


class _KeySpent(MailRefused):
    """409: another payload was accepted with this key before."""


def _translated(what: str, error: Any) -> ChristmasError:  # noqa: ANN401 - the SDK's error, imported late
    status, kind = int(error.code), str(error.error_type)
    if kind == _KEY_SPENT:
        return _KeySpent("Resend has already accepted an email with this key.")
    if kind == _KEY_IN_USE:
        return OutcomeUnknown("Resend is still working on an earlier request with the same key. Restart later.")
    if kind in _QUOTA:
        return VendorUnavailable(
            f"Resend's {kind.partition('_')[0]} quota is used up: raise it, then restart the execution.",
            retry_after_s=3_600,
        )
    if status == _TOO_MANY:
        return VendorUnavailable(
            f"Resend's rate limit was reached and did not clear in time, at: {what}. Restart the execution later.",
            retry_after_s=retry_after_s(error.headers),
        )
    if status >= _SERVER_FAULTS:
        return OutcomeUnknown(
            f"Resend is in trouble or gave no answer (HTTP {status}), at: {what}. "
            "Restart the execution once resend-status.com is green.",
            retry_after_s=retry_after_s(error.headers),
        )
    if status in {401, 403}:
        return SetupRefused(
            f"Resend refuses the key or the sender ({kind}), at: {what}. Check RESEND_API_KEY and EMAIL_FROM's domain."
        )
    # Resend's own message may quote the address or the subject.
    return MailRefused(f"Resend refuses the request for good (HTTP {status}, {kind}), at: {what}.")


def _addresses(to: object) -> tuple[str, ...]:
    items = to if isinstance(to, list) else [to]
    return tuple(str(item).lower() for item in items)
