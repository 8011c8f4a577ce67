"""Enrols leads while a storm goes on, lets an operator put things right, and looks at what came out."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from christmas_tasks.local.engine_build import ensure_built
from tests.faults import chaos, leads
from tests.faults.disk import Disk, small_disk
from tests.faults.leads import Lead, Stop
from tests.faults.operator import Operator
from tests.faults.storm import Storm
from tests.integration.world import CALENDLY, RESEND, WEBSITE, World

# The tasks' own patience with a vendor, so that a storm reaches Kestra's retries as well.
BUDGET_S = 4.0
_CALLER_PATIENCE_S = 3_600.0
_AGAIN_S = 0.5
# Hundreds wait for their mail at the same time, and the stand-in is to have time for the product.
_LOOK_AGAIN_S = 3.0
_CALLERS = 256
_CONFIRMED = "You are unsubscribed"

# Values that stand nowhere else, so that a find is a leak.
SECRETS = {
    "WEBSITE_WEBHOOK_KEY": "storm-website-key-5b1e7a",
    "CALENDLY_WEBHOOK_KEY": "storm-calendly-key-90c2d4",
    "RESEND_WEBHOOK_KEY": "storm-resend-key-77f3e1",
    "CALENDLY_SIGNING_KEY": "storm-calendly-signing-key-1f2e3d",
    "UNSUBSCRIBE_SIGNING_KEY": "storm-unsubscribe-signing-key-0a9b8c",
}


@dataclass(frozen=True)
class Size:
    """How large a run is.

    Args:
        lead_count: Leads.
        kills: ``kill -9`` of the engine or of a worker, the full disks included.
        minute_s: Seconds of a testing minute.
        over_s: The leads come within so many seconds.
        calls_between: The mean number of vendor calls between two strikes.
        workers: Further worker processes.
        worker_threads: Tasks at a time in each.
    """

    lead_count: int
    kills: int
    minute_s: float
    over_s: float
    calls_between: int
    workers: int = 1
    worker_threads: int = 6


@dataclass
class Asked:
    """What callers know of one lead.

    Args:
        lead: As drawn.
        first_at: Before the first attempt to post it, aware UTC.
        executions: The ids that were answered.
        stop_executions: Of the stop; empty for an unsubscribe, which is answered by its outcome.
        stop_first_at: Before the first attempt to post the stop, aware UTC.
        stopped_at: When an unsubscribe was confirmed, aware UTC.
    """

    lead: Lead
    first_at: datetime
    executions: list[str] = field(default_factory=list)
    stop_executions: list[str] = field(default_factory=list)
    stop_first_at: datetime | None = None
    stopped_at: datetime | None = None


@contextmanager
def product(data_dir: Path, size: Size) -> Iterator[tuple[World, Disk]]:
    """A product of its own, started, with its state on a disk that can be made full."""
    ensure_built()
    with ExitStack() as stack:
        engine_dir = data_dir / "engine"
        disk = stack.enter_context(small_disk(engine_dir))
        settings = {
            "TESTING_MODE": "true",
            "TESTING_MINUTE_SECONDS": f"{size.minute_s:g}",
            "VENDOR_BUDGET_SECONDS": f"{BUDGET_S:g}",
            "CHRISTMAS_CACHE_DIR": str(engine_dir / "cache"),
            **SECRETS,
        }
        world = World(data_dir, settings, workers=size.workers, worker_threads=size.worker_threads)
        stack.callback(world.close)
        stack.enter_context(world.stack)
        stack.callback(world.stack.engine.kill)
        yield world, disk


class Callers:
    """Website, Calendly and Resend: each posts again until it is answered.

    Args:
        world: The product.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._http = httpx.Client(timeout=20.0, limits=httpx.Limits(max_connections=_CALLERS))
        self._is_over = threading.Event()
        self.asked: list[Asked] = []

    def close(self) -> None:
        """End the connections; whoever still waits gives up."""
        self._is_over.set()
        self._http.close()

    def come(self, everybody: tuple[Lead, ...]) -> None:
        """Let all leads come at their times; returns once every webhook and every stop was answered."""
        began = time.monotonic()
        with ThreadPoolExecutor(_CALLERS) as pool:
            coming: list[Future[None]] = []
            for lead in everybody:
                if self._is_over.wait(max(0.0, lead.at_s - (time.monotonic() - began))):
                    break
                asked = Asked(lead, datetime.now(UTC))
                self.asked.append(asked)
                body = leads.with_time(lead, asked.first_at)
                coming.extend(pool.submit(self._enrol, asked, body) for _ in range(lead.times))
                if lead.stop is not None:
                    coming.append(pool.submit(self._stop, asked))
            for one in coming:
                one.result()

    def _enrol(self, asked: Asked, body: dict[str, Any]) -> None:
        asked.executions.append(self._post(asked.lead.flow, body, asked.lead.key))

    def _stop(self, asked: Asked) -> None:
        lead = asked.lead
        if lead.stop in {Stop.UNSUBSCRIBE, Stop.BOUNCE}:
            mail = self._until(
                lambda: next(iter(self._world.mails(lead.address)), None), f"a mail to {lead.address}", _LOOK_AGAIN_S
            )
            asked.stop_first_at = datetime.now(UTC)
            if lead.stop is Stop.UNSUBSCRIBE:
                asked.stopped_at = self._unsubscribe(mail)
            else:
                asked.stop_executions.append(self._bounce(mail))
            return
        self._until(lambda: self._world.rows(lead.address, lead.sequence), f"the row of {lead.address}", _LOOK_AGAIN_S)
        asked.stop_first_at = datetime.now(UTC)
        if lead.stop is Stop.BOOKING:
            event = {"event": "invitee.created", "payload": {"email": lead.address}}
            asked.stop_executions.append(self._post("call-booked-handler", event, CALENDLY))
        else:
            paid = {"email": lead.address, "payment_confirmed": True}
            asked.stop_executions.append(self._post("onboarding-handler", paid, WEBSITE))

    def _unsubscribe(self, mail: dict[str, Any]) -> datetime:
        link = mail["headers"]["List-Unsubscribe"].strip("<>")

        def click() -> bool:
            return _CONFIRMED in self._http.post(link, data={"List-Unsubscribe": "One-Click"}).text

        self._until(click, "a confirmed unsubscribe")
        return datetime.now(UTC)

    def _bounce(self, mail: dict[str, Any]) -> str:
        hook = self._world.stack.webhook_url("resend-events", RESEND)
        gone = {"bounce": {"type": "Permanent", "subType": "General", "message": "gone"}}

        def tell() -> str:
            answer = self._world.sandbox.deliver_event(mail["id"], "bounced", hook, data=gone)
            return str(json.loads(answer["body"])["id"]) if answer["status"] == httpx.codes.OK else ""

        return str(self._until(tell, "the answer to a bounce"))

    def _post(self, flow: str, body: dict[str, Any], key: str) -> str:
        content = json.dumps(body).encode()

        def post() -> str:
            headers = {"content-type": "application/json", **(_signature(content) if key == CALENDLY else {})}
            answer = self._http.post(self._world.stack.webhook_url(flow, key), content=content, headers=headers)
            return str(answer.json()["id"]) if answer.status_code == httpx.codes.OK else ""

        return str(self._until(post, f"an answer of {flow}"))

    def _until(self, look: Callable[[], Any], what: str, again_s: float = _AGAIN_S) -> Any:
        deadline = time.monotonic() + _CALLER_PATIENCE_S
        while True:
            try:
                found = look()
            except httpx.TransportError:
                found = None
            if found:
                return found
            if time.monotonic() > deadline or self._is_over.wait(again_s):
                raise TimeoutError(f"nobody waits any longer for {what}")


def run(
    world: World, disk: Disk, seed: int, size: Size, report: Callable[[str], None], operator: Operator
) -> tuple[Callers, Storm]:
    """Leads and storm side by side, then the operator; returns once everybody was answered and all has ended."""
    callers, storm = Callers(world), Storm(world, disk, report)
    with ThreadPoolExecutor(1) as pool, closing(callers):
        coming = pool.submit(callers.come, leads.draw(seed, size.lead_count, size.over_s))
        storm.run(chaos.draw(seed, size.kills, size.calls_between))
        report("the storm is over")
        # Who wants to unsubscribe needs a mail first, and that may need a person.
        while not coming.done():
            operator.repeat_all()
            time.sleep(_LOOK_AGAIN_S)
        coming.result()
    operator.settle()
    return callers, storm


def _signature(content: bytes) -> dict[str, str]:
    stamp = str(int(time.time()))
    key = SECRETS["CALENDLY_SIGNING_KEY"].encode()
    digest = hmac.new(key, stamp.encode() + b"." + content, hashlib.sha256).hexdigest()
    return {"Calendly-Webhook-Signature": f"t={stamp},v1={digest}"}
