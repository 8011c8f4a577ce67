"""The demonstration: real webhooks into the real engine, judged by what the stand-ins have accepted.

Nothing here asks the library what it thinks it has done. Mails, rows and alerts are read from the sandbox, execution
states from Kestra's API. Each stage says itself what went wrong in it; ``judge.py`` judges what is there in the end.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from christmas_tasks.local.judge import Outcome, Seen, SentMail, judge
from christmas_tasks.local.leads import CALENDLY, MINUTE_S, RESEND, BadBody, Lead, Script, script
from christmas_tasks.local.stack import Stack

_ENDED = frozenset({"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"})
_TIMEOUT_S = 600.0
_POLL_S = 0.5
_DELIVERED, _BOUNCED = "plain1@example.org", "maybe1@example.org"


class Demo:
    """One run on a started stack.

    Args:
        stack: With the sandbox, in testing mode with minutes of ``leads.MINUTE_S``.
        report: Gets a line for each stage.
    """

    def __init__(self, stack: Stack, report: Callable[[str], None]) -> None:
        self._stack = stack
        self._report = report
        self._http = httpx.Client(timeout=_TIMEOUT_S, limits=httpx.Limits(max_connections=30))
        self._login = (stack.engine.username, stack.engine.password)
        self._started_at = datetime.now(UTC)
        self._stopped_at: dict[str, datetime] = {}

    def run(self) -> Outcome:
        """Post, wait, replay, look at everything, and say what is wrong."""
        plan = script((self._started_at - timedelta(seconds=1)).isoformat())
        outcome = Outcome()
        with self._http:
            self._report(f"Posting the webhooks of {len(plan.leads)} leads, some of them several times, in parallel.")
            executions = self._post_all(plan)
            self._report("Posting bad bodies, a wrong key and an unknown flow.")
            refused = self._post_bad_bodies(plan.bad_bodies, outcome)
            self._report(f"Waiting for the emails (a testing minute lasts {MINUTE_S:g} s).")
            self._wait_until_quiet()
            self._report("Replaying finished executions: nothing may be mailed twice.")
            self._replay(executions, outcome)
            self._wait_until_quiet()
            self._report("Resend tells of deliveries and a hard bounce; reconcile and health check run.")
            self._deliver_events(outcome)
            self._run_watchers(outcome)
            seen = self._seen(refused)
            judge(plan, seen, outcome)
            outcome.figures |= self._figures(plan, refused, seen)
        return outcome

    # Posting

    def _post_all(self, plan: Script) -> list[str]:
        with ThreadPoolExecutor(20) as pool:
            posts = [pool.submit(self._post, lead) for lead in plan.leads for _ in range(lead.times)]
            executions = [post.result() for post in posts]
            list(pool.map(self._stop_lead, [lead for lead in plan.leads if lead.stops]))
        return executions

    def _post(self, lead: Lead) -> str:
        return self._webhook(lead.flow, lead.key, json=dict(lead.body))

    def _webhook(self, flow: str, key: str, *, json: object = None, content: bytes | None = None) -> str:
        answer = self._http.post(self._stack.webhook_url(flow, key), json=json, content=content)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def _stop_lead(self, lead: Lead) -> None:
        self._wait_for(lambda: bool(self._row_of(lead.email, lead.sequence)), f"the row of {lead.email}")
        if lead.stops == "booked":
            event = {"event": "invitee.created", "payload": {"email": lead.email}}
            execution = self._webhook("call-booked-handler", CALENDLY, json=event)
        elif lead.stops == "paid":
            execution = self._webhook(
                "onboarding-handler", lead.key, json={"email": lead.email, "payment_confirmed": True}
            )
        else:
            self._unsubscribe(lead.email)
            self._stopped_at[lead.email] = datetime.now(UTC)
            return
        self._end_of(execution)
        self._stopped_at[lead.email] = datetime.now(UTC)

    def _unsubscribe(self, address: str) -> None:
        self._wait_for(lambda: bool(self._mails(address)), f"the first mail to {address}")
        mail = self._sandbox("mails", to=address)["mails"][0]
        link = mail["headers"]["List-Unsubscribe"].strip("<>")
        self._http.get(link)
        self._http.post(link, data={"List-Unsubscribe": "One-Click"}).raise_for_status()

    def _post_bad_bodies(self, bodies: Iterable[BadBody], outcome: Outcome) -> list[tuple[str, BadBody]]:
        posted = [(self._webhook(bad.flow, bad.key, content=bad.content), bad) for bad in bodies]
        for address in (
            f"{self._stack.url}/api/v1/main/executions/webhook/christmas/signup-handler/wrong-key",
            f"{self._stack.url}/api/v1/main/executions/webhook/christmas/no-such-flow/wrong-key",
        ):
            status = self._http.post(address, json={"email": "nobody@example.org"}).status_code
            if status != httpx.codes.NOT_FOUND:
                outcome.faults.append(f"a wrong address was answered with {status}, not 404")
        return posted

    def _replay(self, executions: list[str], outcome: Outcome) -> None:
        before = len(self._mails())
        sends = [found["id"] for found in self._executions("send-email") if found["state"]["current"] == "SUCCESS"]
        chosen = [executions[5], executions[-1], *sends[:3]]
        for execution in chosen:
            address = f"{self._stack.url}/api/v1/main/executions/{execution}/actions/replay"
            self._http.post(address, auth=self._login).raise_for_status()
        outcome.figures["replayed"] = len(chosen)
        self._wait_until_quiet()
        if len(self._mails()) != before:
            outcome.faults.append(f"replays have mailed {len(self._mails()) - before} more")

    def _deliver_events(self, outcome: Outcome) -> None:
        hook = self._stack.webhook_url("resend-events", RESEND)
        delivered, bounced = _DELIVERED, _BOUNCED
        for address, kind in ((delivered, "delivered"), (bounced, "bounced")):
            mail = self._mails(address)[0]
            event: dict[str, Any] = {"email_id": mail.resend_id, "type": kind, "url": hook}
            if kind == "bounced":
                event["data"] = {"bounce": {"type": "Permanent", "subType": "General", "message": "gone"}}
            told = self._http.post(f"{self._stack.sandbox_url}/_sandbox/resend/events", json=event).raise_for_status()
            self._end_of(json.loads(told.json()["body"])["id"])
        found = {row["Email"]: row["Email 1 Delivery"] or row["Email 2 Delivery"] for row in self._rows()}
        for address, kind in ((delivered, "delivered"), (bounced, "bounced")):
            if found[address] != kind:
                outcome.faults.append(f"the news that a mail to {address} was {kind} is not recorded")
        suppressed = {row["properties"]["email"]: row["properties"]["Email Suppressed"] for row in self._contacts()}
        if suppressed[bounced] != "bounced" or suppressed[delivered]:
            outcome.faults.append("a hard bounce has not suppressed the contact, or a delivery has")

    def _run_watchers(self, outcome: Outcome) -> None:
        before = len(self._mails())
        for flow in ("reconcile", "health-check"):
            address = f"{self._stack.url}/api/v1/main/executions/christmas/{flow}"
            execution = str(self._http.post(address, auth=self._login).json()["id"])
            if (state := self._end_of(execution)) != "SUCCESS":
                outcome.faults.append(f"{flow} ended {state}")
        self._wait_until_quiet()
        if len(self._mails()) != before:
            outcome.faults.append("reconcile has mailed something, though nothing was missing")

    # Looking

    def _sandbox(self, what: str, **params: str) -> Any:  # noqa: ANN401 - the sandbox's JSON
        return self._http.get(f"{self._stack.sandbox_url}/_sandbox/{what}", params=params).json()

    def _mails(self, to: str = "") -> list[SentMail]:
        found = self._sandbox("mails", limit="10000", **({"to": to} if to else {}))["mails"]
        mails = []
        for mail in found:
            tags = {tag["name"]: tag["value"] for tag in mail["tags"]}
            mails.append(
                SentMail(
                    mail["to"][0],
                    tags["sequence"],
                    int(tags["email"]),
                    mail["subject"],
                    datetime.fromisoformat(mail["accepted_at"]),
                    mail["id"],
                )
            )
        return mails

    def _contacts(self) -> list[dict[str, Any]]:
        return list(self._sandbox("rows/contacts")["rows"])

    def _rows(self) -> list[dict[str, Any]]:
        return [row["properties"] for row in self._sandbox("rows/tracker")["rows"]]

    def _row_of(self, address: str, sequence: str) -> dict[str, Any] | None:
        rows = (row for row in self._rows() if row["Email"] == address and row["Sequence Type"] == sequence)
        return next(rows, None)

    def _state(self, execution: str) -> str:
        address = f"{self._stack.url}/api/v1/main/executions/{execution}"
        answer = self._http.get(address, auth=self._login)
        return str(answer.json()["state"]["current"]) if answer.is_success else "UNKNOWN"

    def _end_of(self, execution: str) -> str:
        self._wait_for(lambda: self._state(execution) in _ENDED, "the end of an execution")
        return self._state(execution)

    def _executions(self, flow: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        params: dict[str, str | int] = {"size": 100, "filters[namespace][EQUALS]": "christmas"}
        if flow:
            params["filters[flowId][EQUALS]"] = flow
        for page in range(1, 200):
            address = f"{self._stack.url}/api/v1/main/executions/search"
            answer = self._http.get(address, params={**params, "page": page}, auth=self._login).json()
            found.extend(answer["results"])
            if len(found) >= answer["total"]:
                break
        return found

    def _wait_until_quiet(self) -> None:
        self._wait_for(
            lambda: all(found["state"]["current"] in _ENDED for found in self._executions()), "all executions to end"
        )

    def _wait_for(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _TIMEOUT_S
        while not happened():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {_TIMEOUT_S:.0f} s for {what}")
            time.sleep(_POLL_S)

    def _seen(self, refused: Iterable[tuple[str, BadBody]]) -> Seen:
        return Seen(
            started_at=self._started_at,
            stopped_at=dict(self._stopped_at),
            mails=self._mails(),
            rows=self._rows(),
            contacts=self._contacts(),
            alerts=self._sandbox("discord")["messages"],
            refused=[(bad, self._state(execution)) for execution, bad in refused],
        )

    def _figures(self, plan: Script, refused: list[tuple[str, BadBody]], seen: Seen) -> dict[str, object]:
        return {
            "leads": len({lead.email for lead in plan.leads}),
            "webhooks": sum(lead.times for lead in plan.leads) + len(refused) + 2,
            "mails": len(seen.mails),
            "rows": len(seen.rows),
            "executions": Counter(found["state"]["current"] for found in self._executions()),
        }
