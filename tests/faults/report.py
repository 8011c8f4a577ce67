"""From a finished storm to what is wrong and what it came to in figures."""

import base64
import mmap
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults import driver
from tests.faults.chaos import KILLS, Victim
from tests.faults.disk import Disk
from tests.faults.driver import SECRETS, Asked, Size
from tests.faults.judge import Owed, Seen, judge
from tests.faults.leads import Stop
from tests.faults.operator import Operator
from tests.faults.storm import Blow
from tests.integration.world import ENDED, World

_WATCHERS = frozenset({"health-check", "reconcile"})
_ENDING = KILLS | {Victim.RESTART}


@dataclass
class Report:
    """One run.

    Args:
        wrong: A line for each broken promise.
        figures: Name and value, in the order of the table.
        takeover_s: The longest time that a task whose process had gone was left alone.
    """

    wrong: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    takeover_s: float = 0.0

    def text(self) -> str:
        """The table, and what is wrong."""
        width = max(len(name) for name in self.figures)
        table = [f"  {name:<{width}}  {value}" for name, value in self.figures.items()]
        return "\n".join([*table, *(f"  WRONG {line}" for line in self.wrong)])


def say(line: str) -> None:
    """Show a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(world: World, disk: Disk, seed: int, size: Size, tell: Callable[[str], None], *, patience_s: float) -> Report:
    """A storm, an operator, a judgement.

    Args:
        world: Just started.
        disk: Where its state lives.
        seed: Decides on everything that is drawn.
        size: How large.
        tell: Gets a line now and then.
        patience_s: How long the product may take to come to rest afterwards.
    """
    began = datetime.now(UTC)
    operator = Operator(world, patience_s, tell)
    callers, storm = driver.run(world, disk, seed, size, tell, operator)
    executions = {found["id"]: found for found in world.executions()}
    seen = Seen(
        tuple(world.sandbox.mails()),
        tuple(row["properties"] for row in world.sandbox.rows("tracker")),
        tuple(row["properties"] for row in world.sandbox.rows("contacts")),
    )
    owed = list(_owed(callers.asked, executions))
    verdict = judge(owed, [asked.lead.address for asked in callers.asked], seen, size.minute_s)
    report = Report(verdict.lines())
    report.wrong.extend(_unfinished(callers.asked, executions))
    report.wrong.extend(_leaks(world, seen, executions))
    given_away = _given_away(storm.blows, [world.execution(id_) for id_ in _met_by(storm.blows, executions.values())])
    report.takeover_s = max(given_away, default=0.0)
    alerts = _alerts(world, callers.asked)
    kills = Counter(str(blow.strike.victim) for blow in storm.blows)
    report.figures = {
        "seed": str(seed),
        "leads": f"{len(callers.asked)}, {sum(asked.lead.times for asked in callers.asked)} webhooks",
        "stops": _listed(Counter(str(asked.lead.stop) for asked in callers.asked if asked.lead.stop)),
        "mails": str(len(seen.mails)),
        "kills": f"{sum(kills[victim] for victim in KILLS)}: {_listed(kills)}",
        "moments": _listed(Counter(str(blow.strike.moment) for blow in storm.blows if blow.is_met)),
        "running tasks struck": str(sum(blow.running for blow in storm.blows)),
        "vendor faults": f"{storm.faults.total()} calls: {_listed(storm.faults)}",
        "full disk": disk.name,
        "restarted or replayed": str(operator.repeated),
        "executions": _listed(Counter(found["state"]["current"] for found in executions.values())),
        "lost": str(len(verdict.lost)),
        "double": str(len(verdict.double)),
        "early": str(len(verdict.early)),
        "order or gap": str(len(verdict.order)),
        "untrue rows": str(len(verdict.untrue)),
        "stops not kept": str(len(verdict.stops)),
        "hot-lead alerts": alerts,
        "longest recovery": f"{_recovery(world, storm.blows):.1f} s",
        "longest takeover": f"{report.takeover_s:.1f} s, {len(given_away)} tasks given to another worker",
        "seconds": f"{(datetime.now(UTC) - began).total_seconds():.0f}",
    }
    return report


def _owed(everybody: Iterable[Asked], executions: dict[str, Any]) -> Iterable[Owed]:
    for asked in everybody:
        lead = asked.lead
        stopped_at = asked.stopped_at or _first_success(asked.stop_executions, executions)
        if lead.sequence:
            yield Owed(lead.address, lead.sequence, asked.first_at, str(lead.stop or ""), stopped_at)
        if lead.stop is Stop.PAYMENT and asked.stop_first_at is not None:
            yield Owed(lead.address, "onboarding", asked.stop_first_at)


def _first_success(ids: Iterable[str], executions: dict[str, Any]) -> datetime | None:
    family = [one for one in executions.values() if one["id"] in set(ids) or one.get("originalId") in set(ids)]
    ends = [_at(one["state"]["histories"][-1]) for one in family if one["state"]["current"] == "SUCCESS"]
    return min(ends, default=None)


def _unfinished(everybody: Iterable[Asked], executions: dict[str, Any]) -> Iterable[str]:
    replayed = {one.get("originalId") for one in executions.values() if one.get("originalId") != one["id"]}
    for one in executions.values():
        state = one["state"]["current"]
        if state not in ENDED:
            yield f"hanging: {one['flowId']} {one['id']} is {state}"
        elif state not in {"SUCCESS", "WARNING"} and one["flowId"] not in _WATCHERS and one["id"] not in replayed:
            yield f"failed: {one['flowId']} {one['id']} is {state}"
    for asked in everybody:
        for answered in (*asked.executions, *asked.stop_executions):
            if answered not in executions:
                yield f"lost: the answered execution {answered} of {asked.lead.address} is gone"


def _met_by(blows: list[Blow], executions: Iterable[dict[str, Any]]) -> Iterable[str]:
    """The ids of the executions that were under way during a strike."""
    for one in executions:
        histories = one["state"]["histories"]
        if any(_at(histories[0]) < blow.at < _at(histories[-1]) for blow in blows):
            yield one["id"]


def _given_away(blows: list[Blow], executions: Iterable[dict[str, Any]]) -> list[float]:
    """How long each task whose process had gone was left alone before it was given to another one."""
    waits = []
    for one in executions:
        for run in one.get("taskRunList") or ():
            for entry in run["state"]["histories"]:
                before = [blow.at for blow in blows if blow.strike.victim in _ENDING and blow.at < _at(entry)]
                if entry["state"] == "RESUBMITTED" and before:
                    waits.append((_at(entry) - max(before)).total_seconds())
    return waits


def _recovery(world: World, blows: list[Blow]) -> float:
    """The longest time from a strike to the next vendor call after everything was started again."""
    calls = [datetime.fromisoformat(call["at"]) for call in world.sandbox.calls()]
    ends = [blow for blow in blows if blow.strike.victim in _ENDING]
    after = [(blow, min((at for at in calls if at > blow.over_at), default=None)) for blow in ends]
    return max(((at - blow.at).total_seconds() for blow, at in after if at is not None), default=0.0)


def _alerts(world: World, everybody: Iterable[Asked]) -> str:
    told = Counter(
        entry["value"].replace("\\", "")
        for alert in world.sandbox.discord()
        for embed in alert.get("embeds", ())
        for entry in embed.get("fields", ())
        if entry["name"] == "Email"
    )
    hot = [asked.lead.address for asked in everybody if asked.lead.is_hot]
    more = sum(count - 1 for count in told.values() if count > 1)
    return f"{sum(told[address] > 0 for address in hot)} of {len(hot)}, {more} more than once"


def _leaks(world: World, seen: Seen, executions: dict[str, Any]) -> list[str]:
    names = ("NOTION_TOKEN", "RESEND_API_KEY", "RESEND_SIGNING_SECRET", "DISCORD_WEBHOOK_URL")
    values = {**SECRETS, **{name: world.stack.setting(name) for name in names}}
    values["KESTRA_PASSWORD"] = world.stack.engine.password
    needles = {
        name: (value.encode(), base64.b64encode(value.encode()).rstrip(b"=")[:-1]) for name, value in values.items()
    }
    texts = {
        "what the vendors were sent": str((seen, world.sandbox.discord())),
        "the executions": str(executions),
        "their logs": "".join(world.logs(execution) for execution in executions),
    }
    leaks = [
        f"secret: {name} stands in {place}"
        for place, text in texts.items()
        for name, forms in needles.items()
        if any(form in text.encode() for form in forms)
    ]
    data_dir = world.stack.options.data_dir
    for path in (path for path in data_dir.rglob("*") if path.is_file() and path.stat().st_size):
        # The sandbox knows the secrets of the vendors whose part it plays.
        if data_dir / "sandbox" not in path.parents:
            leaks.extend(f"secret: {name} stands in {path.relative_to(data_dir)}" for name in _found(path, needles))
    return leaks


def _found(path: Path, needles: Mapping[str, tuple[bytes, ...]]) -> list[str]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return [name for name, forms in needles.items() if any(content.find(form) >= 0 for form in forms)]


def _at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["date"])


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count) or "none"
