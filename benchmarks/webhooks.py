"""How soon a webhook is answered while hundreds of others come in, and whether each of them counts."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import httpx

from benchmarks.figures import Figure, Result, at_most, percentile
from benchmarks.options import Options
from benchmarks.product import PAUSE_S, Product, running_product, say

_BAR_S = 1.0
_WARM_UP = 20
_PATIENCE_S = 600.0
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Answers:
    """What a caller saw.

    Args:
        seconds: From the moment each request was to leave until its answer; refused ones too.
        statuses: How often each answer came; 0: none at all.
    """

    seconds: list[float]
    statuses: Counter[int]

    @property
    def refused(self) -> int:
        """Answers other than 200, and none at all."""
        return self.statuses.total() - self.statuses[httpx.codes.OK]


def webhooks(options: Options) -> Result:
    """Signups at an even pace, whatever the answers take; before them as many bare GETs of ``/health``."""
    count, seconds = options.webhooks, options.webhook_seconds
    with running_product(options.settings) as product:
        address = product.stack.webhook_url("signup-handler")
        asyncio.run(_send(address, _WARM_UP, 4.0, "warm"))
        _wait_for_contacts(product, "warm", _WARM_UP)
        say(f"{count} GETs of /health in {seconds:g} s")
        peer = asyncio.run(_send(f"{product.stack.url}/health", count, seconds, ""))
        say(f"{count} signups in {seconds:g} s")
        began = time.monotonic()
        answers = asyncio.run(_send(address, count, seconds, "lead"))
        contacts = _wait_for_contacts(product, "lead", count)
        all_written_s = time.monotonic() - began
    lost = count - len(contacts)
    double = sum(contacts.values()) - len(contacts)
    figures = [
        _latency("p50", answers, peer, 0.5),
        _latency("p95", answers, peer, 0.95),
        at_most(
            f"webhook answered while {count} come in {seconds:g} s, p99 s",
            percentile(answers.seconds, 0.99),
            _BAR_S,
            _beside(peer, 0.99),
            " s",
        ),
        at_most("  refused, or not confirmed in time", answers.refused, 0, _told(answers)),
        at_most("  lost: answered or not, no contact in Notion", lost, 0),
        at_most("  contacts made twice", double, 0),
        Figure("  until all are written in Notion, s", all_written_s),
    ]
    about = (
        "signups at an even pace; time counts from when a request was to leave; beside: GET /health at the same pace"
    )
    more = {"answers by status": dict(answers.statuses), "seconds of each answer": answers.seconds}
    return Result("webhooks", about, figures, lost + double, more)


def _latency(name: str, answers: Answers, peer: Answers, share: float) -> Figure:
    return Figure(f"webhook answered, {name} s", percentile(answers.seconds, share), _beside(peer, share))


def _told(answers: Answers) -> str:
    return ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(answers.statuses.items()))


def _beside(peer: Answers, share: float) -> str:
    value = percentile(peer.seconds, share)
    return "" if value is None else f"/health {value:.3f} s"


async def _send(address: str, count: int, seconds: float, name: str) -> Answers:
    """Send requests at an even pace without waiting for answers; a late one counts from its planned moment."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=count)
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, limits=limits, trust_env=False) as client:
        start = time.perf_counter() + 0.2

        async def one(n: int) -> tuple[float, int]:
            at = start + n * seconds / count
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            try:
                body = {"email": f"{name}-{n}@example.org", "first_name": "Ada"}
                answer = await (client.post(address, json=body) if name else client.get(address))
                status = answer.status_code
            except httpx.HTTPError:
                status = 0
            return time.perf_counter() - at, status

        done = await asyncio.gather(*(one(n) for n in range(count)))
    return Answers([spent for spent, _ in done], Counter(status for _, status in done))


def _wait_for_contacts(product: Product, name: str, count: int) -> dict[str, int]:
    """Wait until so many addresses have a contact; gives the number of contacts of each."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        found: dict[str, int] = {}
        for row in product.sandbox.rows("contacts"):
            address = str(row["properties"]["email"])
            if address.startswith(f"{name}-"):
                found[address] = found.get(address, 0) + 1
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(PAUSE_S)
