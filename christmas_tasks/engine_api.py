"""Kestra's own API: which emails wait or run as executions, and one more execution at its time.

Kestra 2.0.0 renders a Subflow's ``scheduleDate`` once for each flow revision and hands the first lead's time to every
later one (kestra-io/kestra issue 18581), so what waits is started over the API, whose answer is right each time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from time import sleep
from typing import TYPE_CHECKING, Any

from christmas_tasks.errors import OutcomeUnknown, SetupRefused, VendorUnavailable
from christmas_tasks.instants import read_instant
from christmas_tasks.retrying import retry_after_s, retrying
from christmas_tasks.tls import trusted

if TYPE_CHECKING:
    from httpx import Response

DEFAULT_URL = "http://127.0.0.1:8080"
NAMESPACE = "christmas"
FLOW = "send-email"
LIVE_STATES = ("CREATED", "SUBMITTED", "QUEUED", "RUNNING", "RETRYING", "RESTARTED", "PAUSED", "KILLING")
# What is due starts within seconds, also where hundreds are; and within a minute of Kestra's start.
_OVERDUE = timedelta(minutes=15)
_SECOND_LOOK_S = 60.0
# In one state: each try of each task enters a new one.
_STANDS_STILL = timedelta(hours=3)
_PAGE_SIZE = 100
_TIMEOUT_S = 35.0
_REASON_LIMIT = 200
# Said by what stands in front of Kestra rather than by Kestra: a repeat may help.
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True)
class StandingStill:
    """An execution that goes on no more, although it has not ended.

    Args:
        execution_id: Kestra's id.
        flow: Its flow's id.
        since: When it should have started, or reached its state; aware UTC.
    """

    execution_id: str
    flow: str
    since: datetime


class EngineApi:
    """Kestra behind its address and login.

    Args:
        url: For example ``http://127.0.0.1:8080``.
        username: Of the API.
        password: Of the API.
        budget_s: Seconds that one call may take with all its repeats.

    Raises:
        SetupRefused: *url* is no address.

    ``again`` is what messages tell a person to do once the trouble is over.
    """

    again = "restart the execution"

    def __init__(self, url: str, username: str, password: str, budget_s: float = 60.0) -> None:
        import httpx  # noqa: PLC0415 - only tasks that ask Kestra pay

        try:
            address = f"{url.rstrip('/')}/api/v1/main/"
            self._http = httpx.Client(base_url=address, auth=(username, password), verify=trusted())
        except httpx.InvalidURL:
            raise SetupRefused("KESTRA_URL is no address: give Kestra's own, such as http://127.0.0.1:8080.") from None
        self._budget_s = budget_s

    def close(self) -> None:
        """Close the connections; safe to repeat. A task that ends need not ask for it."""
        self._http.close()

    def ping(self) -> None:
        """Prove that the API answers and takes the login.

        Raises:
            SetupRefused: Wrong login.
            VendorUnavailable: No answer.
        """
        retrying(partial(self._call, "GET", "executions/search", params={"size": 1}), budget_s=self._budget_s)

    def live_emails(self) -> frozenset[tuple[str, int]]:
        """The enrolment keys and numbers of all emails that wait or run as executions right now.

        Without those that stand still: an execution too many mails nothing twice, one too few never comes. Looks again
        after a minute if there are such: a Kestra that has just been started is only catching up.

        Raises:
            SetupRefused: Wrong login.
            VendorUnavailable: No answer.
        """
        only = {"filters[state][IN]": ",".join(LIVE_STATES)}
        every, moving = self._emails(only)
        if every != moving:
            sleep(_SECOND_LOOK_S)
            _, moving = self._emails(only)
        return moving

    def waiting_numbers(self, enrolment_key: str, *, overdue: bool) -> frozenset[int]:
        """The email numbers of one enrolment that wait for their date.

        Args:
            enrolment_key: Of the tracker row.
            overdue: Also those whose date is long past.

        Raises:
            SetupRefused: Wrong login.
            VendorUnavailable: No answer.
        """
        only = {"filters[state][IN]": "CREATED", "filters[labels][EQUALS][enrolment]": enrolment_key}
        every, moving = self._emails(only)
        return frozenset(number for _, number in (every if overdue else moving))

    def standing_still(self) -> tuple[StandingStill, ...]:
        """What has been in one state for hours, without what waits for its date (``live_emails``) or for a person.

        Raises:
            SetupRefused: Wrong login.
            VendorUnavailable: No answer.
        """
        # Nobody can do anything about KILLING.
        states = [state for state in LIVE_STATES if state not in {"CREATED", "KILLING", "PAUSED"}]
        now = datetime.now(UTC)
        found = self._search({"filters[state][IN]": ",".join(states)})
        return tuple(still for execution in found if (still := _standing_still(execution, now)))

    def start(self, inputs: Mapping[str, str], labels: Mapping[str, str], at: datetime) -> str:
        """Start ``send-email`` at a time; a past one is at once. A repeat starts one more, which mails nothing twice.

        Args:
            inputs: Of the flow.
            labels: By which Kestra's UI filters.
            at: Aware UTC.

        Returns:
            The execution's id.

        Raises:
            SetupRefused: Wrong login, or the flow is not there.
            VendorUnavailable: No answer.
        """
        params = {
            "scheduleDate": at.isoformat(),
            "labels": [f"{name}:{value}" for name, value in labels.items()],
        }
        call = partial(self._call, "POST", f"executions/{NAMESPACE}/{FLOW}", params=params, files=form_parts(inputs))
        return str(retrying(call, budget_s=self._budget_s)["id"])

    def _emails(self, only: Mapping[str, str]) -> tuple[frozenset[tuple[str, int]], frozenset[tuple[str, int]]]:
        """Enrolment keys and numbers: of all that are found, and of those that don't stand still."""
        now = datetime.now(UTC)
        every, moving = set(), set()
        for execution in self._search({"filters[flowId][EQUALS]": FLOW, **only}):
            labels = {label["key"]: str(label["value"]) for label in execution.get("labels") or ()}
            if labels.get("enrolment") and labels.get("email", "").isdigit():
                email = labels["enrolment"], int(labels["email"])
                every.add(email)
                if _standing_still(execution, now) is None:
                    moving.add(email)
        return frozenset(every), frozenset(moving)

    def _search(self, only: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            params = {
                "page": page,
                "size": _PAGE_SIZE,
                "sort": "id:asc",
                "filters[namespace][EQUALS]": NAMESPACE,
                **only,
            }
            call = partial(self._call, "GET", "executions/search", params=params)
            answer = retrying(call, budget_s=self._budget_s)
            yield from answer["results"]
            if page * _PAGE_SIZE >= answer["total"]:
                return
            page += 1

    def _call(self, method: str, path: str, **content: Any) -> Any:  # noqa: ANN401 - Kestra's JSON
        answer = self._answer(method, path, **content)
        if answer.is_error:
            refused = f"Kestra's API refuses the request (HTTP {answer.status_code}{_reason(answer)})"
            raise SetupRefused(f"{refused}: is {FLOW} deployed?")
        return self._json(answer)

    def _json(self, answer: "Response") -> Any:  # noqa: ANN401 - Kestra's JSON
        try:
            return answer.json()
        except ValueError:
            raise OutcomeUnknown(
                f"What answers at KESTRA_URL is no Kestra (HTTP {answer.status_code}, no JSON): check KESTRA_URL and "
                f"what stands in front of Kestra, then {self.again}."
            ) from None

    def _answer(self, method: str, path: str, **content: Any) -> "Response":  # noqa: ANN401 - httpx's options
        """An answer that is neither trouble nor a refused login; other refusals are the caller's to read."""
        import httpx  # noqa: PLC0415 - see above

        try:
            answer = self._http.request(method, path, timeout=_TIMEOUT_S, **content)
        except httpx.HTTPError as error:
            raise OutcomeUnknown(
                f"Kestra's API gives no answer ({type(error).__name__}): check KESTRA_URL, then {self.again}."
            ) from None
        if answer.status_code in {401, 403}:
            raise SetupRefused("Kestra's API refuses the login: check KESTRA_USERNAME and KESTRA_PASSWORD.")
        if answer.is_server_error or answer.status_code in _LATER:
            raise VendorUnavailable(
                f"Kestra's API is in trouble (HTTP {answer.status_code}): {self.again}.",
                retry_after_s=retry_after_s(answer.headers),
            )
        return answer


def form_parts(values: Mapping[str, str]) -> dict[str, tuple[None, bytes, None, dict[str, str]]]:
    """Values as the parts of a form, in httpx's ``files``, each with its length.

    Netty, Kestra's HTTP server, adds a carriage return to a value without one if the network cuts the form behind it
    (netty/netty issue 17383): ``2`` would be no number any more.
    """
    parts = {name: value.encode() for name, value in values.items()}
    return {name: (None, part, None, {"Content-Length": str(len(part))}) for name, part in parts.items()}


def _standing_still(execution: Mapping[str, Any], now: datetime) -> StandingStill | None:
    state = execution["state"]
    waits_until = read_instant(execution.get("scheduleDate")) if state["current"] == "CREATED" else None
    entered = [entry.get("date") for entry in state.get("histories") or ()]
    since = waits_until or read_instant(entered[-1] if entered else None)
    if (
        since is None
        or state["current"] == "PAUSED"
        or now - since.instant < (_OVERDUE if waits_until else _STANDS_STILL)
    ):
        return None
    return StandingStill(str(execution["id"]), str(execution["flowId"]), since.instant)


def _reason(answer: "Response") -> str:
    """Kestra's own words about a refusal, which the status alone doesn't tell; empty if it has none."""
    try:
        return f", {str(answer.json()['message'])[:_REASON_LIMIT]}"
    except (ValueError, KeyError, TypeError):
        return ""
