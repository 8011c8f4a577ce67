"""Kestra's own API, for the one question that reconcile has: which emails wait or run as executions?"""

from functools import partial
from typing import Any

from christmas_tasks.errors import SetupRefused, VendorUnavailable
from christmas_tasks.retrying import retrying

LIVE_STATES = ("CREATED", "SUBMITTED", "QUEUED", "RUNNING", "RETRYING", "RESTARTED", "PAUSED", "KILLING")
_PAGE_SIZE = 100
_TIMEOUT_S = 15.0
_FLOWS = ("send-email", "send-email-later")


class EngineApi:
    """Kestra behind its address and login.

    Args:
        url: For example ``http://127.0.0.1:8080``.
        username: Of the API.
        password: Of the API.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self._url = url.rstrip("/")
        self._login = (username, password)

    def live_emails(self) -> frozenset[tuple[str, int]]:
        """The enrolment keys and numbers of all emails that wait or run as executions right now.

        Raises:
            SetupRefused: Wrong login.
            VendorUnavailable: No answer.
        """
        found: set[tuple[str, int]] = set()
        for flow_id in _FLOWS:
            page = 1
            while True:
                answer = retrying(partial(self._search, flow_id, page), budget_s=30.0)
                for execution in answer["results"]:
                    labels = {label["key"]: label["value"] for label in execution.get("labels") or ()}
                    if labels.get("enrolment") and str(labels.get("email", "")).isdigit():
                        found.add((labels["enrolment"], int(labels["email"])))
                if page * _PAGE_SIZE >= answer["total"]:
                    break
                page += 1
        return frozenset(found)

    def _search(self, flow_id: str, page: int) -> Any:  # noqa: ANN401 - Kestra's JSON
        import httpx  # noqa: PLC0415 - reconcile alone needs it

        try:
            answer = httpx.get(
                f"{self._url}/api/v1/main/executions/search",
                params={
                    "page": page,
                    "size": _PAGE_SIZE,
                    "filters[namespace][EQUALS]": "christmas",
                    "filters[flowId][EQUALS]": flow_id,
                    "filters[state][IN]": ",".join(LIVE_STATES),
                },
                auth=self._login,
                timeout=_TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            raise VendorUnavailable(
                f"Kestra's API gives no answer ({type(error).__name__}): check KESTRA_URL."
            ) from None
        if answer.status_code in {401, 403}:
            raise SetupRefused("Kestra's API refuses the login: check KESTRA_USERNAME and KESTRA_PASSWORD.")
        if answer.is_error:
            raise VendorUnavailable(f"Kestra's API is in trouble (HTTP {answer.status_code}).")
        return answer.json()
