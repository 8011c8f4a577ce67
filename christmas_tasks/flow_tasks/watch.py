"""The tasks that watch: alerts, the health check, reconcile."""

import hashlib

from christmas_tasks.discord import Alert
from christmas_tasks.flow_tasks import metrics
from christmas_tasks.flow_tasks.door import Door, Outputs, harmless
from christmas_tasks.flow_tasks.protocol import Level, say
from christmas_tasks.settings import utc_now
from christmas_tasks.steps import alerts
from christmas_tasks.steps.check import check as look_at_all
from christmas_tasks.steps.handover import dump, load
from christmas_tasks.steps.reconcile import reconcile as compare

# A scheduled flow finds the same thing again and again; the people hear of it this seldom.
_SAME_NEWS_S = 6 * 3_600.0


def alert(door: Door) -> Outputs:
    """Any flow: post what an earlier task has written down for the people; of a scheduled flow only if it is news."""
    written = load(door.bytes_file("alerts"), alerts.Written)
    if door.is_replay and written.by != door.execution_id:
        say(Level.INFO, "A replay: the people were told the first time.")
        return {"posted": 0}
    return _post(door, written.alerts)


def alert_failure(door: Door) -> Outputs:
    """The errors branch of any flow: one alert for one failed execution; of a scheduled flow only if it is news."""
    flow_id = door.env("FLOW_ID")
    link = f"{door.one_setting('PUBLIC_URL')}/ui/main/executions/christmas/{flow_id}/{door.execution_id}"
    lines = alerts.told(door.json_file("errors"))
    return _post(door, (alerts.failure(flow_id, door.execution_id, link, lines, utc_now()),), flow_id, *lines)


def check(door: Door) -> Outputs:
    """health-check: a readable report; a fault for each thing that would break the campaign."""
    report = look_at_all(door.environ, lambda: door.notion, lambda: door.mailer, lambda: door.engine, utc_now())
    for line in report.faults:
        say(Level.ERROR, harmless(line))
    for line in report.warnings:
        say(Level.WARNING, harmless(line))
    return {"fault": harmless("\n".join(report.faults)), "report": harmless("\n".join(report.lines))}


def reconcile(door: Door) -> Outputs:
    """reconcile: what is planned, has no end and no execution; and what a person should look at."""
    now = utc_now()
    found = compare(door.notion, door.engine.live_emails(), door.settings, now)
    say(Level.INFO, f"{found.checked} planned emails, {len(found.missing)} without an execution.")
    findings = (*found.findings, *door.notion.unreadable)
    metrics.reconciled(len(found.missing), len(findings))
    for line in findings:
        say(Level.WARNING, harmless(line))
    door.write_file("emails", dump(found.missing))
    news = (alerts.for_findings(findings, now),) if findings else ()
    door.write_file("alerts", dump(alerts.Written(door.execution_id, news)))
    return {
        "alert": bool(findings),
        "findings": [harmless(line) for line in findings],
        "schedule": bool(found.missing),
    }


def _post(door: Door, messages: tuple[Alert, ...], *what: str) -> Outputs:
    url = door.one_setting("DISCORD_WEBHOOK_URL")
    told = repr(what or tuple(message.text for message in messages))
    name = f"told-{hashlib.sha256(told.encode()).hexdigest()[:24]}"
    only_news = door.flag("ONLY_NEWS")
    if only_news and door.cache.read(name, _SAME_NEWS_S) is not None:
        say(Level.INFO, "The people know of this already: no alert.")
        return {"posted": 0}
    posted = alerts.post_all(url, messages)
    if only_news and posted == len(messages):
        door.cache.write(name, "told")
    if url and posted < len(messages):
        say(Level.WARNING, f"Discord took {posted} of {len(messages)} alerts; the flow goes on.")
    return {"posted": posted}
