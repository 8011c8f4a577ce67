"""The demonstration: real webhooks into the real engine, judged by what the stand-ins have accepted.

Nothing here asks the library what it thinks it has done. Mails, rows and alerts are read from the sandbox, execution
states from Kestra's API, and the expectation is the contract's table in ``leads.py``.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from christmas_tasks.local.leads import CALENDLY, MINUTES, RESEND, BadBody, Lead, Script, script
from christmas_tasks.local.stack import Stack

MINUTE_S = 2.0
_ENDED = frozenset({"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"})
_TIMEOUT_S = 600.0
_POLL_S = 0.5
_DELIVERED, _BOUNCED = "plain1@example.org", "maybe1@example.org"
_MOST_AFTER_STOP = 1  # one mail may be between its check and its sending when the stop comes


@dataclass(frozen=True)
class SentMail:
    """One mail that the stand-in of Resend has accepted."""

    to: str
    sequence: str
    number: int
    subject: str
    accepted_at: datetime
    resend_id: str


@dataclass
class Outcome:
    """What the demonstration has seen.

    Args:
        lines: The table, a row for each email: receiver, segment, sequence, number, planned, sent, subject or state.
        faults: What is wrong; empty: all is well.
        figures: For the closing line.
    """

    lines: list[tuple[str, ...]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)


class Demo:
    """One run on a started stack.

    Args:
        stack: With the sandbox, in testing mode with minutes of ``MINUTE_S``.
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
            self._report("Waiting for the emails (a testing minute lasts 2 s).")
            self._wait_until_quiet()
            self._report("Replaying finished executions: nothing may be mailed twice.")
            self._replay(executions, outcome)
            self._wait_until_quiet()
            self._report("Resend tells of deliveries and a hard bounce; reconcile and health check run.")
            self._deliver_events(outcome)
            self._run_watchers(outcome)
            self._judge(plan, refused, outcome)
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

    # Judging

    def _judge(self, plan: Script, refused: list[tuple[str, BadBody]], outcome: Outcome) -> None:
        mails, rows = self._mails(), self._rows()
        sent: dict[tuple[str, str], list[SentMail]] = defaultdict(list)
        for mail in sorted(mails, key=lambda mail: mail.accepted_at):
            sent[mail.to, mail.sequence].append(mail)
        expected: dict[tuple[str, str], Lead] = {
            (lead.email, lead.sequence): lead for lead in plan.leads if lead.sequence
        }
        expected |= {
            (lead.email, "onboarding"): Lead("onboarding-handler", lead.email, {}, "onboarding", lead.segment)
            for lead in plan.leads
            if lead.stops == "paid"
        }
        for (address, sequence), lead in expected.items():
            self._judge_sequence(lead, sent.pop((address, sequence), []), rows, outcome)
        outcome.faults.extend(f"{address} got mails of {sequence} that nobody planned" for address, sequence in sent)
        for execution, bad in refused:
            if (state := self._state(execution)) != bad.state:
                outcome.faults.append(f"a bad body to {bad.flow} ended {state}, not {bad.state}")
        self._judge_contacts(plan, outcome)
        hot = {lead.email for lead in plan.leads if lead.segment == "CRITICAL" and lead.sequence}
        self._judge_alerts(hot, outcome)
        outcome.figures |= {
            "leads": len({lead.email for lead in plan.leads}),
            "webhooks": sum(lead.times for lead in plan.leads) + len(refused) + 2,
            "mails": len(mails),
            "rows": len(rows),
            "executions": Counter(found["state"]["current"] for found in self._executions()),
        }

    def _judge_sequence(self, lead: Lead, mails: list[SentMail], rows: list[dict[str, Any]], outcome: Outcome) -> None:
        who = f"{lead.email} ({lead.sequence})"
        found = [row for row in rows if row["Email"] == lead.email and row["Sequence Type"] == lead.sequence]
        if len(found) != 1:
            outcome.faults.append(f"{who} has {len(found)} tracker rows, not 1")
            return
        row = found[0]
        if row["Segment"] != lead.segment:
            outcome.faults.append(f"{who} is in the segment {row['Segment']}, not {lead.segment}")
        numbers = Counter(mail.number for mail in mails)
        for number, minutes in MINUTES[lead.sequence].items():
            mail = next((mail for mail in mails if mail.number == number), None)
            self._judge_email(lead, number, minutes, mail, row, outcome)
            if numbers[number] > 1:
                outcome.faults.append(f"{who} got #{number} {numbers[number]} times")
        if [mail.number for mail in mails] != sorted(mail.number for mail in mails):
            outcome.faults.append(f"{who} got the mails in the wrong order")
        stopped_at = self._stopped_at.get(lead.email)
        if lead.stops and stopped_at is not None:
            late = [mail for mail in mails if mail.accepted_at > stopped_at]
            if len(late) > _MOST_AFTER_STOP or row["Sequence Status"] != "stopped":
                outcome.faults.append(f"{who} was not stopped: {len(late)} mails after, row {row['Sequence Status']}")

    def _judge_email(
        self, lead: Lead, number: int, minutes: int, mail: SentMail | None, row: dict[str, Any], outcome: Outcome
    ) -> None:
        who = f"{lead.email} ({lead.sequence}) #{number}"
        planned = datetime.fromisoformat(row[f"Email {number} Scheduled At"])
        status = row[f"Email {number} Status"]
        shown = status if mail is None else mail.subject
        outcome.lines.append(
            (
                lead.email,
                row["Segment"],
                lead.sequence,
                f"#{number}",
                f"{planned:%H:%M:%S}",
                "" if mail is None else f"{mail.accepted_at:%H:%M:%S}",
                shown,
            )
        )
        if planned < self._started_at - timedelta(seconds=1) + timedelta(seconds=minutes * MINUTE_S):
            outcome.faults.append(f"{who} was planned too early")
        if mail is None:
            if not lead.stops:
                outcome.faults.append(f"{who} is missing (row: {status})")
            elif status != "skipped":
                outcome.faults.append(f"{who} was not sent, and its row says {status}, not skipped")
            return
        if mail.accepted_at < planned:
            outcome.faults.append(f"{who} went out before its time")
        if status != "sent" or row[f"Email {number} Resend ID"] != mail.resend_id:
            outcome.faults.append(f"{who} went out, but its row says {status}")

    def _judge_contacts(self, plan: Script, outcome: Outcome) -> None:
        rows = [row["properties"] for row in self._contacts()]
        counts = Counter(row["email"] for row in rows)
        for address in {lead.email for lead in plan.leads}:
            if counts[address] != 1:
                outcome.faults.append(f"{address} has {counts[address]} contacts, not 1")
        if counts["unpaid@example.org"]:
            outcome.faults.append("an unpaid onboarding has written a contact")

    def _judge_alerts(self, hot: set[str], outcome: Outcome) -> None:
        told = Counter(
            entry["value"].replace("\\", "")
            for alert in self._sandbox("discord")["messages"]
            for embed in alert["embeds"]
            for entry in embed.get("fields", ())
            if entry["name"] == "Email"
        )
        if told != Counter(hot):
            outcome.faults.append(f"hot-lead alerts went out for {dict(told)}, not once for each of {sorted(hot)}")
