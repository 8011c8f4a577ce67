"""What one email, one signup and one enrolment cost on an idle system: calls, CPU, time."""

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from benchmarks.figures import Figure, Result, at_most, percentile
from benchmarks.options import Options
from benchmarks.processes import Cpu, cpu_of_python
from benchmarks.product import Outcome, Product, now, running_product, say

SPACING_S = 2.0
_WARM_UP = 40
_FLOORS = 5
_HANDLED = 5
_TIMES_THE_FLOOR = 3.0
_LATENESS_S = 2.5
# What any program that does the same must do: start, import the three clients, make the three calls.
_FLOOR = """
import os
import notion_client, resend, kestra
url, row = os.environ["URL"], os.environ["ROW"]
notion = notion_client.Client(auth="sandbox-notion-token", base_url=url)
resend.api_key, resend.api_url = "re_sandbox_key", url
notion.pages.retrieve(page_id=row)
resend.Emails.send({"from": "a@example.org", "to": "floor@example.org", "subject": "s", "html": "h", "text": "t"})
notion.pages.update(page_id=row, properties={"First Name": {"rich_text": [{"text": {"content": "Ada"}}]}})
"""


@dataclass(frozen=True)
class Singles:
    """Emails that became due one after the other.

    Args:
        outcome: By the stand-ins.
        lateness_s: From due to accepted, for each.
        calls: Vendor calls, by vendor.
        cpu: Of all, the engine's idle share taken off.
        idle_share: CPU seconds per second of the idle engine, measured right before.
        emails: How many.
    """

    outcome: Outcome
    lateness_s: list[float]
    calls: Counter[str]
    cpu: Cpu
    idle_share: float
    emails: int


def cost(options: Options) -> Result:
    """One engine: handlers first, then single emails between two measurements of the floor."""
    with running_product(options.settings) as product:
        product.warm_up(min(_WARM_UP, 4 * options.single_emails))
        handled = _handlers(product)
        floors = _floors(product)
        singles = one_after_the_other(product, "single", options.single_emails, options.idle_seconds)
        floor_s = statistics.median([*floors, *_floors(product)])
    n = singles.emails
    tasks_s, engine_s = singles.cpu.tasks / n, singles.cpu.own / n
    floor = f"floor {floor_s:.3f} s"
    figures = [
        at_most("Notion calls of one email, templates warm", singles.calls["notion"] / n, 2),
        at_most("Resend calls of one email", singles.calls["resend"] / n, 1),
        *(at_most(f"Notion calls of one {what}", calls, bar) for what, calls, bar in handled),
        at_most("CPU s of one email, tasks and engine", tasks_s + engine_s, _TIMES_THE_FLOOR * floor_s, floor, " s"),
        Figure("  times the floor", (tasks_s + engine_s) / floor_s),
        Figure("  tasks alone", tasks_s, floor),
        Figure("  engine above its idle share", engine_s, f"idle share {100 * singles.idle_share:.1f} % of a core"),
        Figure("from due to accepted, idle system, p50 s", percentile(singles.lateness_s, 0.5)),
        at_most(
            "from due to accepted, idle system, p95 s", percentile(singles.lateness_s, 0.95), _LATENESS_S, unit=" s"
        ),
    ]
    about = (
        f"{n} emails, one every {SPACING_S:g} s, after a warm-up; the floor is one process with the same three calls"
    )
    return Result("cost", about, figures, singles.outcome.lost + singles.outcome.double)


def one_after_the_other(product: Product, name: str, emails: int, idle_s: float) -> Singles:
    """Let emails become due at even distances on an otherwise idle engine."""
    # Kestra's times are whole seconds here: a fraction would only add the wait for the next one.
    first = (now() + timedelta(seconds=8 + idle_s + emails * 0.15)).replace(microsecond=0)
    due_at = [first + timedelta(seconds=SPACING_S * n) for n in range(emails)]
    addresses = product.seed(name, due_at)
    time.sleep(2.0)
    idle = product.idle_cpu_share(idle_s)
    after = product.last_call()
    time.sleep(max(0.0, (first - now()).total_seconds() - 1.0))
    say(f"{emails} emails are due, one every {SPACING_S:g} s")
    began, before = time.monotonic(), product.cpu()
    outcome = product.wait_for(addresses, after, SPACING_S * emails + 120)
    spent, elapsed = product.cpu() - before, time.monotonic() - began
    late = [
        (outcome.accepted_at[address] - due).total_seconds()
        for address, due in zip(addresses, due_at, strict=True)
        if address in outcome.accepted_at
    ]
    calls = Counter(str(call["vendor"]) for call in product.sandbox.calls(after))
    return Singles(outcome, late, calls, Cpu(spent.own - idle * elapsed, spent.tasks), idle, emails)


def _handlers(product: Product) -> list[tuple[str, float, int]]:
    """Notion calls of each handler, the most that any webhook took; a new contact, and one that is there."""
    say("signups and enrolments")
    product.post("signup-handler", {"email": "first@example.org"})
    product.post("assessment-handler", {"email": "first@example.org", "red_systems": 0, "orange_systems": 0})

    def signup(n: int) -> None:
        product.post("signup-handler", {"email": f"visitor-{n}@example.org", "first_name": "Ada"})

    def assessment(n: int) -> None:
        body = {"email": f"visitor-{n}@example.org", "red_systems": 1, "orange_systems": 2, "yellow_systems": 5}
        product.post("assessment-handler", body)

    def post_call(n: int) -> None:
        product.post("postcall-maybe-handler", {"email": f"caller-{n}@example.org"})

    return [
        ("signup, a new visitor", _most_calls(product, signup), 2),
        ("signup, a known one", _most_calls(product, signup), 2),
        ("enrolment by assessment, a known contact", _most_calls(product, assessment), 4),
        ("enrolment by call, a new contact", _most_calls(product, post_call), 4),
    ]


def _most_calls(product: Product, act: Callable[[int], None]) -> float:
    counts: list[int] = []
    for n in range(_HANDLED):
        after = product.last_call()
        act(n)
        counts.append(sum(call["vendor"] == "notion" for call in product.sandbox.calls(after)))
    return max(counts)


def _floors(product: Product) -> list[float]:
    row = product.sandbox.rows("tracker")[0]["id"]
    env = {**os.environ, "URL": product.stack.sandbox_url, "ROW": row}
    return [cpu_of_python(_FLOOR, env) for _ in range(_FLOORS)]
