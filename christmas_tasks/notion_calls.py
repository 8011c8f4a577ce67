"""One call to Notion: its client, its errors as ours, and the repeats. What is asked stands in the callers."""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from christmas_tasks.columns import Database
from christmas_tasks.errors import ChristmasError, OutcomeUnknown, SetupRefused, VendorUnavailable
from christmas_tasks.notion_schema import Schema
from christmas_tasks.pacing import NO_PACE, Pace
from christmas_tasks.retrying import retry_after_s, retrying
from christmas_tasks.tls import trusted

if TYPE_CHECKING:
    from notion_client import Client

_TIMEOUT_MS = 15_000
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_TOO_MANY = 429
_CONFLICT = 409
_SERVER_FAULTS = 500


class Gone(SetupRefused):
    """404: the object is not there, or not shared with the integration."""


class Invalid(SetupRefused):
    """400: Notion doesn't accept the request as it stands."""


class NotionCalls:
    """Calls Notion's API 2025-09-03.

    Args:
        token: The integration's token.
        base_url: ``https://api.notion.com``, or a stand-in.
        budget_s: Seconds that one call may take with all its repeats.
        again: What a person does after trouble that passes, such as "restart the execution".
        pace: Keeps the calls of all tasks apart.
    """

    def __init__(
        self,
        token: str,
        base_url: str,
        budget_s: float,
        again: str = "restart the execution",
        pace: Pace = NO_PACE,
    ) -> None:
        self._pace = pace
        self._token = token
        self._base_url = base_url
        self._again = again
        self.budget_s = budget_s

    @cached_property
    def client(self) -> "Client":
        """Notion's own client; it repeats nothing and logs nothing."""
        import httpx  # noqa: PLC0415 - comes with notion_client
        from notion_client import Client  # noqa: PLC0415 - 200 ms that only a call to Notion pays

        silent = logging.getLogger("christmas_tasks.notion_client")
        silent.addHandler(logging.NullHandler())
        silent.propagate = False
        return Client(
            client=httpx.Client(verify=trusted()),
            auth=self._token,
            base_url=self._base_url,
            retry=False,
            timeout_ms=_TIMEOUT_MS,
            logger=silent,
        )

    def close(self) -> None:
        """Close the connections; safe to repeat. A task that ends need not ask for it."""
        if "client" in self.__dict__:
            self.client.close()

    def call(self, what: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - Notion's JSON
        """The answer of a call that may be repeated.

        Args:
            what: Completes "Notion can't ..." for people; no text of other people.
            call: Uses ``client``.

        Raises:
            ChristmasError: What the last try met.
        """
        return retrying(lambda: self.once(what, call), budget_s=self.budget_s)

    def once(self, what: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - Notion's JSON
        """The same without repeats: for a write that must be looked for first, once its answer got lost."""
        import httpx  # noqa: PLC0415 - comes with notion_client
        from notion_client.errors import HTTPResponseError, RequestTimeoutError  # noqa: PLC0415

        self._pace.wait(self.budget_s)
        try:
            return call()
        except HTTPResponseError as error:
            trouble = self._translated(what, error.status, str(error.code), retry_after_s(error.headers))
            if isinstance(trouble, VendorUnavailable):
                self._pace.hold_back(trouble.retry_after_s or 1.0)
            raise trouble from None
        except (RequestTimeoutError, httpx.TransportError, ValueError) as error:
            # ValueError: a 200 whose body is no JSON; the write may have happened.
            raise OutcomeUnknown(
                f"Notion gave no usable answer ({type(error).__name__}) to: {what}. "
                f"Look at the network and at status.notion.so, then {self._again}."
            ) from None

    def schema(self, database: Database, database_id: str) -> Schema:
        """How a database looks now. Two calls.

        Raises:
            SetupRefused: Not there, not shared with the integration, no database, or with several data sources.
        """
        try:
            found = self.call(
                f"find the {database.label} database", lambda: self.client.databases.retrieve(database_id=database_id)
            )
        except Invalid:
            raise SetupRefused(
                f"{database.value} is no id of a database: copy the 32 characters of the {database.label} database's "
                "own link (those before ?v=)."
            ) from None
        sources = found.get("data_sources", [])
        if len(sources) != 1:
            raise SetupRefused(
                f"The {database.label} database has {len(sources)} data sources: give it exactly one in Notion."
            )
        source = self.call(
            f"read the columns of the {database.label} database",
            lambda: self.client.data_sources.retrieve(data_source_id=sources[0]["id"]),
        )
        return Schema.from_json(database, sources[0]["id"], source["properties"])

    def _translated(self, what: str, status: int, code: str, retry_after: float | None) -> ChristmasError:
        again = self._again[:1].upper() + self._again[1:]
        if status == _TOO_MANY:
            return VendorUnavailable(
                f"Notion's rate limit was reached and did not clear in time, at: {what}. {again} later.",
                retry_after_s=retry_after,
            )
        if status >= _SERVER_FAULTS or status == _CONFLICT:
            return OutcomeUnknown(
                f"Notion is in trouble (HTTP {status}), at: {what}. {again} once status.notion.so is green.",
                retry_after_s=retry_after,
            )
        if status == _NOT_FOUND:
            return Gone(
                f"Notion can't {what}: it is not there, or not shared with the integration. "
                f"Share it (in its menu ••• > Connections), then {self._again}."
            )
        if status == _UNAUTHORIZED:
            return SetupRefused(f"Notion refuses the token (HTTP 401), at: {what}. Check NOTION_TOKEN.")
        if status == _FORBIDDEN:
            return SetupRefused(
                f"Notion refuses the token's rights (HTTP 403), at: {what}. Let the integration read, update and "
                "insert content (notion.so/my-integrations)."
            )
        # Notion's own message may quote a value, which is text of other people.
        return Invalid(f"Notion does not accept the request (HTTP {status}, {code}), at: {what}. Run the health check.")
